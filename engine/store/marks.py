"""Repository of marks, and of all other signs of whether a moment was good for a patient."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from engine.learning_records import MarkCounts, Sign
from engine.prompt import PromptKind, State
from engine.records import PATIENT_INITIATED
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

MARK, EXERCISE, SELF_STARTED, DISTRESS = "mark", "exercise", "self_started", "distress"
_marks, _prompts = tables.Mark, tables.Prompt


def set_mark(
    tx: WriteTx, prompt_id: UUID, *, patient_id: UUID, device_id: UUID, good: bool, now: datetime
) -> None:
    """Store what the patient said of a prompt's moment, in place of what was said before."""
    tx.conn.execute(delete(_marks).where(_marks.prompt_id == prompt_id))
    tx.conn.execute(
        insert(_marks).values(
            prompt_id=prompt_id,
            patient_id=patient_id,
            device_id=device_id,
            good=good,
            marked_at=now,
        )
    )


def mark_of(tx: ReadTx, prompt_id: UUID) -> bool | None:
    """Return whether the patient called the prompt's moment good; None if nothing was said."""
    found: bool | None = tx.conn.execute(
        select(_marks.good).where(_marks.prompt_id == prompt_id)
    ).scalar_one_or_none()
    return found


def mark_counts(tx: ReadTx, patient_id: UUID) -> MarkCounts:
    """Return how often the patient called a moment good, and how often not."""
    rows = tx.conn.execute(
        select(_marks.good, func.count())
        .where(_marks.patient_id == patient_id)
        .group_by(_marks.good)
    )
    found = {bool(row[0]): int(row[1]) for row in rows}
    return MarkCounts(good=found.get(True, 0), bad=found.get(False, 0))


def signs(tx: ReadTx, *, exercises: Collection[str], now: datetime) -> list[Sign]:
    """Return all signs there are: marks, exercises done or let pass, self-started, distress.

    `exercises` are the ids of contents that count as exercises. Distress is a report of that name,
    or an answer with a risk item in it.
    """
    return [
        *_marked(tx),
        *exercise_signs(tx, exercises=exercises, now=now),
        *_self_started(tx),
        *_distress(tx),
    ]


def _marked(tx: ReadTx) -> Iterator[Sign]:
    at = func.coalesce(_prompts.due_at, _prompts.sent_at).label("at")
    rows = tx.conn.execute(
        select(_marks.patient_id, _marks.prompt_id, at, _prompts.zone, _marks.good)
        .join(_prompts, _prompts.id == _marks.prompt_id)
        .order_by(_marks.marked_at, _marks.prompt_id)
    )
    return (_sign(row, MARK, good=row.good, prompt_id=row.prompt_id) for row in rows)


def exercise_signs(tx: ReadTx, *, exercises: Collection[str], now: datetime) -> list[Sign]:
    """Return of all exercises that were sent, and are over, whether they were done.

    `exercises` are the ids of contents that count as exercises. One that was started unasked or
    declined tells nothing of its moment, nor does one that may not have been delivered.
    """
    rows = tx.conn.execute(
        select(
            _prompts.id,
            _prompts.patient_id,
            _prompts.sent_at.label("at"),
            _prompts.zone,
            _prompts.answered_at,
            _prompts.expires_at,
        )
        .where(
            _prompts.content_id.in_(exercises),
            _prompts.timing != PATIENT_INITIATED,
            _prompts.kind == PromptKind.PROMPT,
            _prompts.state == State.ACCEPTED,
            _prompts.sent_at.is_not(None),
            _prompts.declined_at.is_(None),
            _prompts.expires_at <= now,
        )
        .order_by(_prompts.sent_at, _prompts.id)
    )
    return [
        _sign(
            row,
            EXERCISE,
            good=row.answered_at is not None and row.answered_at < row.expires_at,
            prompt_id=row.id,
        )
        for row in rows
    ]


def _self_started(tx: ReadTx) -> Iterator[Sign]:
    rows = tx.conn.execute(
        select(_prompts.patient_id, _prompts.due_at.label("at"), _prompts.zone)
        .where(_prompts.timing == PATIENT_INITIATED, _prompts.answered_at.is_not(None))
        .order_by(_prompts.due_at, _prompts.id)
    )
    return (_sign(row, SELF_STARTED, good=True) for row in rows)


def _distress(tx: ReadTx) -> Iterator[Sign]:
    responses, reports, patients = tables.Response, tables.PatientReport, tables.Patient
    risky = tx.conn.execute(
        select(responses.patient_id, responses.answered_at.label("at"), _prompts.zone)
        .join(_prompts, _prompts.id == responses.prompt_id)
        .where(responses.risk)
        .order_by(responses.answered_at, responses.id)
    )
    told = tx.conn.execute(
        select(reports.patient_id, reports.happened_at.label("at"), patients.zone)
        .join(patients, patients.id == reports.patient_id)
        .where(reports.name == DISTRESS)
        .order_by(reports.happened_at, reports.id)
    )
    return (_sign(row, DISTRESS, good=True) for rows in (risky, told) for row in rows)


def _sign(row: AnyRow, kind: str, *, good: bool, prompt_id: UUID | None = None) -> Sign:
    return Sign(
        person=str(row.patient_id),
        at=row.at,
        zone=row.zone,
        kind=kind,
        good=bool(good),
        prompt_id=prompt_id,
    )
