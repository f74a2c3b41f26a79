"""The emulator's record of every send request it received, whatever became of it.

Invariants about delivery are proved against this log and not against our own tables: it is the
only witness that saw what really arrived.
"""

import json
import re
import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from engine.clock import Clock

ACCEPTED = "accepted"
"""Outcome of a request whose message was taken, even if the answer then said otherwise."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request: `outcome` is "accepted" or the error; `http_status` None if no answer went out.

    `message` is the message as it arrived, None if the body was not a JSON object with one. Two
    accepted entries with the same `prompt_id` and `repeat` are a double.
    """

    seq: int
    at: datetime
    project: str
    token: str | None
    prompt_id: str | None
    repeat: int
    collapse_key: str | None
    outcome: str
    http_status: int | None
    message: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the entry as a JSON object, `at` in ISO 8601."""
        return asdict(self) | {"at": self.at.isoformat()}


class MessageLog:
    """The newest `kept` entries in memory, and all of them as JSON lines in `path` if given.

    Numbers go on where the file ends. Safe to read from any thread.
    """

    def __init__(self, clock: Clock, path: Path | None = None, *, kept: int = 10_000) -> None:
        self._clock = clock
        self._path = path
        self._entries: deque[LogEntry] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self._seq = _last_seq(path) if path is not None else 0
        self.received = 0
        self.accepted = 0

    @property
    def seq(self) -> int:
        """Number of the newest entry; 0 before the first."""
        return self._seq

    def record(
        self,
        *,
        project: str,
        message: dict[str, Any] | None,
        outcome: str,
        http_status: int | None,
    ) -> LogEntry:
        """Return the new entry, durable in the file as far as the system's cache goes."""
        token, prompt_id, collapse_key = identify(message)
        with self._lock:
            self._seq += 1
            entry = LogEntry(
                seq=self._seq,
                at=self._clock(),
                project=project,
                token=token,
                prompt_id=prompt_id,
                repeat=_repeat(message),
                collapse_key=collapse_key,
                outcome=outcome,
                http_status=http_status,
                message=message,
            )
            self._entries.append(entry)
            self.received += 1
            self.accepted += outcome == ACCEPTED
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry.as_json()) + "\n")
        return entry

    def after(self, seq: int = 0, *, limit: int | None = None) -> list[LogEntry]:
        """Return the kept entries with a number above `seq`, oldest first, at most `limit`."""
        with self._lock:
            first = self._entries[0].seq if self._entries else 1
            start = max(seq - first + 1, 0)  # numbers have no gaps
            stop = None if limit is None else start + limit
            return list(islice(self._entries, start, stop))


def identify(message: dict[str, Any] | None) -> tuple[str | None, str | None, str | None]:
    """Return (token, prompt id, collapse key) of a message in whatever state it arrived."""
    if message is None:
        return None, None, None
    data = message.get("data")
    android = message.get("android")
    collapse = None
    if isinstance(android, dict):
        collapse = android.get("collapse_key", android.get("collapseKey"))
    return (
        _text(message.get("token")),
        _text(data.get("prompt_id")) if isinstance(data, dict) else None,
        _text(collapse),
    )


def _repeat(message: dict[str, Any] | None) -> int:
    data = (message or {}).get("data")
    text = data.get("repeat") if isinstance(data, dict) else None
    return int(text) if isinstance(text, str) and re.fullmatch("[0-9]{1,9}", text) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _last_seq(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open(encoding="utf-8") as file:
        last = deque((line for line in file if line.endswith("\n")), maxlen=1)
    return int(json.loads(last[0])["seq"]) if last else 0
