"""Where a worker may be killed or stopped: around its n-th transaction and its n-th submission.

The points lie on the outer seam of the dispatcher, `Database.write()`, `Database.read()` and
`Pusher.submit()`, so they hold whatever it does in between. Nothing in the product knows of them.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from lanes import Shared
from threaded_sender import ThreadedSender

from engine.store import Database
from engine.store.database import ReadTx, WriteTx
from prompting.fcm.message import Push
from prompting.fcm.outcome import SendOutcome

AROUND_TRANSACTION = ("before", "begun", "about to commit", "committed")
AROUND_SUBMISSION = ("unsent", "some out", "all out", "answered")
_ARRIVAL_SECONDS = 2.0
"""How long to wait at most until the pushes of a submission have reached the stub."""


class Point(NamedTuple):
    """A place in a worker's life: `where`, and at which transaction or submission, from 1."""

    where: str
    number: int


def points(transactions: int, submissions: int) -> list[Point]:
    """Return every point of a life with so many transactions and submissions."""
    return [
        Point(where, number + 1)
        for total, places in (
            (transactions, AROUND_TRANSACTION),
            (submissions, AROUND_SUBMISSION),
        )
        for number in range(total)
        for where in places
    ]


def nothing() -> None:
    """Do nothing at the point: the worker is only counted."""


@dataclass
class Stage:
    """Calls `act` when the worker gets to `point`, and counts its steps in shared memory."""

    shared: Shared
    point: Point | None = None
    act: Callable[[], None] = nothing
    transactions: int = 0
    submissions: int = 0
    cut_idle_after_ms: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_transaction(self) -> int:
        with self.lock:
            self.transactions += 1
            self.shared.transactions = self.transactions
            return self.transactions

    def next_submission(self) -> int:
        with self.lock:
            self.submissions += 1
            self.shared.submissions = self.submissions
            return self.submissions

    def reach(self, where: str, number: int) -> None:
        if self.point == (where, number):
            self.act()


class StagedDatabase:
    """A database whose transactions pass the points of a stage."""

    def __init__(self, inner: Database, stage: Stage) -> None:
        self._inner, self._stage = inner, stage

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        number = self._stage.next_transaction()
        self._stage.reach("before", number)
        with self._inner.write() as tx:
            cut = self._stage.cut_idle_after_ms
            if cut is not None and not self._inner.is_sqlite:
                tx.conn.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {cut}")
            self._stage.reach("begun", number)
            yield tx
            self._stage.reach("about to commit", number)
        self._stage.reach("committed", number)

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        number = self._stage.next_transaction()
        self._stage.reach("before", number)
        with self._inner.read() as tx:
            self._stage.reach("begun", number)
            yield tx
            self._stage.reach("about to commit", number)
        self._stage.reach("committed", number)


class StagedPusher:
    """The real sender; its submissions pass the points of a stage."""

    def __init__(self, inner: ThreadedSender, stage: Stage) -> None:
        self._inner, self._stage = inner, stage

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        number = self._stage.next_submission()
        point = self._stage.point
        where = point.where if point is not None and point.number == number else ""
        if where == "some out":
            return self._in_two_parts(pushes, now, number)
        self._stage.reach("unsent", number)
        before = self._stage.shared.received
        pending = self._inner.submit(pushes, now=now)
        if where == "all out":
            self._await_arrival(before + len(pushes), pending)
            self._stage.reach("all out", number)
        if where == "answered":
            pending.result()
            self._stage.reach("answered", number)
        return pending

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        return self.submit(pushes, now=now).result()

    def room(self) -> int:
        return self._inner.room()

    def open_until(self, now: datetime) -> datetime | None:
        return self._inner.open_until(now)

    def close(self) -> None:
        self._inner.close(drain_seconds=0)

    def _in_two_parts(
        self, pushes: Sequence[Push], now: datetime, number: int
    ) -> Future[list[SendOutcome]]:
        """Let the first half arrive, pass the point, send the rest."""
        half = len(pushes) // 2
        before = self._stage.shared.received
        first = self._inner.submit(pushes[:half], now=now)
        self._await_arrival(before + half, first)
        self._stage.reach("some out", number)
        rest = self._inner.submit(pushes[half:], now=now)
        both: Future[list[SendOutcome]] = Future()
        both.set_result(first.result() + rest.result())
        return both

    def _await_arrival(self, total: float, pending: Future[list[SendOutcome]]) -> None:
        deadline = time.monotonic() + _ARRIVAL_SECONDS
        while self._stage.shared.received < total and not pending.done():
            if time.monotonic() > deadline:
                return
            time.sleep(0.0005)
