"""Every zone name over its changes of clocks from 1970 to 2037: a sample, or all of it.

`make sweep` (WELLTIMED_SWEEP=all) takes every change of every zone and every minute of the days it
touches; otherwise each distinct change is met once, a few minutes of it.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise

import pytest
from planning_strategies import SWEEP_ALL, a_protocol
from strategies import Change, changes

from engine.localtime import ordinary_offset, resolve, tzdata_version, zone, zone_names
from engine.planning import plan_day

DAY = timedelta(days=1)
MINUTES = [time(minute // 60, minute % 60) for minute in range(24 * 60)]
WHOLE_DAY = a_protocol(
    {
        "trigger": {
            "kind": "window",
            "windows": [{"from": "00:00", "to": "24:00"}],
            "slot": "15m",
        }
    }
)
SAMPLED = 6
"""Changes of each zone in a sample."""
SHARES = 24
"""Tests that the zones are dealt out to, so that they can run side by side."""


@cache
def zones_alike() -> tuple[tuple[str, ...], ...]:
    """Return all zone names, those with the very same data together."""
    alike = defaultdict(list)
    folder = resources.files("tzdata").joinpath("zoneinfo")
    for name in sorted(zone_names()):
        alike[folder.joinpath(*name.split("/")).read_bytes()].append(name)
    return tuple(tuple(names) for names in alike.values())


def swept(names: tuple[str, ...]) -> list[Change]:
    """Return the changes to try; they are days apart, so one day meets one of them."""
    found = changes(names[0], step_days=1 if SWEEP_ALL else 5)
    assert all(later.at - earlier.at > 3 * DAY for earlier, later in pairwise(found))
    if SWEEP_ALL or len(found) <= SAMPLED:
        return list(found)
    return random.Random(names[0]).sample(found, SAMPLED)


def days_of(change: Change) -> list[date]:
    """Return the local dates that the change touches or skips."""
    moment = change.at.replace(tzinfo=None)
    before, after = ((moment + offset).date() for offset in (change.before, change.after))
    first, last = min(before, after), max(before, after)
    return [first + number * DAY for number in range((last - first).days + 1)]


def walls_of(change: Change) -> list[time]:
    """Return the wall times to try: every minute, or those around the change."""
    if SWEEP_ALL:
        return MINUTES
    moment = change.at.replace(tzinfo=None)
    around = {
        ((moment + offset).hour * 60 + (moment + offset).minute + minute) % (24 * 60)
        for offset in (change.before, change.after)
        for minute in (-61, -31, -30, -29, -1, 0, 1, 29, 30, 31, 59, 60, 61)
    }
    return [MINUTES[minute] for minute in sorted({0, 719, 1439} | around)]


def expected(local: datetime, change: Change) -> datetime | None:
    """Return what the rules say, from the two offsets alone; naive UTC."""
    early, late = local - change.before, local - change.after
    moment = change.at.replace(tzinfo=None)
    if early < moment:
        return early
    if late >= moment:
        return late
    return early if (early + change.after).date() == local.date() else None


def cases(share: int) -> Iterator[tuple[tuple[str, ...], Change]]:
    """Yield a share of the zones with each change to try."""
    for names in zones_alike()[share::SHARES]:
        for change in swept(names):
            yield names, change


@pytest.mark.parametrize("share", range(SHARES))
def test_every_change_of_clocks_resolves_by_the_rules(share):
    for names, change in cases(share):
        for day in days_of(change):
            check_day(day, names, change)


def check_day(day, names, change):
    tz, others = zone(names[0]), [zone(name) for name in names[1:]]
    last, last_moved = None, None
    offset = ordinary_offset(day, tz)
    for wall in walls_of(change):
        instant, local = resolve(day, wall, tz), datetime.combine(day, wall)
        naive = instant and instant.replace(tzinfo=None)
        assert naive == expected(local, change), (names[0], local)
        assert instant is None or instant.tzinfo is UTC
        assert offset is None or naive == local - offset, (names[0], local)
        if wall.minute % 15 == 0:
            assert all(resolve(day, wall, other) == instant for other in others)
        if instant is None:
            continue
        reads = instant.astimezone(tz)
        assert reads.date() == day, "the date is kept or the time dropped"
        if reads.time() == wall:
            assert last is None or instant > last, "in the order of the clock"
            last = instant
        else:
            assert last_moved is None or instant > last_moved
            last_moved = instant


@pytest.mark.parametrize("share", range(SHARES))
def test_planned_slots_of_a_changed_day_are_in_order_and_of_no_other_day(share):
    for names, change in cases(share):
        tz, middle, seen = zone(names[0]), days_of(change), set()
        for day in [middle[0] - DAY, *middle, middle[-1] + DAY]:
            plan = plan_day(WHOLE_DAY, day, tz, first_day=date.min)
            slots = [slot for one in plan.windows for slot in one.slots]
            assert len(plan.windows) + len(plan.dropped) == 1
            assert all(earlier < later for earlier, later in pairwise(slots))
            assert all(slot.astimezone(tz).date() == day for slot in slots)
            assert seen.isdisjoint(slots)
            seen.update(slots)


def test_the_sweep_meets_every_name_and_thousands_of_changes():
    assert sorted(name for names in zones_alike() for name in names) == sorted(zone_names())
    met = [change for names in zones_alike() for change in swept(names)]
    assert len(met) > (18_000 if SWEEP_ALL else 1_400), tzdata_version()
