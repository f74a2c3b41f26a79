"""Clocks: the only places where the current instant comes from."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A function that returns the current instant, aware and in UTC."""


def system_clock() -> datetime:
    """Return the machine's current instant in UTC."""
    return datetime.now(UTC)


class VirtualClock:
    """A clock that moves only when told to; it never goes back. Safe to read from any thread."""

    def __init__(self, start_at: datetime) -> None:
        if start_at.tzinfo is None:
            raise ValueError("start_at needs a time zone")
        self._now = start_at.astimezone(UTC)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the virtual instant."""
        return self._now

    def move_to(self, at: datetime) -> None:
        """Move forward to `at`. Raises ValueError if that lies before the current instant."""
        with self._lock:
            if at < self._now:
                raise ValueError(f"a clock does not go back: {at} is before {self._now}")
            self._now = at.astimezone(UTC)
