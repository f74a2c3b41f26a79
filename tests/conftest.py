"""Makes `builders` importable from every test."""
