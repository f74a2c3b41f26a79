"""Repository of proximal outcomes and model artifacts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from engine.records import Artifact, Outcome
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_ONE_ADDS = 0x6F7574  # any number of our own; PostgreSQL's advisory locks are told apart by it


def unclosed(tx: WriteTx, *, limit: int) -> list[dict[str, Any]]:
    """Return sent adaptive-window prompts whose outcome is not known yet, oldest first.

    Keys: id, patient_id, zone, local_date, due_at, sent_at, answered_at, within, state, arm.
    """
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(
            prompts.id,
            prompts.patient_id,
            prompts.zone,
            prompts.local_date,
            prompts.due_at,
            prompts.sent_at,
            prompts.answered_at,
            prompts.within_seconds,
            prompts.state,
            tables.Decision.arm,
        )
        .join(tables.Decision, tables.Decision.prompt_id == prompts.id)
        .where(prompts.sent_at.is_not(None), prompts.closed_at.is_(None))
        .order_by(prompts.sent_at, prompts.id)
        .limit(limit)
        # An answer that is being stored at this moment must not be taken for a silence.
        .with_for_update(skip_locked=True, of=prompts)
    )
    return [{**row._mapping, "within": timedelta(seconds=row.within_seconds)} for row in rows]


def add_outcomes(tx: WriteTx, outcomes: Sequence[dict[str, Any]], *, now: datetime) -> int:
    """Store outcomes (columns of `outcomes` but seq and closed_at); the first of a prompt stands.

    Returns how many were new. Whoever adds outcomes is alone until it commits, or a later number
    could be seen before an earlier one and the earlier never be read.
    """
    if tx.conn.dialect.name == "postgresql":
        tx.conn.execute(select(func.pg_advisory_xact_lock(_ONE_ADDS)))
    ids = [outcome["prompt_id"] for outcome in outcomes]
    known = set(
        tx.conn.execute(
            select(tables.Outcome.prompt_id).where(tables.Outcome.prompt_id.in_(ids))
        ).scalars()
    )
    new = [
        {**outcome, "closed_at": now} for outcome in outcomes if outcome["prompt_id"] not in known
    ]
    if new:
        tx.conn.execute(insert(tables.Outcome), new)
    close(tx, ids, now=now)
    return len(new)


def close(tx: WriteTx, prompt_ids: Sequence[UUID], *, now: datetime) -> None:
    """Note that nothing more is to be learned from these prompts."""
    if prompt_ids:
        tx.conn.execute(
            update(tables.Prompt).where(tables.Prompt.id.in_(prompt_ids)).values(closed_at=now)
        )


def correct_outcome(tx: WriteTx, prompt_id: UUID, y: int) -> None:
    """Set the outcome of a prompt whose in-time answer arrived only now; the refit will use it."""
    tx.conn.execute(update(tables.Outcome).where(tables.Outcome.prompt_id == prompt_id).values(y=y))


def outcomes_after(tx: ReadTx, seq: int, *, limit: int | None = None) -> list[Outcome]:
    """Return outcomes in the order they became known, after the one numbered `seq`."""
    rows = tx.conn.execute(
        select(tables.Outcome)
        .where(tables.Outcome.seq > seq)
        .order_by(tables.Outcome.seq)
        .limit(limit)
    )
    return [_outcome(row) for row in rows]


def add_artifact(tx: WriteTx, artifact: Artifact) -> None:
    """Store a model."""
    tx.conn.execute(
        insert(tables.Artifact).values(
            version=artifact.version,
            created_at=artifact.created_at,
            learned_through=artifact.learned_through,
            blob=artifact.blob,
        )
    )


def artifacts(tx: ReadTx, *, limit: int) -> list[Artifact]:
    """Return the newest models, newest first."""
    rows = tx.conn.execute(select(tables.Artifact).order_by(tables.Artifact.id.desc()).limit(limit))
    return [
        Artifact(
            version=row.version,
            created_at=row.created_at,
            learned_through=row.learned_through,
            blob=row.blob,
        )
        for row in rows
    ]


def newest_artifact_at(tx: ReadTx) -> datetime | None:
    """Return when the newest model was made."""
    newest: datetime | None = tx.conn.execute(
        select(tables.Artifact.created_at).order_by(tables.Artifact.id.desc()).limit(1)
    ).scalar_one_or_none()
    return newest


def newest_version(tx: ReadTx) -> str | None:
    """Return the version of the newest model."""
    newest: str | None = tx.conn.execute(
        select(tables.Artifact.version).order_by(tables.Artifact.id.desc()).limit(1)
    ).scalar_one_or_none()
    return newest


def first_outcome_at(tx: ReadTx) -> datetime | None:
    """Return when the first outcome became known."""
    first: datetime | None = tx.conn.execute(
        select(tables.Outcome.closed_at).order_by(tables.Outcome.seq).limit(1)
    ).scalar_one_or_none()
    return first


def _outcome(row: AnyRow) -> Outcome:
    return Outcome(
        seq=row.seq,
        prompt_id=row.prompt_id,
        person=row.person,
        hour=row.hour,
        day_type=row.day_type,
        day=row.day,
        arm=row.arm,
        y=row.y,
    )
