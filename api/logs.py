"""Log lines without health data, as text for people or as JSON for collectors.

Our own messages hold ids, counts and names of parts. What could carry more is the message of an
exception, which may quote a value that was refused: so only its type and the places it came from
are written, and the message of faults that speak of machines, such as an unreachable database.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = ("text", "json")
OURS = ("api", "prompting", "engine", "models", "content")
"""Only these take the level that was asked for: libraries write statements and payloads."""
_OF_MACHINES = frozenset({"OSError", "OperationalError", "DatabaseUnusable"})
"""Kinds of exceptions, by the names of their classes, whose messages quote no patient's data."""
_LONGEST_CHAIN = 5

Fault = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(level: str, kind: Format, stream: TextIO | None = None) -> None:
    """Write log lines from `level` on to `stream`, stderr by default, in this format."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if kind == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    number = logging.getLevelNamesMapping()[level]
    root.setLevel(max(number, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(number)


def fault_of(error: BaseException) -> list[dict[str, object]]:
    """Return an exception and what caused it, outermost first: types and places, no values."""
    told: list[dict[str, object]] = []
    current: BaseException | None = error
    while current is not None and len(told) < _LONGEST_CHAIN:
        one: dict[str, object] = {
            "type": type(current).__name__,
            "at": [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(current.__traceback__)
            ],
        }
        if _OF_MACHINES & {kind.__name__ for kind in type(current).__mro__}:
            one["message"] = str(current)
        told.append(one)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return told


class TextFormatter(logging.Formatter):
    """One line a record, and below it the places an exception came from."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        record.exc_text = None  # what another handler made of the exception has its values in it
        text = super().format(record)
        record.exc_text = None
        return text

    def formatException(self, ei: Fault | tuple[None, None, None]) -> str:  # noqa: N802
        """Return an exception without the values it may quote."""
        lines = []
        for one in fault_of(ei[1]) if ei[1] is not None else ():
            message = f": {one['message']}" if "message" in one else ""
            lines.append(f"{one['type']}{message}")
            places = one["at"]
            if isinstance(places, list):
                lines += [f"  at {place}" for place in places]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a record: at, level, logger, message, thread, and `fault` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "thread": record.threadName,
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            told["fault"] = fault_of(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)
