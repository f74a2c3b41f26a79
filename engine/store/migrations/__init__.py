"""Alembic's script folder: `versions` holds one file a step."""
