"""Store and forward: what waits for each device until it connects or its time runs out."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.clock import Clock


@dataclass(slots=True)
class Letter:
    """One accepted message; `delivered` once a stream took it, `confirmed` once that is certain."""

    seq: int
    expires_at: datetime
    content: dict[str, Any]
    delivered: bool = False
    confirmed: bool = False


class Mailroom:
    """The accepted messages of all devices, at most `kept`, the oldest giving way.

    A message with a collapse key replaces the one kept under the same key for the same device.
    What a stream took less than `confirm_seconds` before it ended is delivered again: a connection
    may be dead for a while before anybody notices, and swallows what it is given in that time.
    Belongs to one event loop.
    """

    def __init__(self, clock: Clock, *, kept: int = 20_000, confirm_seconds: float = 2.0) -> None:
        self._clock = clock
        self._kept = kept
        self._confirm_seconds = confirm_seconds
        self._newest = 0
        self._closed: set[str] = set()
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
        self._newest = letter.seq
        while len(self._order) > self._kept:
            self._forget(*next(iter(self._order)))
        self._wake(token)

    def close(self, token: str) -> None:
        """Throw away what waits for the device and end its streams, for good."""
        self._closed.add(token)
        for key in list(self._boxes.get(token, ())):
            self._forget(token, key)
        self._wake(token)

    def closed(self, token: str) -> bool:
        """Return whether `close` was called for the device."""
        return token in self._closed

    async def letters(self, token: str, after: int | None = None) -> AsyncGenerator[Letter]:
        """Yield what is valid and not yet delivered, and then whatever comes, until closed.

        `after` is the number of the last letter the device knows to have received: later ones come
        again even if they were delivered before.
        """
        changed = asyncio.Event()
        listeners = self._listeners.setdefault(token, set())
        listeners.add(changed)
        floor = self._newest if after is None else after
        if after is not None:
            self._confirm_up_to(token, after)
        seen: set[int] = set()
        taken: deque[tuple[float, Letter]] = deque(maxlen=1000)
        try:
            while not self.closed(token):
                changed.clear()
                for letter in self._pending(token, floor):
                    if letter.seq in seen:
                        continue
                    yield letter
                    # Reached only once the letter has been handed to the connection.
                    seen.add(letter.seq)
                    letter.delivered = True
                    taken.append((time.monotonic(), letter))
                await changed.wait()
        finally:
            listeners.discard(changed)
            if not listeners:
                self._listeners.pop(token, None)
            self._give_back(taken)
            self._wake(token)

    def _pending(self, token: str, floor: int) -> list[Letter]:
        now = self._clock()
        box = self._boxes.get(token, {})
        for key in [key for key, letter in box.items() if letter.expires_at <= now]:
            self._forget(token, key)
        # What came after the stream began goes to it even if another stream has taken it.
        wanted = (lt for lt in box.values() if lt.seq > floor or not lt.delivered)
        return sorted(wanted, key=lambda letter: letter.seq)

    def _give_back(self, taken: Iterable[tuple[float, Letter]]) -> None:
        since = time.monotonic() - self._confirm_seconds
        for at, letter in taken:
            if at > since and not letter.confirmed:
                letter.delivered = False

    def _confirm_up_to(self, token: str, seq: int) -> None:
        for letter in self._boxes.get(token, {}).values():
            if letter.seq <= seq:
                letter.delivered = letter.confirmed = True

    def _wake(self, token: str) -> None:
        for event in self._listeners.get(token, ()):
            event.set()

    def _forget(self, token: str, key: str) -> None:
        self._order.pop((token, key), None)
        box = self._boxes.get(token)
        if box is not None:
            box.pop(key, None)
            if not box:
                del self._boxes[token]
