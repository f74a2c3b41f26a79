"""Part of Welltimed."""
