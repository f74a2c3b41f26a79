"""Repository of what happens in a course beside answers: milestones, reports, silences."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update

from engine.errors import Conflict
from engine.prompt import PromptKind, State
from engine.records import EVENT, Milestone, PatientReport
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_NOTHING_CAME = (State.CANCELLED, State.EXPIRED, State.FAILED)
_FOLLOWED = (
    tables.Prompt.timing == EVENT,
    tables.Prompt.kind == PromptKind.PROMPT,
    or_(tables.Prompt.sent_at.is_not(None), tables.Prompt.state.not_in(_NOTHING_CAME)),
)


def set_milestone(tx: WriteTx, milestone: Milestone) -> None:
    """Store when an event of a course happened, in place of what was told before."""
    table = tables.Milestone
    values: dict[str, Any] = {
        "local_date": milestone.local_date,
        "recorded_by": milestone.recorded_by,
        "recorded_at": milestone.recorded_at,
    }
    changed = tx.conn.execute(
        update(table)
        .where(table.enrolment_id == milestone.enrolment_id, table.name == milestone.name)
        .values(values)
    )
    if changed.rowcount == 0:
        key = {"enrolment_id": milestone.enrolment_id, "name": milestone.name}
        tx.conn.execute(insert(table).values(**key, **values))


def milestones(tx: ReadTx, enrolment_id: UUID) -> list[Milestone]:
    """Return the milestones of a course by date."""
    table = tables.Milestone
    rows = tx.conn.execute(
        select(table)
        .where(table.enrolment_id == enrolment_id)
        .order_by(table.local_date, table.name)
    )
    return [_milestone(row) for row in rows]


def milestone_dates(tx: ReadTx, enrolment_ids: Collection[UUID]) -> dict[UUID, dict[str, date]]:
    """Return for each enrolment the local dates of its milestones by name."""
    table = tables.Milestone
    found: dict[UUID, dict[str, date]] = {enrolment_id: {} for enrolment_id in enrolment_ids}
    rows = tx.conn.execute(
        select(table.enrolment_id, table.name, table.local_date).where(
            table.enrolment_id.in_(list(enrolment_ids))
        )
    )
    for row in rows:
        found[row.enrolment_id][row.name] = row.local_date
    return found


def add_report(tx: WriteTx, report: PatientReport) -> bool:
    """Store what a patient reported; return False if it was stored before.

    Raises Conflict if the id came before with another report.
    """
    table = tables.PatientReport
    stored = tx.conn.execute(
        select(table.patient_id, table.name).where(table.id == report.id)
    ).one_or_none()
    if stored is not None:
        if (stored.patient_id, stored.name) != (report.patient_id, report.name):
            raise Conflict("this report id was used for another report")
        return False
    tx.conn.execute(
        insert(table).values(
            id=report.id,
            patient_id=report.patient_id,
            device_id=report.device_id,
            name=report.name,
            happened_at=report.happened_at,
            device_at=report.device_at,
            received_at=report.received_at,
        )
    )
    return True


def last_followed_at(tx: ReadTx, enrolment_id: UUID, assignment: str) -> datetime | None:
    """Return when the last prompt that an event brought of this assignment was due.

    One of which nothing came, for whatever reason, is as if it had not been.
    """
    prompts = tables.Prompt
    last: datetime | None = tx.conn.execute(
        select(func.max(prompts.due_at, type_=prompts.due_at.type)).where(
            prompts.enrolment_id == enrolment_id,
            prompts.assignment == assignment,
            *_FOLLOWED,
        )
    ).scalar_one()
    return last


def followed_on(tx: ReadTx, enrolment_id: UUID, assignment: str, day: date) -> int:
    """Return how many prompts events brought of this assignment on a local date."""
    prompts = tables.Prompt
    return tx.conn.execute(
        select(func.count()).where(
            prompts.enrolment_id == enrolment_id,
            prompts.assignment == assignment,
            prompts.local_date == day,
            *_FOLLOWED,
        )
    ).scalar_one()


def run_out(tx: ReadTx, *, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Return (prompt, patient) of prompts that ran out unanswered, which nobody has noticed yet."""
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(prompts.id, prompts.patient_id)
        .where(tables.RUNNING_OUT, prompts.expires_at <= now)
        .order_by(prompts.expires_at, prompts.id)
        .limit(limit)
    )
    return [(row.id, row.patient_id) for row in rows]


def notice_missed(
    tx: WriteTx, prompt_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, datetime]:
    """Note that these prompts were missed; return when those ran out that nobody had noted yet."""
    prompts = tables.Prompt
    rows = tx.conn.execute(
        update(prompts)
        .where(prompts.id.in_(prompt_ids), tables.RUNNING_OUT, prompts.expires_at <= now)
        .values(missed_at=now)
        .returning(prompts.id, prompts.expires_at)
    )
    return {row.id: row.expires_at for row in rows}


def _milestone(row: AnyRow) -> Milestone:
    return Milestone(
        enrolment_id=row.enrolment_id,
        name=row.name,
        local_date=row.local_date,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
    )
