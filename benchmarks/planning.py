"""Planning: patient-days a second, against recurrences of the same schedule, and its growth.

A plan is worked out once for all that have it in common, so three clinics are told apart: patients
each with a protocol tuned for them, who share the assignments that were not; patients whose
protocols have nothing in common; and patients who all have the same.

`python -m benchmarks.planning PATIENTS` prints the memory that planning so many takes, as JSON.
"""

import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from itertools import islice, product
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.compare import Contest
from benchmarks.recurrences import Recurrence, recurrences
from engine.localtime import ordinary_offset, zone
from engine.planning import DayPlan, plan_day
from engine.protocol import StudyProtocol, parse_protocol

ZONE = "Europe/Berlin"
FIRST = date(2026, 11, 2)
DAYS = 56
SIZES = (1_000, 10_000, 100_000, 1_000_000)
"""Numbers of patients at which the cost of one is told, up to the number asked for."""
PATIENTS_A_TURN = 50
HORIZON_DAYS = 2
HELD_AT_MOST = 100_000
"""Patients whose memory is measured: what is let go does not grow, what is kept grows evenly."""
ZONES = (
    "Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Chicago",
    "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Kolkata",
    "Australia/Sydney", "Africa/Cairo",
)  # fmt: skip
PROTOCOLS = 500
HOURS = (9, 12, 15, 18)
EVENINGS = ("sun", "mon", "tue", "wed", "thu")
PROTOCOL: dict[str, Any] = {
    "schema": "welltimed-protocol/1",
    "name": "Four windows of twelve slots, and five evenings a week",
    "quiet_hours": [{"from": "21:30", "to": "08:00"}],
    "limits": {"per_day": 6, "min_gap": "15m"},
    "assignments": [
        {
            "content": "checkin.momentary",
            "trigger": {
                "kind": "window",
                "windows": [{"from": f"{at:02d}:00", "to": f"{at + 3:02d}:00"} for at in HOURS],
            },
        },
        {
            "content": "ba.plan-tomorrow",
            "trigger": {"kind": "fixed", "at": ["21:15"], "days": list(EVENINGS)},
        },
    ],
}


def report(patients: int) -> dict[str, Any]:
    """Return how fast planning is on one core, in CPU time, up to so many patients.

    `rate`: patient-days a second where no two patients of a day and zone have the same protocol,
    but most of it in common; `rate_alone`: where protocols have no assignment in common;
    `rate_same`: where all have the same. `baselines`: those of APScheduler's triggers and, if it
    is installed, dateutil's rrule, for the same instants, in turns with ours; `ratios` are `rate`
    to each, `ratio` that to APScheduler. `us_at`: microseconds a patient-day by number of
    patients, `growth` the last of these over the first. `us_clock_change`: one on a day on which
    clocks change. `peak_mb`: what planning the horizon of `memory_patients` adds to a process,
    each let go when planned; `held_mb`: what the plans of one day of all of them take, kept at
    once. Both are of protocols that have nothing in common.
    """
    _warm()
    ours, alone, baselines = _rates()
    ratios = {name: round(ours / rate, 1) for name, rate in baselines.items()}
    costs = _costs(patients)
    return {
        "patients": patients,
        "rate": round(ours),
        "rate_alone": round(alone),
        "rate_same": round(_same_rate()),
        "baselines": {name: round(rate) for name, rate in baselines.items()},
        "ratio": ratios["apscheduler"],
        "ratios": ratios,
        "us_at": costs,
        "growth": round(costs[patients] / next(iter(costs.values())), 2),
        "us_clock_change": round(_clock_change_cost(), 1),
        **_memory(min(patients, HELD_AT_MOST)),
    }


def contest() -> Contest:
    """Return the contest; both ways give the same instants, which is checked here."""
    cron, people = _recurrences()["apscheduler"], _people(_tuned)
    _warm()
    return Contest(
        name="plan",
        unit="patient-days/s",
        work=DAYS,
        ours=lambda: _plan(people, DAYS),
        baseline=lambda: cron(FIRST, DAYS),
        compared=(
            f"plan_day for {DAYS} patients, each with a tuned protocol of four windows of twelve "
            "slots and five evenings a week, against the same instants from APScheduler's "
            f"CronTrigger over {DAYS} days, which knows no windows, quiet hours or caps"
        ),
    )


def _rates() -> tuple[float, float, dict[str, float]]:
    """Return the median rates of tuned and of unlike protocols and of each baseline, in turns."""
    ways, tuned, unlike = _recurrences(), _people(_tuned), _people(_unlike)
    few = PATIENTS_A_TURN // 10
    turns: dict[str, tuple[Callable[[], object], int]] = {
        name: (lambda way=way: [way(FIRST, DAYS) for _ in range(few)], few)  # type: ignore[misc]
        for name, way in ways.items()
    }
    turns["tuned"] = lambda: _plan(tuned, PATIENTS_A_TURN * DAYS), PATIENTS_A_TURN
    turns["unlike"] = lambda: _plan(unlike, PATIENTS_A_TURN * DAYS), PATIENTS_A_TURN
    found: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(3):
        for name, (turn, patients) in turns.items():
            found[name].append(patients * DAYS / _seconds(turn))
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    return medians.pop("tuned"), medians.pop("unlike"), medians


def _recurrences() -> dict[str, Recurrence]:
    """Return the baselines, each of which is seen to give the very instants that ours does."""
    ways = recurrences(HOURS, EVENINGS, zone(ZONE))
    wanted = _planned(_tuned(0), FIRST, DAYS)
    for name, way in ways.items():
        if way(FIRST, DAYS) != wanted:
            raise RuntimeError(f"{name} does not give the instants that planning gives")
    return ways


def _planned(protocol: StudyProtocol, first: date, days: int) -> list[datetime]:
    tz = zone(ZONE)
    return [
        slot
        for number in range(days)
        for window in plan_day(
            protocol, first + timedelta(days=number), tz, first_day=FIRST
        ).windows
        for slot in window.slots
    ]


@cache
def _tuned(number: int) -> StudyProtocol:
    """Return a protocol that differs from the others in one assignment."""
    checkin, evening = PROTOCOL["assignments"]
    own = evening | {"id": f"evening-{number}"}
    return parse_protocol(PROTOCOL | {"assignments": [checkin, own]})


@cache
def _unlike(number: int) -> StudyProtocol:
    """Return a protocol that has no assignment in common with the others."""
    own = [one | {"id": f"{one['content']}-{number}"} for one in PROTOCOL["assignments"]]
    return parse_protocol(PROTOCOL | {"assignments": own})


Protocols = Callable[[int], StudyProtocol]


def _people(protocols: Protocols) -> Iterator[tuple[StudyProtocol, date, ZoneInfo]]:
    """Yield protocol, day and zone of one patient after another, over a million before one repeats.

    As when a clinic is planned, many have the same day; no clock changes on it.
    """
    for day, tz, number in product(_ordinary_days(), _zones(), range(PROTOCOLS)):
        yield protocols(number), day, tz


@cache
def _zones() -> tuple[ZoneInfo, ...]:
    return tuple(zone(name) for name in ZONES)


@cache
def _ordinary_days() -> tuple[date, ...]:
    days = (FIRST + timedelta(days=number) for number in range(300))
    return tuple(
        day for day in days if all(ordinary_offset(day, tz) is not None for tz in _zones())
    )


def _warm() -> None:
    """Plan a day of every protocol, so that each has been worked out; look up the days."""
    _ordinary_days()
    for protocols, number, evening in product((_tuned, _unlike), range(PROTOCOLS), (0, 4)):
        day = date(2020, 6, 1) + timedelta(days=evening)
        plan_day(protocols(number), day, zone("UTC"), first_day=day)


def _costs(patients: int) -> dict[int, float]:
    """Return microseconds a patient-day by number of patients."""
    people = _people(_tuned)
    costs = {}
    for size in [*(size for size in SIZES if size < patients), patients]:
        costs[size] = round(_seconds(lambda: _plan(people, size)) / size * 1e6, 1)  # noqa: B023
    return costs


def _plan(people: Iterator[tuple[StudyProtocol, date, ZoneInfo]], count: int) -> None:
    for protocol, day, tz in islice(people, count):
        plan_day(protocol, day, tz, first_day=FIRST)


def _same_rate() -> float:
    protocol, tz, count = _tuned(0), zone(ZONE), 20_000
    days = [FIRST + timedelta(days=number % HORIZON_DAYS) for number in range(count)]

    def turn() -> None:
        for day in days:
            plan_day(protocol, day, tz, first_day=FIRST)

    return count / statistics.median(_seconds(turn) for _ in range(3))


def _clock_change_cost() -> float:
    """Return microseconds for patients with protocols of their own on the same odd day."""
    tz, day = zone(ZONE), date(2027, 3, 28)
    protocols = [_tuned(number) for number in range(PROTOCOLS)]

    def turn() -> None:
        for protocol in protocols:
            plan_day(protocol, day, tz, first_day=FIRST)

    return _seconds(turn) / PROTOCOLS * 1e6


def _seconds(way: Callable[[], object]) -> float:
    """Return the CPU time this takes, without collecting garbage, as `timeit` measures."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        way()
        return time.process_time() - began
    finally:
        gc.enable()


def _memory(patients: int) -> dict[str, float]:
    """Return what a process of its own tells: planning needs one that has done nothing else."""
    command = [sys.executable, "-m", "benchmarks.planning", str(patients)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _measure_memory(patients: int) -> dict[str, float]:
    people = _people(_unlike)
    before = _peak_mb()
    _plan(people, patients * HORIZON_DAYS)
    streamed = _peak_mb()
    held: list[DayPlan] = [
        plan_day(protocol, day, tz, first_day=FIRST)
        for protocol, day, tz in islice(people, patients)
    ]
    return {
        "memory_patients": patients,
        "peak_mb": round(streamed - before, 1),
        "held_mb": round(_peak_mb() - before, 1) if held else 0.0,
    }


def _peak_mb() -> float:
    """Return the most memory this process has had, in megabytes (2**20 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    print(json.dumps(_measure_memory(int(sys.argv[1]))))
