"""Store and forward: what waits for each device until it connects or its time runs out."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.clock import Clock


@dataclass(slots=True)
class Letter:
    """One accepted message; `delivered` once a stream has taken it."""

    seq: int
    expires_at: datetime
    content: dict[str, Any]
    delivered: bool = False


class Mailroom:
    """The accepted messages of all devices, at most `kept`, the oldest giving way.

    A message with a collapse key replaces the one kept under the same key for the same device.
    Belongs to one event loop.
    """

    def __init__(self, clock: Clock, *, kept: int = 20_000) -> None:
        self._clock = clock
        self._kept = kept
        self._order: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._boxes: dict[str, dict[str, Letter]] = {}
        self._listeners: dict[str, set[asyncio.Event]] = {}

    @property
    def listening(self) -> int:
        """Number of open streams."""
        return sum(len(events) for events in self._listeners.values())

    def put(self, token: str, key: str, letter: Letter) -> None:
        """Keep `letter` for the device and wake its streams."""
        self._forget(token, key)
        self._boxes.setdefault(token, {})[key] = letter
        self._order[token, key] = None
        while len(self._order) > self._kept:
            self._forget(*next(iter(self._order)))
        self.wake(token)

    def drop(self, token: str) -> None:
        """Throw away what waits for the device and wake its streams."""
        for key in list(self._boxes.get(token, ())):
            self._forget(token, key)
        self.wake(token)

    def wake(self, token: str) -> None:
        """Let the device's streams look again."""
        for event in self._listeners.get(token, ()):
            event.set()

    def pending(self, token: str, after: int | None) -> list[Letter]:
        """Return what is still valid: above number `after`, or undelivered if that is None."""
        now = self._clock()
        box = self._boxes.get(token, {})
        for key in [key for key, letter in box.items() if letter.expires_at <= now]:
            self._forget(token, key)
        return sorted(
            (
                letter
                for letter in box.values()
                if (not letter.delivered if after is None else letter.seq > after)
            ),
            key=lambda letter: letter.seq,
        )

    @contextlib.contextmanager
    def listen(self, token: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set whenever something changes for the device."""
        event = asyncio.Event()
        listeners = self._listeners.setdefault(token, set())
        listeners.add(event)
        try:
            yield event
        finally:
            listeners.discard(event)
            if not listeners:
                self._listeners.pop(token, None)

    def _forget(self, token: str, key: str) -> None:
        self._order.pop((token, key), None)
        box = self._boxes.get(token)
        if box is not None:
            box.pop(key, None)
            if not box:
                del self._boxes[token]
