"""Virtual time, and processes that take turns in it: all that happens follows from one seed.

A process is a greenlet. It gives way only where the product meets the world (a transaction, a
send), and the hub goes on with whatever comes next in virtual time. Ties fall by the seed.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenlet import getcurrent, greenlet

LEASE_SECONDS = 60.0
_SECOND = timedelta(seconds=1)


class Crashed(BaseException):
    """Ends a process at once; nothing it does afterwards has any effect."""


@dataclass(frozen=True, slots=True)
class Temper:
    """How the machines behave: the chances, at each boundary, of a hitch, a pause and a crash.

    A hitch takes seconds, a pause longer than a lease.
    """

    hitch: float = 0.06
    pause: float = 0.006
    crash: float = 0.004


CALM = Temper(0.0, 0.0, 0.0)


class Hub:
    """The order of events. `clock` is what the machines read: it can be stepped, time cannot."""

    def __init__(self, start_at: datetime, rng: random.Random) -> None:
        self.rng = rng
        self.true = self.start_at = start_at
        self.offset = timedelta(0)
        self.temper = Temper()
        self.log: list[str] = []
        self.seq = 0
        self._heap: list[tuple[datetime, float, int, Callable[[], None]]] = []
        self._count = 0
        self._main = getcurrent()

    def clock(self) -> datetime:
        """What a machine's clock shows now, right or wrong."""
        return self.true + self.offset

    def monotonic(self) -> float:
        return (self.true - self.start_at).total_seconds()

    def note(self, text: str) -> None:
        self.log.append(f"{self.true:%d %H:%M:%S.%f} {text}")

    def tick(self) -> int:
        """Number the next transaction."""
        self.seq += 1
        return self.seq

    def at(self, at: datetime, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (max(at, self.true), self.rng.random(), self._count, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.true + timedelta(seconds=seconds), action)

    def run(self, until: datetime) -> None:
        while self._heap and self._heap[0][0] <= until:
            self.true, _, _, action = heapq.heappop(self._heap)
            action()
        self.true = until

    @property
    def main(self) -> greenlet:
        return self._main


class Process:
    """One life of a process: from its start to its crash. Its body runs for ever."""

    def __init__(self, hub: Hub, name: str, body: Callable[["Process"], None]) -> None:
        self.hub, self.name = hub, name
        self.dead = False
        self.on_crash: Callable[[], None] = lambda: None
        self.wakes_at: datetime | None = None
        self._turn = 0
        self._body = body
        self._greenlet = greenlet(self._live, parent=hub.main)
        hub.after(hub.rng.uniform(0, 1), self._greenlet.switch)

    def sleep(self, seconds: float) -> None:
        """Give way for so long; whoever calls is this process itself."""
        self._resume_at(self.hub.true + timedelta(seconds=seconds))
        self.hub.main.switch()
        self.check()

    def doze(self, until: datetime) -> None:
        """Sleep until then, or until roused."""
        self.wakes_at = until
        self._resume_at(until)
        self.hub.main.switch()
        self.wakes_at = None
        self.check()

    def rouse(self, at: datetime) -> None:
        """Let a dozing process wake up at `at` if that is sooner."""
        if self.wakes_at is not None and at < self.wakes_at and not self.dead:
            self.wakes_at = at
            self._resume_at(at)

    def wait(self) -> None:
        """Give way until `go_on` is called."""
        self._turn += 1
        self.hub.main.switch()
        self.check()

    def go_on(self) -> None:
        if not self.dead:
            self._resume_at(self.hub.true)

    def step(self) -> None:
        """Pass a boundary: usually at once, sometimes late, sometimes never."""
        self.check()
        rng, temper = self.hub.rng, self.hub.temper
        if rng.random() < temper.crash:
            self.crash()
        chance = rng.random()
        if chance < temper.pause:
            seconds = LEASE_SECONDS + rng.expovariate(1 / rng.choice((240, 240, 240, 2400)))
            self.hub.note(f"{self.name} stands still for {seconds:.0f} s")
            self.sleep(seconds)
        elif chance < temper.pause + temper.hitch:
            self.sleep(rng.expovariate(1 / 8))
        else:
            self.sleep(rng.uniform(0, 0.02))

    def crash(self) -> None:
        self.dead = True
        self.hub.note(f"{self.name} dies")
        raise Crashed

    def kill(self) -> None:
        """End it from outside, whatever it waits for."""
        if not self.dead:
            self.dead = True
            self._turn += 1
            self.hub.note(f"{self.name} is killed")
            self._greenlet.throw(Crashed)

    def check(self) -> None:
        if self.dead:
            raise Crashed

    def _resume_at(self, at: datetime) -> None:
        self._turn += 1
        turn = self._turn

        def resume() -> None:
            if turn == self._turn:
                self._greenlet.switch()

        self.hub.at(at, resume)

    def _live(self) -> None:
        try:
            self._body(self)
        except Crashed:
            self.dead = True
            self.on_crash()
