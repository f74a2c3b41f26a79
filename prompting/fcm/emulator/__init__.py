"""A stand-in for FCM HTTP v1 that runs locally, keeps a log and fails on request."""

from prompting.fcm.emulator.app import EmulatorApp, build_emulator

__all__ = ["EmulatorApp", "build_emulator"]
