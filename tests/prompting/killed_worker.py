"""A worker process that kills itself with SIGKILL at a chosen point of its tick."""

import os
import signal
from collections.abc import Callable, Sequence
from datetime import datetime

from engine.store import open_database
from prompting.dispatch import Dispatcher
from prompting.fcm.message import Push
from prompting.fcm.outcome import SendOutcome
from prompting.pusher import FcmPusher, Pusher

CLOCK_CALLS = {
    "before anything": 1,
    "after claim": 5,
    "after intent": 6,
    "after send, before record": 7,
    "after record": 8,
}
"""Which reading of the clock in a tick comes right after each step."""
POINTS = (*CLOCK_CALLS, "in the middle of sending")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_clock(now: datetime, at_call: int | None) -> Callable[[], datetime]:
    calls = 0

    def clock() -> datetime:
        nonlocal calls
        calls += 1
        if calls == at_call:
            die()
        return now

    return clock


class HalfPusher:
    """Sends half of a batch and is killed."""

    def __init__(self, inner: Pusher) -> None:
        self._inner = inner

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        self._inner.push_many(pushes[: len(pushes) // 2], now=now)
        die()
        return []

    def room(self) -> int:
        return self._inner.room()

    def close(self) -> None:
        self._inner.close()


def run(database: str, emulator: str, now: datetime, point: str | None) -> None:
    """Do one tick at `now` and die at `point`, if any."""
    db = open_database(database)
    pusher: Pusher = FcmPusher(emulator, "clinic", None)
    if point == "in the middle of sending":
        pusher = HalfPusher(pusher)
    clock = dying_clock(now, CLOCK_CALLS.get(point or ""))
    Dispatcher(db=db, pusher=pusher, clock=clock, owner=f"worker-{os.getpid()}").tick()
    pusher.close()
    db.close()
