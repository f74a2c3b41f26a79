"""Makes `builders` importable from every test; speed is measured in benchmarks, never in tests."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
