"""Sending prompts through Firebase Cloud Messaging, and a stand-in for it that runs locally."""
