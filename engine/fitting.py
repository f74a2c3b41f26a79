"""Fitting the prompts asked for into one day: clock changes, gaps, caps, the patient's rules.

Every prompt asked for ends as kept or as dropped with its reason. The patient's rules come last
and act on what the protocol left, so they can take away and never add.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from operator import attrgetter

from engine.agenda import Agenda, Row
from engine.localtime import (
    DAY,
    MIDNIGHT,
    in_quiet_hours,
    ordinary_offset,
    readings,
    representable,
    resolve,
)
from engine.planned import (
    CLOCK_CHANGE,
    LEFT_OUT,
    NO_ROOM,
    OWN_CAP,
    OWN_QUIET,
    QUIET,
    TOO_CLOSE,
    TOO_MANY,
    TOO_MANY_OF_IT,
)
from engine.protocol import LocalInterval
from engine.stratified import feasible

_START = attrgetter("start_at")


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A row that has a place in the day: its bounds, its slots, and how many prompts it holds.

    Known by identity, as its row is.
    """

    row: Row
    start_at: datetime
    end_at: datetime
    slots: tuple[datetime, ...]
    count: int

    @property
    def is_set_time(self) -> bool:
        """Return whether its instant is given and not drawn."""
        return self.row.span is None


@dataclass(frozen=True, slots=True)
class Lost:
    """One prompt without a place in the day: its row, its number in the window, the reason."""

    row: Row
    number: int
    reason: str


@dataclass(slots=True)
class Fitting:
    """A day being fitted; each rule takes away from `kept` and writes to `lost`."""

    kept: list[Kept]
    lost: list[Lost] = field(default_factory=list)

    def shrink(self, counts: Iterable[int], reason: str) -> None:
        """Keep so many prompts of each row; the last ones of a window go first."""
        still = []
        for one, count in zip(self.kept, counts, strict=True):
            self.lost += [Lost(one.row, number, reason) for number in range(count, one.count)]
            if count == one.count:
                still.append(one)
            elif count:
                still.append(replace(one, count=count))
        self.kept = still


def fit(
    agenda: Agenda, asked: int, day: date, tz: tzinfo
) -> tuple[tuple[Kept, ...], tuple[Lost, ...]]:
    """Return what of these assignments has a place on this local date, by start, and what not.

    Of prompts at set times closer than the minimum gap, and of those over a cap, the smaller
    priority number is kept, then the one the protocol lists first.
    """
    fitting = Fitting([])
    for row in agenda.rows_of(asked):
        kept, lost = _placed(row, day, tz)
        fitting.lost += lost
        if kept is not None:
            fitting.kept.append(kept)
    limits = agenda.protocol.limits
    _space(fitting, limits.min_gap)
    _cap_each(fitting)
    _cap(fitting, limits.per_day, TOO_MANY)
    _narrow(fitting, agenda, tz)
    return tuple(sorted(fitting.kept, key=_START)), tuple(fitting.lost)


@lru_cache(maxsize=8192)
def _placed(row: Row, day: date, tz: tzinfo) -> tuple[Kept | None, tuple[Lost, ...]]:
    """Return the row with its slots and as many prompts as these hold, and those they do not."""
    slots = _slots(row, day, tz)
    count = _room(row, slots)
    reason = NO_ROOM if slots else CLOCK_CHANGE if row.walls else QUIET
    lost = tuple(Lost(row, number, reason) for number in range(count, row.per_window))
    if not slots:
        return None, lost
    start_at, end_at = (
        (slots[0], slots[0] + row.assignment.expires_after)
        if row.span is None
        else _bounds(row.span, day, tz)
    )
    return Kept(row, start_at, end_at, slots, count), lost


def _room(row: Row, slots: tuple[datetime, ...]) -> int:
    """Return how many of the row's prompts these slots hold."""
    if row.per_window == 1:
        return min(len(slots), 1)
    return min(row.per_window, feasible(slots, row.gap))


def _slots(row: Row, day: date, tz: tzinfo) -> tuple[datetime, ...]:
    """Return the row's slots on this date.

    Where the clocks change, a slot in a gap moves forward; one that thereby leaves its window,
    enters quiet hours or meets another slot is lost.
    """
    offset = ordinary_offset(day, tz) if representable(day) else None
    if offset is not None:
        return tuple(datetime.combine(day, wall, UTC) - offset for wall in row.walls)
    instants = sorted({at for wall in row.walls if (at := resolve(day, wall, tz))})
    if row.span and instants:
        opens, closes = _bounds(row.span, day, tz)
        instants = [at for at in instants if opens <= at < closes]
    return tuple(at for at in instants if not in_quiet_hours(at, tz, row.quiet))


def _bounds(span: LocalInterval, day: date, tz: tzinfo) -> tuple[datetime, datetime]:
    """Return the window in UTC, from the first reading of its start to that of its end.

    Slots are first readings too, so none is lost. If the start happens twice, the bounds
    include the repeated stretch before it, but no slot lies there.
    """
    last_day = day + DAY if span.to == MIDNIGHT else day
    return readings(day, span.from_, tz)[0], readings(last_day, span.to, tz)[0]


def _space(fitting: Fitting, min_gap: timedelta) -> None:
    """Drop set times too soon before or after one that has precedence."""
    taken: list[datetime] = []
    counts = [one.count for one in fitting.kept]
    for place in _by_precedence(fitting):
        one = fitting.kept[place]
        if not one.is_set_time:
            continue
        if any(abs(one.start_at - other) < min_gap for other in taken):
            counts[place] = 0
        else:
            taken.append(one.start_at)
    fitting.shrink(counts, TOO_CLOSE)


def _cap_each(fitting: Fitting) -> None:
    """Keep of each assignment with a cap of its own the first prompts as listed."""
    if not any(one.row.assignment.per_day for one in fitting.kept):
        return
    room = {
        one.row.assignment.id: one.row.assignment.per_day
        for one in fitting.kept
        if one.row.assignment.per_day
    }
    counts = []
    for one in fitting.kept:
        left = room.get(one.row.assignment.id, one.count)
        counts.append(min(one.count, left))
        room[one.row.assignment.id] = left - counts[-1]
    fitting.shrink(counts, TOO_MANY_OF_IT)


def _cap(fitting: Fitting, per_day: int | None, reason: str) -> None:
    """Keep as many prompts as a day may have, those with precedence."""
    if per_day is None:
        return
    left, counts = per_day, [0] * len(fitting.kept)
    for place in _by_precedence(fitting):
        counts[place] = min(fitting.kept[place].count, left)
        left -= counts[place]
    fitting.shrink(counts, reason)


def _narrow(fitting: Fitting, agenda: Agenda, tz: tzinfo) -> None:
    """Apply what the patient has set: things left out, own quiet hours, an own cap."""
    rules = agenda.rules
    if rules.without:
        gone = set(rules.without)
        fitting.shrink(
            [0 if one.row.assignment.id in gone else one.count for one in fitting.kept], LEFT_OUT
        )
    if rules.quiet_hours:
        fitting.kept = [
            replace(one, slots=slots)
            for one in fitting.kept
            for slots in [
                tuple(s for s in one.slots if not in_quiet_hours(s, tz, rules.quiet_hours))
            ]
        ]
        counts = [min(one.count, _room(one.row, one.slots)) for one in fitting.kept]
        fitting.shrink(counts, OWN_QUIET)
    _cap(fitting, rules.per_day, OWN_CAP)


def _by_precedence(fitting: Fitting) -> list[int]:
    """Return the places of what is kept, what has precedence first: by priority, then as listed."""
    kept = fitting.kept
    return sorted(range(len(kept)), key=lambda place: kept[place].row.assignment.priority)
