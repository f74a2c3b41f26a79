"""Dispatching: claim -> intent -> send -> record, against three ways to do it with firebase-admin.

Each way runs in a process of its own against the same stand-in for FCM. Ours speaks HTTP/2 over TLS
to it, as to Firebase; the others speak plain HTTP/1.1, which spares them the cost of TLS. `send`
and `send_each` have the same claim and record around them as ours, the date jobs keep no record.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np

from benchmarks.ceiling import ceiling
from benchmarks.filling import add_patients
from benchmarks.lateness import Lateness, lateness
from benchmarks.measured import WARM_UP
from benchmarks.processes import StandIn, database, run_measured, standin
from engine.clock import system_clock
from engine.commands.scheduling import plan_horizon
from engine.store import Database, migrate, open_database

ROUNDS = 2
"""Ours and the nearest baseline take turns, so that a machine that slows down slows both."""
SAMPLES = {"send_each": 2_000, "date_jobs": 300, "send": 100}
"""How many messages each of the slower ways sends at most; rates do not depend on it."""
BURST = 10_000
"""How many prompts fall due at the same instant when lateness is measured."""
_CEILING_MESSAGES = 30_000

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Course:
    """What all ways have in common; `numbers` gives each run patients of its own."""

    db: Database
    url: str
    standin: StandIn
    numbers: Iterator[int]

    def run(self, way: str, messages: int) -> dict[str, Any]:
        """Return the figures of one way for so many prompts that are due, and its doubles."""
        expected = messages if way == "date_jobs" else messages + WARM_UP
        patients = self.patients(expected)
        self.standin.reset()
        found = run_measured(
            "benchmarks.measured",
            way=way,
            messages=messages,
            first=patients[0],
            **self.arguments(),
        )
        arrived = self.standin.report()
        if arrived["distinct"] != expected:
            raise RuntimeError(f"{way}: {arrived['distinct']} of {expected} arrived")
        return found | {"doubles": arrived["doubles"]}

    def patients(self, count: int) -> list[int]:
        """Return the numbers of so many new patients."""
        chosen = list(islice(self.numbers, count))
        add_patients(self.db, chosen, now=system_clock())
        return chosen

    def arguments(self) -> dict[str, object]:
        """Return what a measured process must know."""
        return {
            "database_url": self.url,
            "secure": self.standin.secure,
            "plain": self.standin.plain,
            "authority": self.standin.authority,
        }


def report(
    messages: int, latency_ms: float, kind: str, say: Say = lambda text: None
) -> dict[str, Any]:
    """Return the figures of `welltimed bench dispatch`; `say` is told what is measured next.

    Raises BenchUnusable where this kind of database cannot be started.
    """
    with _course(latency_ms, kind) as course:
        say("ceiling of the stand-in")
        most = ceiling(course.standin.secure, course.standin.authority, _CEILING_MESSAGES)
        runs: dict[str, list[dict[str, Any]]] = {}
        for turn in range(ROUNDS):
            for way, wanted in (("ours", messages), ("send_each", _sample("send_each", messages))):
                say(f"{way}, turn {turn + 1} of {ROUNDS}")
                runs.setdefault(way, []).append(course.run(way, max(wanted // ROUNDS, 1)))
        for way in ("date_jobs", "send"):
            say(way)
            runs[way] = [course.run(way, _sample(way, messages))]
        burst = min(messages, BURST)
        say(f"lateness of {burst:,} prompts due at the same instant")
        chosen = course.patients(burst)
        late = lateness(course.db, course.standin, chosen, course.arguments())
    return _document(runs, late, most) | {
        "messages": messages,
        "latency_ms": latency_ms,
        "database": kind,
    }


@contextmanager
def _course(latency_ms: float, kind: str) -> Iterator[_Course]:
    with standin(latency_ms) as server, database(kind) as url:
        db = open_database(url)
        try:
            migrate(db)
            plan_horizon(db, now=system_clock())  # a new database is taken note of before it fills
            yield _Course(db, url, server, count())
        finally:
            db.close()


def _sample(way: str, messages: int) -> int:
    return min(messages, SAMPLES[way])


def _document(runs: dict[str, list[dict[str, Any]]], late: Lateness, most: float) -> dict[str, Any]:
    pooled = {way: _pooled(figures) for way, figures in runs.items()}
    ours = pooled.pop("ours")
    return {
        "rate": ours["rate"],
        "cpu_us": ours["cpu_us"],
        "lateness_p50_s": late.p50,
        "lateness_p99_s": late.p99,
        "peak_rss_mb": late.peak_rss_mb,  # a real worker's; the others also filled the database
        "emulator_ceiling": round(most, 1),
        "baselines": pooled,
        "ratio": round(ours["rate"] / pooled["send_each"]["rate"], 2),
        "ratio_send": round(ours["rate"] / pooled["send"]["rate"], 2),
        "doubles": late.doubles + sum(run["doubles"] for run in runs["ours"]),
    }


def _pooled(figures: list[dict[str, Any]]) -> dict[str, float]:
    """Return rate and CPU time of all turns together."""
    messages = np.array([one["messages"] for one in figures])
    seconds = messages / np.array([one["rate"] for one in figures])
    cpu = np.average([one["cpu_us"] for one in figures], weights=messages)
    return {"rate": round(float(messages.sum() / seconds.sum()), 1), "cpu_us": round(float(cpu), 1)}
