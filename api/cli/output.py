"""How every command prints: people on stdout or stderr, one JSON object with `--json`."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
"""What was asked for."""
err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and complaints."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Failed(Exception):
    """A command could not do its work; the message is one line for the user."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def quit_with(message: str, code: int) -> NoReturn:
    """End with one line on stderr; with none where help was shown instead."""
    if message:
        sys.stderr.write(f"welltimed: {' '.join(message.split())}\n")
    raise SystemExit(code)
