"""Repository of the room a day has left: instants that are taken, and prompts that count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from engine.prompt import PromptKind, State
from engine.records import PATIENT_INITIATED
from engine.store import tables
from engine.store.database import ReadTx

_prompts = tables.Prompt
_GONE = (State.EXPIRED, State.CANCELLED, State.FAILED, State.WITHHELD)
_COUNTS = (
    _prompts.kind == PromptKind.PROMPT,
    _prompts.timing != PATIENT_INITIATED,
    or_(_prompts.sent_at.is_not(None), _prompts.state.not_in(_GONE)),
)
_SETTLED = or_(_prompts.sent_at.is_not(None), _prompts.decided_at.is_not(None))
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt that takes one of a day's places: `settled` once it is drawn or sent."""

    prompt_id: UUID
    assignment: str
    priority: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """An instant near which no further prompt may fall: drawn, sent, or a set time to come.

    One that is not `settled` yet may still give way.
    """

    at: datetime
    prompt_id: UUID
    priority: int
    settled: bool


def taken_instants(
    tx: ReadTx, enrolment_ids: Sequence[UUID], *, since: datetime, until: datetime
) -> dict[UUID, list[Taken]]:
    """Return for each enrolment the instants that are taken, in order."""
    rows = tx.conn.execute(
        select(
            _prompts.enrolment_id,
            _prompts.id,
            func.coalesce(_prompts.sent_at, _prompts.due_at).label("at"),
            _prompts.priority,
            _SETTLED.label("settled"),
        )
        .where(
            _prompts.enrolment_id.in_(enrolment_ids),
            # Local dates only narrow the search; zones are at most a day apart from UTC.
            _prompts.local_date.between(since.date() - ONE_DAY, until.date() + ONE_DAY),
            _prompts.due_at.between(since, until),
            *_COUNTS,
        )
        .order_by("at")
    )
    found: dict[UUID, list[Taken]] = {}
    for row in rows:
        taken = Taken(row.at, row.id, row.priority, bool(row.settled))
        found.setdefault(row.enrolment_id, []).append(taken)
    return found


def places(
    tx: ReadTx, enrolment_ids: Sequence[UUID], days: Sequence[date]
) -> dict[tuple[UUID, date], list[Place]]:
    """Return the prompts that take a place on these local dates, by enrolment and date."""
    rows = tx.conn.execute(
        select(
            _prompts.enrolment_id,
            _prompts.local_date,
            _prompts.id,
            _prompts.assignment,
            _prompts.priority,
            _SETTLED.label("settled"),
        ).where(_prompts.enrolment_id.in_(enrolment_ids), _prompts.local_date.in_(days), *_COUNTS)
    )
    found: dict[tuple[UUID, date], list[Place]] = {}
    for row in rows:
        place = Place(row.id, row.assignment, row.priority, bool(row.settled))
        found.setdefault((row.enrolment_id, row.local_date), []).append(place)
    return found
