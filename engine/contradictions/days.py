"""The kinds of day a protocol has: which assignments can ask on the same date.

Weekdays, dates, phases, bursts and intervals all narrow the days of an assignment. Two prompts
collide only if some day has both, and an assignment that has no day at all can never ask.
What the document leaves open (the date of enrolment, when an event happens) may fall out in any
way, so a day counts as possible unless it is certain that it cannot be.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import islice
from math import lcm

from engine.assignment import Assignment, Phase
from engine.triggers import ENROLMENT, AtTimes, IntervalTrigger, WindowTrigger

_DAY = timedelta(days=1)
_ANY_WEEK = date(2001, 1, 1)  # a Monday, for protocols that name no dates
_LONGEST_COURSE = 20 * 366
"""Days of a course that are looked at; rhythms that first meet later never do in a life."""
_MOST_KINDS = 128
"""Kinds of day that are looked at, the fullest first; protocols of people have a dozen."""

Places = frozenset[int]


@dataclass(frozen=True, slots=True)
class Day:
    """A kind of day: places of the assignments that can ask on it, and on the day before."""

    today: Places
    yesterday: Places
    weekday: int = 0

    def within(self, other: "Day") -> bool:
        """Return whether the other kind of day has all this one has."""
        return self.today <= other.today and self.yesterday <= other.yesterday

    def also(self, other: "Day") -> "Day":
        """Return the kind of day on which both have a say; the weekday is this one's."""
        return Day(self.today & other.today, self.yesterday & other.yesterday, self.weekday)


@dataclass(frozen=True, slots=True)
class Cycle:
    """Of every `period` days counted from the anchor, the first `on`."""

    anchor: str
    period: int
    on: int

    def includes(self, days_since: int) -> bool:
        """Return whether the day this many days after the anchor is one of them."""
        return days_since >= 0 and days_since % self.period < self.on


@dataclass(frozen=True, slots=True)
class Stage:
    """A phase, and its days of the course from `first` to before `end`, as far as is certain.

    `first` None: it begins at an event. `end` None: it is open, or ends at an event.
    """

    phase: Phase | None
    first: int | None
    end: int | None


def cycles(assignment: Assignment) -> Iterator[Cycle]:
    """Yield the rhythms of an assignment, of its trigger and of its bursts."""
    trigger, bursts = assignment.trigger, assignment.bursts
    if isinstance(trigger, IntervalTrigger):
        yield Cycle(trigger.anchor, trigger.every.days, 1)
    if bursts is not None:
        yield Cycle(bursts.anchor, (bursts.on + bursts.off).days, bursts.on.days)


def stages(phases: Sequence[Phase | None]) -> tuple[Stage, ...]:
    """Return the phases with what is certain of their days; one stage for all if there is none."""
    if not phases:
        return (Stage(None, 0, None),)
    found: list[Stage] = []
    first: int | None = 0
    for phase in phases:
        length = phase.days if phase is not None else None
        end = None if first is None or length is None else first + length.days
        found.append(Stage(phase, first, end))
        first = end
    return tuple(found)


def kinds_of_day(
    assignments: Sequence[tuple[int, Assignment]], phases: Sequence[Phase | None]
) -> tuple[Day, ...]:
    """Return the kinds of day there can be, without those that another one has all of."""
    by_date = _largest(_by_date(assignments))
    found: list[Day] = []
    for stage in stages(phases):
        kinds = _of_stage(assignments, stage)
        found.extend(one.also(kind) for one in by_date for kind in kinds)
    return tuple(_largest(found))


def _by_date(assignments: Sequence[tuple[int, Assignment]]) -> Iterator[Day]:
    """Yield who may ask by weekday and calendar, a week for each stretch of the calendar."""
    for day in _sample_dates(assignments):
        asking = [
            frozenset(place for place, one in assignments if falls_on(one, at))
            for at in (day, day - _DAY)
        ]
        yield Day(asking[0], asking[1], day.weekday())


def falls_on(assignment: Assignment, day: date) -> bool:
    """Return whether weekday and calendar let the assignment ask on this date."""
    trigger = assignment.trigger
    days = trigger.weekdays() if isinstance(trigger, WindowTrigger | AtTimes) else range(7)
    return day.weekday() in days and assignment.dates.include(day)


def dates_left(assignment: Assignment) -> bool:
    """Return whether weekday and calendar leave the assignment any date."""
    return any(falls_on(assignment, day) for day in _sample_dates([(0, assignment)]))


def _sample_dates(assignments: Sequence[tuple[int, Assignment]]) -> list[date]:
    """Return dates, by weekday, that show all there is: between two bounds nothing changes."""
    bounds = {_ANY_WEEK}
    for _, assignment in assignments:
        dates = assignment.dates
        bounds.update(at for at in (dates.from_, *dates.except_) if at is not None)
        bounds.update(at + _DAY for at in (dates.to, *dates.except_) if at is not None)
    # Eight days: all weekdays, each also with a day before it on the same side of the bound.
    near = {at + number * _DAY for at in bounds for number in range(8)}
    near |= {min(bounds) - number * _DAY for number in range(1, 9)}
    return sorted(near, key=lambda day: (day.weekday(), day))


def _of_stage(assignments: Sequence[tuple[int, Assignment]], stage: Stage) -> list[Day]:
    """Return who may ask in this phase by its rhythms."""
    members = [
        (place, one)
        for place, one in assignments
        if not one.phases or (stage.phase is not None and stage.phase.name in one.phases)
    ]
    everyone = frozenset(place for place, _ in members)
    lone = stage.first is not None and stage.end is not None and stage.end - stage.first == 1
    found = [Day(everyone, frozenset() if lone else everyone)]
    anchors = {cycle.anchor: None for _, one in members for cycle in cycles(one)}
    for anchor in anchors:
        kinds = _largest(_by_rhythm(members, stage, anchor))
        found = _largest(one.also(kind) for one in found for kind in kinds)
    return found


def _by_rhythm(
    members: Sequence[tuple[int, Assignment]], stage: Stage, anchor: str
) -> Iterator[Day]:
    """Yield who may ask on each day counted from the anchor; others are not held back by it."""
    turning = {
        place: own
        for place, one in members
        if (own := [cycle for cycle in cycles(one) if cycle.anchor == anchor])
    }
    free = frozenset(place for place, _ in members if place not in turning)
    if stage.phase is not None and stage.phase.until == anchor:
        yield Day(free, free)  # the phase is over on the very day from which this one counts
        return
    certain = anchor == ENROLMENT and stage.first is not None
    first, end = (stage.first or 0, stage.end) if certain else (0, None)
    whole = lcm(*(cycle.period for own in turning.values() for cycle in own)) + 1
    last = first + min(whole, _LONGEST_COURSE)
    on = partial(_on, turning)
    before = frozenset() if certain else free  # no day of the phase lies before its first
    for day in range(first, last if end is None else min(end, last)):
        today = on(day)
        yield Day(free | today, before)
        before = free | today


def _on(turning: dict[int, list[Cycle]], day: int) -> Places:
    return frozenset(
        place for place, own in turning.items() if all(cycle.includes(day) for cycle in own)
    )


def _largest(days: Iterable[Day]) -> list[Day]:
    """Return the distinct kinds of day that are not within another one, the fullest first."""
    kept: list[Day] = []
    distinct = {(day.today, day.yesterday): day for day in reversed(list(days))}
    ordered = sorted(
        distinct.values(), key=lambda day: (-len(day.today) - len(day.yesterday), day.weekday)
    )
    for day in ordered:
        if not any(day.within(other) for other in kept):
            kept.append(day)
    return list(islice(kept, _MOST_KINDS))
