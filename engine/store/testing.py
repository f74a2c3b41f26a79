"""Repository of test notifications: rows of the prompts' table that count for nothing."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select

from engine.health_records import ProgressOfTest
from engine.prompt import ENDED, PromptKind, State
from engine.records import StoredWindow
from engine.store import tables
from engine.store.by_patient import of_patient
from engine.store.database import ReadTx, WriteTx
from engine.store.window_rows import window_row

_AROUND = timedelta(days=1)
"""A local date may be a day off the UTC date."""
_prompts, _attempts = tables.Prompt, tables.Attempt


def add_test(tx: WriteTx, window: StoredWindow, *, expires_at: datetime) -> None:
    """Store a test that is due at once."""
    row = {
        **window_row(window),
        "kind": PromptKind.TEST,
        "decided_at": window.start_at,
        "due_at": window.start_at,
        "expires_at": expires_at,
    }
    tx.conn.execute(insert(_prompts).values(row))


def tests_since(tx: ReadTx, patient_id: UUID, since: datetime) -> list[datetime]:
    """Return when the patient's tests since then were asked for, oldest first."""
    rows = tx.conn.execute(
        select(_prompts.decided_at)
        .where(
            of_patient(patient_id),
            _prompts.local_date >= (since - _AROUND).date(),
            _prompts.kind == PromptKind.TEST,
            _prompts.decided_at > since,
        )
        .order_by(_prompts.decided_at)
    )
    return [at for at in rows.scalars() if at is not None]


def count_on(tx: ReadTx, enrolment_id: UUID, assignment: str, day: date) -> int:
    """Return how many tests an enrolment had on a local date."""
    return tx.conn.execute(
        select(func.count()).where(
            _prompts.enrolment_id == enrolment_id,
            _prompts.local_date == day,
            _prompts.assignment == assignment,
            _prompts.kind == PromptKind.TEST,
        )
    ).scalar_one()


def progress_of_test(
    tx: ReadTx, patient_id: UUID, test_id: UUID, *, now: datetime
) -> ProgressOfTest | None:
    """Return how far a test of this patient's came; None if there is no such test."""
    row = tx.conn.execute(
        select(
            _prompts,
            select(_attempts.device_id)
            .where(_attempts.prompt_id == _prompts.id)
            .order_by(_attempts.attempt.desc())
            .limit(1)
            .scalar_subquery()
            .label("device_id"),
        ).where(
            _prompts.id == test_id,
            _prompts.patient_id == patient_id,
            _prompts.kind == PromptKind.TEST,
        )
    ).one_or_none()
    if row is None:
        return None
    is_over = State(row.state) in ENDED - {State.ACCEPTED, State.UNKNOWN}
    return ProgressOfTest(
        id=row.id,
        asked_at=row.decided_at,
        expires_at=row.expires_at,
        state=row.state,
        reason=row.reason,
        device_id=row.device_id,
        sent_at=row.sent_at,
        confirmed_at=row.delivered_at,
        ended=row.delivered_at is not None or is_over or now >= row.expires_at,
    )
