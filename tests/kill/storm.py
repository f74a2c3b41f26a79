"""Four workers in a storm: killed, stopped, the clock stepped, the server restarted, at random.

What happens follows from a seed, when exactly it strikes does not: a storm of real processes does
not replay. The deterministic simulation is there for that; this is the proof that it is real.
"""

import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import repeat

from arena import Arena, Figures
from fakes import NINE
from fields import Part
from ground import restart_postgres
from processes import end, fork, look, pause_other, resume
from scripted_fcm import MIXED
from verdicts import Rules, late, violations
from workers import Orders, work

WORKERS = 4
LEASE = timedelta(seconds=1)
LONGEST_STOP_SECONDS = 1.5
MOST_STOPPED = 2
"""A stopped worker may hold a lock and holds a connection; without a bound nothing would move."""
SLACK_SECONDS = 2.0
"""What a busy machine may add to a stop, between the last look at the clock and the packet."""
TROUBLED_TIMES = 3
"""How many requests of a prompt may fail before the stub is well."""
_ACTIONS = ("kill", "stop", "step", "nothing")
_WEIGHTS = (45, 20, 6, 29)


@dataclass
class Storm:
    """One storm over one arena."""

    arena: Arena
    url: str
    rng: random.Random
    running: list[int] = field(default_factory=list)
    stopped: dict[int, float] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)

    def blow(self, seconds: float, restarts: int) -> None:
        began = time.monotonic()
        due = [began + seconds * (n + 1) / (restarts + 1) for n in range(restarts)]
        while (now := time.monotonic()) < began + seconds:
            if due and now >= due[0]:
                due.pop(0)
                restart_postgres()
                self._count("restarts")
            self._replace_ended()
            self._resume_due(now)
            self._strike(now)
            time.sleep(self.rng.uniform(0.005, 0.06))
        for pid in self.running:
            end(pid)

    def _strike(self, now: float) -> None:
        action = self.rng.choices(_ACTIONS, _WEIGHTS)[0]
        victim = self.rng.choice(self.running)
        if action == "kill":
            end(victim)
            self.figures.kills += 1
            self.running.remove(victim)
            self.stopped.pop(victim, None)
            self.running.append(self._start())
        elif action == "stop" and len(self.stopped) < MOST_STOPPED and victim not in self.stopped:
            pause_other(victim)
            self.figures.stops += 1
            self.stopped[victim] = now + self.rng.uniform(0.05, LONGEST_STOP_SECONDS)
        elif action == "step":
            seconds = self.rng.choice((-20, -3, 3, 20))
            self.arena.shared.step_clock(timedelta(seconds=seconds))
            self._count("steps back" if seconds < 0 else "steps forward")

    def _resume_due(self, now: float) -> None:
        for pid, until in list(self.stopped.items()):
            if now >= until:
                resume(pid)
                del self.stopped[pid]

    def _replace_ended(self) -> None:
        """Start anew what ended by itself: its database was gone, or it was locked for too long."""
        while len(self.running) < WORKERS:
            self.running.append(self._start())
        for pid in list(self.running):
            ended = look(pid)
            if ended is not None and not ended.stopped:
                self._count("gave up")
                self.running.remove(pid)
                self.stopped.pop(pid, None)
                self.running.append(self._start())

    def _start(self) -> int:
        orders = Orders(
            self.url,
            owner=f"worker-{self.rng.random()}",
            instants=repeat(None),
            batch=5,
            lease=LEASE,
            rest_seconds=0.03,
        )
        return fork(lambda: work(self.arena.ground, orders))

    def _count(self, name: str) -> None:
        self.figures.extra[name] = self.figures.extra.get(name, 0) + 1


def part(seconds: float, restarts: int, people: int, seed: int) -> Part:
    """Return what the lane does: a storm of so many seconds over 2 x `people` prompts; drain."""

    def play(arena: Arena, _lane: int) -> Figures:
        rng = random.Random(seed)
        ground = arena.ground
        ground.use_real_server_time()
        ground.put_back(deduplicates=None, people=people)
        ground.spread(_moments(rng, 2 * people, seconds))
        ground.rest()
        storm = Storm(arena, arena.next_url(MIXED, TROUBLED_TIMES), rng)
        arena.shared.run_clock(NINE)
        storm.blow(seconds, 0 if ground.is_sqlite else restarts)
        storm.figures.faults += _drain(arena, storm.url)
        seen = arena.log()
        storm.figures.late = late(seen)
        storm.figures.scenarios = 1
        storm.figures.extra |= {"prompts": 2 * people, "requests": len(seen)}
        rules = Rules(late_by=LONGEST_STOP_SECONDS + SLACK_SECONDS)
        storm.figures.faults += violations(seen, ground.stored(), rules)
        storm.figures.broken = int(bool(storm.figures.faults))
        return storm.figures

    return play


def _moments(rng: random.Random, number: int, seconds: float) -> list[tuple[datetime, datetime]]:
    """Return due and expiry instants: due all along the storm, a third over before its end."""
    found = []
    for _ in range(number):
        due = NINE + timedelta(seconds=rng.uniform(0, seconds * 0.9))
        lasts = rng.choice((seconds / 3, 600.0, 1_800.0))
        found.append((due, due + timedelta(seconds=lasts)))
    return found


def _drain(arena: Arena, url: str) -> list[str]:
    """Let one worker finish, well past all leases, waits and expiries."""
    arena.ground.await_dead()
    time.sleep(LEASE.total_seconds() + 0.1)  # leases on PostgreSQL go by the server's real time
    at = arena.shared.clock()
    later = (0, 2, 30, 100, 170, 240, 310, 380, 700, 3_000, 7_200)
    return arena.finish(url, 50, [at + timedelta(seconds=seconds) for seconds in later])
