"""Protocol and local day to windows and slots: pure, and total over all zones and dates.

The identity of a prompt is (enrolment, assignment, local date, window); its instant is derived.
Random choices are drawn from that identity, so planning twice, or anywhere else, gives the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Literal
from uuid import UUID, uuid5

from engine.draws import draw, pick, uniform
from engine.localtime import (
    DAY,
    MIDNIGHT,
    covers,
    in_quiet_hours,
    ordinary_offset,
    readings,
    representable,
    resolve,
)
from engine.protocol import Assignment, LocalInterval, StudyProtocol
from engine.triggers import DEFAULT_WITHIN, FixedTrigger, IntervalTrigger, minute_of

__all__ = [
    "DayPlan",
    "Dropped",
    "PlannedWindow",
    "draw",
    "pick",
    "plan_day",
    "plan_days",
    "prompt_id",
    "uniform",
]

Timing = Literal["fixed", "uniform", "adaptive"]
Objective = Literal["answered", "completed"]

PROMPTS = UUID("6d0f4f0c-6f43-5d0e-9d0b-1c6f6b1f5a51")
"""Namespace of prompt ids; changing it would give every prompt a second identity."""

TOO_MANY = "per_day cap"
TOO_CLOSE = "min_gap"
QUIET = "quiet hours"
CLOCK_CHANGE = "clock change"

_START = attrgetter("start_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow:
    """One prompt to be: its window and the instants at which it may be sent.

    `slots` are UTC and strictly increase, start_at <= slot < end_at; each reads inside the local
    window and outside quiet hours. A prompt at a set time has that one slot and ends at expiry.
    `window` is the place in the trigger's list as written.
    """

    assignment: str
    content: str
    local_date: date
    window: int
    start_at: datetime
    end_at: datetime
    slots: tuple[datetime, ...]
    timing: Timing
    expires_after: timedelta
    within: timedelta
    objective: Objective = "answered"
    representative: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """A window of the protocol that this day has no room for, and why."""

    assignment: str
    local_date: date
    window: int
    reason: str


@dataclass(frozen=True, slots=True)
class DayPlan:
    """All windows of one local date by `start_at`, and those dropped."""

    windows: tuple[PlannedWindow, ...]
    dropped: tuple[Dropped, ...]


def plan_day(protocol: StudyProtocol, day: date, tz: tzinfo, *, first_day: date) -> DayPlan:
    """Return what the protocol asks of this local date; nothing before `first_day`.

    Of two prompts at set times closer than the minimum gap the later gives way; over the daily
    cap, the assignments listed later do.
    """
    if day < first_day:
        return DayPlan((), ())
    midnight = _ordinary_midnight(day, tz)
    planned: list[PlannedWindow] = []
    dropped: list[Dropped] = []
    for row in _rows(protocol):
        if not row.falls_on(day, first_day):
            continue
        slots = (
            row.odd_slots(day, tz, protocol.quiet_hours)
            if midnight is None
            else tuple([midnight + offset for offset in row.offsets])
        )
        if slots:
            planned.append(row.planned(day, tz, midnight, slots))
        else:
            reason = CLOCK_CHANGE if row.offsets else QUIET
            dropped.append(Dropped(row.assignment.id, day, row.window, reason))
    planned = _spaced(planned, protocol.limits.min_gap, dropped)
    planned = _capped(planned, protocol.limits.per_day, dropped)
    return DayPlan(tuple(sorted(planned, key=_START)), tuple(dropped))


def plan_days(
    protocol: StudyProtocol, first: date, days: int, tz: tzinfo, first_day: date
) -> tuple[DayPlan, ...]:
    """Return the plans of `days` local dates from `first` on, one for each."""
    return tuple(
        plan_day(protocol, first + number * DAY, tz, first_day=first_day) for number in range(days)
    )


def prompt_id(enrolment_id: UUID, assignment: str, local_date: date, window: int) -> UUID:
    """Return the id of the one prompt with this identity, the same on every machine."""
    return uuid5(PROMPTS, f"{enrolment_id}/{assignment}/{local_date.isoformat()}/{window}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One prompt a day at most, with all that does not depend on the date worked out once.

    `wall` are the candidate wall times outside quiet hours, `offsets` the same from midnight;
    `span` is None for a prompt at a set time; `every` counts the days from one to the next.
    """

    assignment: Assignment
    window: int
    span: LocalInterval | None
    wall: tuple[time, ...]
    offsets: tuple[timedelta, ...]
    weekdays: frozenset[int]
    every: int = 1
    timing: Timing = "fixed"
    within: timedelta = DEFAULT_WITHIN
    objective: Objective = "answered"

    def falls_on(self, day: date, first_day: date) -> bool:
        """Return whether this date is one of the trigger's days."""
        if self.every > 1 and (day.toordinal() - first_day.toordinal()) % self.every:
            return False
        return day.weekday() in self.weekdays

    def odd_slots(
        self, day: date, tz: tzinfo, quiet: Sequence[LocalInterval]
    ) -> tuple[datetime, ...]:
        """Return the slots on a day on which the clocks change.

        A slot in a gap moves forward; one that thereby leaves its window, enters quiet hours or
        meets another slot is lost.
        """
        instants = sorted({at for wall in self.wall if (at := resolve(day, wall, tz))})
        if self.span and instants:
            opens, closes = self.bounds(day, tz, None, self.span)
            instants = [at for at in instants if opens <= at < closes]
        return tuple(at for at in instants if not in_quiet_hours(at, tz, quiet))

    def bounds(
        self, day: date, tz: tzinfo, midnight: datetime | None, span: LocalInterval
    ) -> tuple[datetime, datetime]:
        """Return the window in UTC, from the first reading of its start to that of its end.

        Slots are first readings too, so none is lost. If the start happens twice, the bounds
        include the repeated stretch before it, but no slot lies there.
        """
        if midnight is not None:
            first, end = span.minutes()
            return midnight + timedelta(minutes=first), midnight + timedelta(minutes=end)
        last_day = day + DAY if span.to == MIDNIGHT else day
        return readings(day, span.from_, tz)[0], readings(last_day, span.to, tz)[0]

    def planned(
        self, day: date, tz: tzinfo, midnight: datetime | None, slots: tuple[datetime, ...]
    ) -> PlannedWindow:
        """Return the window of this day with these slots."""
        if self.span is None:
            start_at, end_at = slots[0], slots[0] + self.assignment.expires_after
        else:
            start_at, end_at = self.bounds(day, tz, midnight, self.span)
        return PlannedWindow(
            assignment=self.assignment.id,
            content=self.assignment.content,
            local_date=day,
            window=self.window,
            start_at=start_at,
            end_at=end_at,
            slots=slots,
            timing=self.timing,
            expires_after=self.assignment.expires_after,
            within=self.within,
            objective=self.objective,
            representative=self.assignment.sampling == "representative",
        )


@lru_cache(maxsize=512)
def _rows(protocol: StudyProtocol) -> tuple[_Row, ...]:
    """Return the rows of a protocol, in its order of priority."""
    return tuple(
        row
        for assignment in protocol.assignments
        for row in _rows_of(assignment, protocol.quiet_hours)
    )


def _rows_of(assignment: Assignment, quiet: Sequence[LocalInterval]) -> Iterator[_Row]:
    trigger = assignment.trigger
    if isinstance(trigger, FixedTrigger | IntervalTrigger):
        for place, at in enumerate(trigger.times()):
            wall, offsets = _outside(quiet, (at,))
            yield _Row(
                assignment=assignment,
                window=place,
                span=None,
                wall=wall,
                offsets=offsets,
                weekdays=trigger.weekdays(),
                every=trigger.days_apart(),
            )
        return
    for place, span in enumerate(trigger.windows):
        wall, offsets = _outside(quiet, span.grid(trigger.slot))
        yield _Row(
            assignment=assignment,
            window=place,
            span=span,
            wall=wall,
            offsets=offsets,
            weekdays=trigger.weekdays(),
            timing=trigger.timing,
            within=trigger.within,
            objective=trigger.objective,
        )


def _outside(
    quiet: Sequence[LocalInterval], walls: Sequence[time]
) -> tuple[tuple[time, ...], tuple[timedelta, ...]]:
    """Return the wall times outside quiet hours, as they are and as offsets from midnight."""
    kept = tuple(wall for wall in walls if not any(covers(span, wall) for span in quiet))
    return kept, tuple(timedelta(minutes=minute_of(wall)) for wall in kept)


def _ordinary_midnight(day: date, tz: tzinfo) -> datetime | None:
    """Return the UTC instant of midnight, None if wall times are not all an offset from it."""
    offset = ordinary_offset(day, tz) if representable(day) else None
    return None if offset is None else datetime.combine(day, MIDNIGHT, UTC) - offset


def _spaced(
    planned: list[PlannedWindow], min_gap: timedelta, dropped: list[Dropped]
) -> list[PlannedWindow]:
    """Return the windows without those at a set time too soon after another; notes them."""
    close: set[int] = set()
    last: datetime | None = None
    fixed = [number for number, window in enumerate(planned) if window.timing == "fixed"]
    for number in sorted(fixed, key=lambda number: planned[number].start_at):
        start_at = planned[number].start_at
        if last is not None and start_at - last < min_gap:
            close.add(number)
            dropped.append(_drop(planned[number], TOO_CLOSE))
        else:
            last = start_at
    return [window for number, window in enumerate(planned) if number not in close]


def _capped(
    planned: list[PlannedWindow], per_day: int | None, dropped: list[Dropped]
) -> list[PlannedWindow]:
    """Return as many windows as a day may have, the protocol's first ones; notes the others."""
    if per_day is None:
        return planned
    dropped.extend(_drop(window, TOO_MANY) for window in planned[per_day:])
    return planned[:per_day]


def _drop(window: PlannedWindow, reason: str) -> Dropped:
    return Dropped(window.assignment, window.local_date, window.window, reason)
