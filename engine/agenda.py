"""What a protocol asks, worked out once: its prompts as rows, and the days each one falls on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import lru_cache

from engine.assignment import Assignment, Bursts
from engine.localtime import covers
from engine.planned import Objective, Timing
from engine.protocol import LocalInterval, StudyProtocol
from engine.rules import PatientRules
from engine.triggers import (
    DEFAULT_WITHIN,
    ENROLMENT,
    EventTrigger,
    FixedTrigger,
    IntervalTrigger,
    MicroRandomisedTrigger,
    PatientInitiatedTrigger,
    WindowTrigger,
)

Milestones = Mapping[str, date]
"""The local dates of events that have happened, by name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One window or set time of an assignment, with all that does not depend on the date.

    `walls` are its candidate wall times outside the protocol's quiet hours; `span` is None for a
    set time; `place` is that in the trigger's list. Known by identity: protocols that have an
    assignment in common share its rows, and with them all that is worked out from them.
    """

    assignment: Assignment
    place: int
    span: LocalInterval | None
    walls: tuple[time, ...]
    quiet: tuple[LocalInterval, ...]
    per_window: int = 1
    gap: timedelta = timedelta(0)
    timing: Timing = "fixed"
    within: timedelta = DEFAULT_WITHIN
    objective: Objective = "answered"
    probability: float = 1.0

    def window(self, number: int) -> int:
        """Return the day's number, within the assignment, of one of this row's prompts."""
        return self.place * self.per_window + number


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days an assignment falls on; `bit` is that of the assignment in a set of them."""

    bit: int
    assignment: Assignment
    weekdays: frozenset[int]
    every: int = 1
    anchor: str | None = None

    @property
    def is_weekly(self) -> bool:
        """Return whether the day of the week settles it."""
        one = self.assignment
        unlimited = one.dates.from_ is None and one.dates.to is None and not one.dates.except_
        return unlimited and self.anchor is None and one.bursts is None and not one.phases

    def falls_on(
        self, day: date, first_day: date, milestones: Milestones, phase: str | None
    ) -> bool:
        """Return whether the assignment asks on this date; nothing before its anchors."""
        one = self.assignment
        if day.weekday() not in self.weekdays or not one.dates.include(day):
            return False
        if one.phases and phase not in one.phases:
            return False
        if one.bursts is not None and not _in_burst(one.bursts, day, first_day, milestones):
            return False
        if self.anchor is None:
            return True
        since = _days_since(self.anchor, day, first_day, milestones)
        return since is not None and since >= 0 and since % self.every == 0


@dataclass(frozen=True, slots=True, eq=False)
class Agenda:
    """A protocol and a patient's rules, ready to be asked about days; known by identity.

    Sets of assignments are written as bits of an integer: small, and quick as a key.
    """

    protocol: StudyProtocol
    rules: PatientRules
    rows: tuple[tuple[int, Row], ...]
    weekly: tuple[int, ...]
    others: tuple[Calendar, ...] = field(default=())

    def asked_on(
        self, day: date, first_day: date, milestones: Milestones, phase: str | None
    ) -> int:
        """Return the set of assignments that ask on this date."""
        asked = self.weekly[day.weekday()]
        for calendar in self.others:
            if calendar.falls_on(day, first_day, milestones, phase):
                asked |= calendar.bit
        return asked

    def rows_of(self, asked: int) -> tuple[Row, ...]:
        """Return the rows of a set of assignments, in the protocol's order."""
        return tuple(row for bit, row in self.rows if bit & asked)


@lru_cache(maxsize=1024)
def agenda_of(protocol: StudyProtocol, rules: PatientRules) -> Agenda:
    """Return the agenda of a protocol and a patient's rules, the same one for equal arguments."""
    rows: list[tuple[int, Row]] = []
    calendars: list[Calendar] = []
    for place, assignment in enumerate(protocol.assignments):
        trigger = assignment.trigger
        if isinstance(trigger, EventTrigger | PatientInitiatedTrigger):
            continue  # asked when something happens, not on days
        bit = 1 << place
        shared = _rows(assignment, protocol.quiet_hours, protocol.limits.min_gap)
        rows += [(bit, row) for row in shared]
        if isinstance(trigger, IntervalTrigger):
            days = (trigger.weekdays(), trigger.every.days, trigger.anchor)
            calendars.append(Calendar(bit, assignment, *days))
        else:
            calendars.append(Calendar(bit, assignment, trigger.weekdays()))
    return Agenda(
        protocol=protocol,
        rules=rules,
        rows=tuple(rows),
        weekly=tuple(
            sum(one.bit for one in calendars if one.is_weekly and weekday in one.weekdays)
            for weekday in range(7)
        ),
        others=tuple(one for one in calendars if not one.is_weekly),
    )


@lru_cache(maxsize=4096)
def _rows(
    assignment: Assignment, quiet: tuple[LocalInterval, ...], min_gap: timedelta
) -> tuple[Row, ...]:
    trigger = assignment.trigger
    if isinstance(trigger, WindowTrigger):
        return tuple(
            Row(
                assignment=assignment,
                place=place,
                span=span,
                walls=_outside(quiet, span.grid(trigger.slot)),
                quiet=quiet,
                per_window=trigger.per_window,
                gap=max(trigger.gap, min_gap) if trigger.per_window > 1 else timedelta(0),
                timing=trigger.timing,
                within=trigger.within,
                objective=trigger.objective,
            )
            for place, span in enumerate(trigger.windows)
        )
    if not isinstance(trigger, FixedTrigger | IntervalTrigger | MicroRandomisedTrigger):
        return ()
    timing, within, probability = _chances(trigger)
    return tuple(
        Row(
            assignment=assignment,
            place=place,
            span=None,
            walls=_outside(quiet, (at,)),
            quiet=quiet,
            timing=timing,
            within=within,
            probability=probability,
        )
        for place, at in enumerate(trigger.times())
    )


def _chances(
    trigger: FixedTrigger | IntervalTrigger | MicroRandomisedTrigger,
) -> tuple[Timing, timedelta, float]:
    """Return timing, `within` and probability of a prompt at a set time."""
    if isinstance(trigger, MicroRandomisedTrigger):
        return "micro_randomised", trigger.within, trigger.probability
    return "fixed", DEFAULT_WITHIN, 1.0


def _outside(quiet: tuple[LocalInterval, ...], walls: tuple[time, ...]) -> tuple[time, ...]:
    return tuple(wall for wall in walls if not any(covers(span, wall) for span in quiet))


def _in_burst(bursts: Bursts, day: date, first_day: date, milestones: Milestones) -> bool:
    since = _days_since(bursts.anchor, day, first_day, milestones)
    return since is not None and bursts.includes(since)


def _days_since(anchor: str, day: date, first_day: date, milestones: Milestones) -> int | None:
    """Return the days since the anchor's date, negative before it; None if it has none yet."""
    date_of = first_day if anchor == ENROLMENT else milestones.get(anchor)
    return None if date_of is None else day.toordinal() - date_of.toordinal()
