"""The command `welltimed`: one module for each kind of work, one way to print and to fail."""

from api.cli.root import main

__all__ = ["main"]
