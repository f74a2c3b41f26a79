"""Protocol and local day to windows and slots: pure, and total over all zones and dates.

The identity of a prompt is (enrolment, assignment, local date, window); its instant is derived.
Random choices are drawn from that identity, so planning twice, or anywhere else, gives the same.

Most days have one UTC offset from midnight to midnight. Such a day is any other of the same
assignments, moved: it is fitted once, in UTC, and each date only adds its own midnight. Days on
which the clocks change are fitted by themselves. What protocols have in common is worked out once,
down to the windows of one assignment on one date.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from types import MappingProxyType
from uuid import UUID, uuid5

from engine.agenda import Agenda, Milestones, Row, agenda_of
from engine.draws import draw, pick, uniform
from engine.fitting import Kept, Lost, fit
from engine.localtime import DAY, MIDNIGHT, ordinary_offset, representable
from engine.phases import phase_on, share_on
from engine.planned import (
    CLOCK_CHANGE,
    FADED,
    LEFT_OUT,
    NO_ROOM,
    NOTHING,
    OWN_CAP,
    OWN_QUIET,
    PAUSED,
    QUIET,
    TOO_CLOSE,
    TOO_MANY,
    TOO_MANY_OF_IT,
    DayPlan,
    Dropped,
    Objective,
    PlannedWindow,
    Timing,
)
from engine.protocol import StudyProtocol
from engine.rules import NO_RULES, PatientRules

__all__ = [
    "CLOCK_CHANGE",
    "FADED",
    "LEFT_OUT",
    "NO_ROOM",
    "OWN_CAP",
    "OWN_QUIET",
    "PAUSED",
    "QUIET",
    "TOO_CLOSE",
    "TOO_MANY",
    "TOO_MANY_OF_IT",
    "DayPlan",
    "Dropped",
    "Objective",
    "PlannedWindow",
    "Timing",
    "draw",
    "pick",
    "plan_day",
    "plan_days",
    "prompt_id",
    "uniform",
]

PROMPTS = UUID("6d0f4f0c-6f43-5d0e-9d0b-1c6f6b1f5a51")
"""Namespace of prompt ids; changing it would give every prompt a second identity."""

NO_MILESTONES: Milestones = MappingProxyType({})
_ANY_DAY = date(2000, 1, 1)
_ITS_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


def plan_day(
    protocol: StudyProtocol,
    day: date,
    tz: tzinfo,
    *,
    first_day: date,
    milestones: Mapping[str, date] = NO_MILESTONES,
    rules: PatientRules = NO_RULES,
) -> DayPlan:
    """Return what the protocol and the patient's rules ask of this local date.

    Nothing is asked before `first_day` or after the last phase. `milestones` are the local dates
    of events that have happened, such as the first session. Every prompt of the date is planned
    or dropped with a reason; rules take away and never add. Equal arguments share one answer.
    """
    if day < first_day:
        return NOTHING
    agenda = _agenda(protocol, rules)
    if not protocol.phases:
        asked = agenda.asked_on(day, first_day, milestones, None)
        return _plan(agenda, asked, day, tz, None, 1.0)
    stage = phase_on(protocol.phases, day, first_day, milestones)
    if stage is None:
        return NOTHING
    name = stage.phase.name
    asked = agenda.asked_on(day, first_day, milestones, name)
    return _plan(agenda, asked, day, tz, name, share_on(stage))


def plan_days(
    protocol: StudyProtocol,
    first: date,
    days: int,
    tz: tzinfo,
    first_day: date,
    *,
    milestones: Mapping[str, date] = NO_MILESTONES,
    rules: PatientRules = NO_RULES,
) -> tuple[DayPlan, ...]:
    """Return the plans of `days` local dates from `first` on, one for each."""
    return tuple(
        plan_day(
            protocol,
            first + number * DAY,
            tz,
            first_day=first_day,
            milestones=milestones,
            rules=rules,
        )
        for number in range(days)
    )


def prompt_id(enrolment_id: UUID, assignment: str, local_date: date, window: int) -> UUID:
    """Return the id of the one prompt with this identity, the same on every machine."""
    return uuid5(PROMPTS, f"{enrolment_id}/{assignment}/{local_date.isoformat()}/{window}")


_known: dict[tuple[int, int], tuple[StudyProtocol, PatientRules, Agenda]] = {}
_KNOWN_AT_MOST = 1024


def _agenda(protocol: StudyProtocol, rules: PatientRules) -> Agenda:
    """Return the agenda of these very objects; the hash of a long document is worth sparing.

    The objects are kept beside their ids, so an id here never belongs to another object.
    """
    key = id(protocol), id(rules)
    known = _known.get(key)
    if known is not None:
        return known[2]
    agenda = agenda_of(protocol, rules)
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    _known[key] = protocol, rules, agenda
    return agenda


@lru_cache(maxsize=1024)
def _plan(
    agenda: Agenda, asked: int, day: date, tz: tzinfo, phase: str | None, share: float
) -> DayPlan:
    """Return the plan of a date on which these assignments ask, shared by all who have the same."""
    if agenda.rules.paused(day):
        return _without(agenda, asked, day, PAUSED)
    if share == 0.0:
        return _without(agenda, asked, day, FADED)
    offset = ordinary_offset(day, tz) if representable(day) else None
    if offset is None:
        kept, lost = fit(agenda, asked, day, tz)
        moved = timedelta(0)
    else:
        kept, lost = _ordinary(agenda, asked)
        moved = datetime.combine(day, MIDNIGHT, UTC) - offset - _ITS_MIDNIGHT
    windows = [one for each in kept for one in _written(each, day, moved, phase, share)]
    return DayPlan(
        tuple(windows), tuple([_dropped(one.row, one.number, day, one.reason) for one in lost])
    )


@lru_cache(maxsize=4096)
def _ordinary(agenda: Agenda, asked: int) -> tuple[tuple[Kept, ...], tuple[Lost, ...]]:
    """Return the day these assignments make where no clock changes, as of midnight 2000-01-01Z."""
    return fit(agenda, asked, _ANY_DAY, UTC)


@lru_cache(maxsize=8192)
def _written(
    kept: Kept, day: date, moved: timedelta, phase: str | None, share: float
) -> tuple[PlannedWindow, ...]:
    """Return the prompts of a row on this date, their instants moved by so much."""
    row = kept.row
    assignment = row.assignment
    start_at, end_at = kept.start_at + moved, kept.end_at + moved
    slots = tuple([slot + moved for slot in kept.slots])
    return tuple(
        PlannedWindow(
            assignment=assignment.id,
            content=assignment.content,
            local_date=day,
            window=row.window(number),
            start_at=start_at,
            end_at=end_at,
            slots=slots,
            timing=row.timing,
            expires_after=assignment.expires_after,
            within=row.within,
            objective=row.objective,
            representative=assignment.sampling == "representative",
            probability=row.probability * share,
            number=number,
            remaining=kept.count - number,
            gap=row.gap,
            priority=assignment.priority,
            reminders=assignment.reminders,
            phase=phase,
        )
        for number in range(kept.count)
    )


def _without(agenda: Agenda, asked: int, day: date, reason: str) -> DayPlan:
    """Return a day on which all that was asked for is dropped for one reason."""
    dropped = [
        _dropped(row, number, day, reason)
        for row in agenda.rows_of(asked)
        for number in range(row.per_window)
    ]
    return DayPlan((), tuple(dropped))


def _dropped(row: Row, number: int, day: date, reason: str) -> Dropped:
    return Dropped(row.assignment.id, day, row.window(number), reason)
