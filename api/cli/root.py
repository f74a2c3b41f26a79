"""Assembling the commands, and turning every error into one line and an exit code."""

import logging
import os

import typer

from api import logs
from api.cli.commands import Commands
from api.cli.output import Failed, quit_with
from engine.errors import WelltimedError

app = typer.Typer(
    name="welltimed",
    cls=Commands,
    help="Ecological momentary assessment with adaptive prompting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    """Take a command."""


def main() -> None:
    """Run the command line; exit 0, 1 (failed) or 2 (wrong usage)."""
    level = os.environ.get("WELLTIMED_LOG_LEVEL", "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        quit_with(f"WELLTIMED_LOG_LEVEL: one of {', '.join(logging.getLevelNamesMapping())}", 2)
    kind = os.environ.get("WELLTIMED_LOG_FORMAT", "text").lower()
    formats = {name: name for name in logs.FORMATS}
    if kind not in formats:
        quit_with(f"WELLTIMED_LOG_FORMAT: one of {', '.join(formats)}", 2)
    logs.configure(level, formats[kind])
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        quit_with("stopped", 130)
    except KeyboardInterrupt:
        quit_with("stopped", 130)
    except Failed as failed:
        quit_with(str(failed), failed.code)
    except WelltimedError as error:
        quit_with(str(error), 1)
    except OSError as error:
        quit_with(_os_message(error), 1)
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        quit_with(message(), getattr(error, "exit_code", 2))
    raise SystemExit(code if isinstance(code, int) else 0)


def _os_message(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}"
