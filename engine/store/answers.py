"""Repository of what phones report: open prompts, receipts, responses."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from engine.prompt import State
from engine.records import Answered, OpenPrompt, SentPrompt
from engine.store import tables
from engine.store.database import ReadTx, WriteTx

_REACHED = (State.ACCEPTED, State.UNKNOWN, State.SENDING)
_MILESTONES = {
    "delivered": "delivered_at",
    "shown": "shown_at",
    "opened": "opened_at",
    "dismissed": "dismissed_at",
}


def open_prompts(tx: ReadTx, patient_id: UUID, *, now: datetime) -> list[OpenPrompt]:
    """Return the prompts that were sent, are not answered and not yet expired, oldest first."""
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(
            prompts.id,
            prompts.content_id,
            func.coalesce(prompts.sent_at, prompts.due_at, type_=prompts.sent_at.type).label(
                "sent_at"
            ),
            prompts.expires_at,
        )
        .where(
            prompts.patient_id == patient_id,
            prompts.state.in_(_REACHED),
            prompts.expires_at > now,
            prompts.answered_at.is_(None),
        )
        .order_by(prompts.due_at)
    )
    return [OpenPrompt(**row._mapping) for row in rows]


def prompt_for_answer(tx: WriteTx, patient_id: UUID, prompt_id: UUID) -> SentPrompt | None:
    """Return what answering needs to know of the patient's own prompt, if it was ever sent."""
    prompts = tables.Prompt
    row = tx.conn.execute(
        select(prompts)
        .where(prompts.id == prompt_id, prompts.patient_id == patient_id, prompts.attempts > 0)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    return SentPrompt(
        id=row.id,
        content_id=row.content_id,
        sent_at=row.sent_at or row.due_at,
        expires_at=row.expires_at,
        within=timedelta(seconds=row.within_seconds),
        answered_at=row.answered_at,
    )


def own_prompts(tx: ReadTx, patient_id: UUID, prompt_ids: Sequence[UUID]) -> set[UUID]:
    """Return which of the ids are prompts that were sent to this patient."""
    prompts = tables.Prompt
    return set(
        tx.conn.execute(
            select(prompts.id).where(
                prompts.id.in_(prompt_ids), prompts.patient_id == patient_id, prompts.attempts > 0
            )
        ).scalars()
    )


def add_receipts(
    tx: WriteTx,
    device_id: UUID,
    receipts: Sequence[tuple[UUID, str, datetime, datetime]],
    *,
    now: datetime,
) -> int:
    """Store receipts (prompt, kind, instant, instant by the phone's clock); return the new ones.

    A receipt proves delivery: a prompt whose sending ended unknown or failed becomes accepted.
    """
    table = tables.Receipt
    ids = {receipt[0] for receipt in receipts}
    known = {
        (row.prompt_id, row.kind)
        for row in tx.conn.execute(
            select(table.prompt_id, table.kind).where(
                table.prompt_id.in_(ids), table.device_id == device_id
            )
        )
    }
    new = {
        (prompt_id, kind): (at, device_at)
        for prompt_id, kind, at, device_at in receipts
        if (prompt_id, kind) not in known
    }
    if not new:
        return 0
    tx.conn.execute(
        insert(table),
        [
            {
                "prompt_id": prompt_id,
                "device_id": device_id,
                "kind": kind,
                "happened_at": at,
                "device_at": device_at,
                "received_at": now,
            }
            for (prompt_id, kind), (at, device_at) in new.items()
        ],
    )
    milestones: dict[UUID, dict[str, datetime]] = {}
    for (prompt_id, kind), (at, _) in new.items():
        milestones.setdefault(prompt_id, {})[kind] = at
    for prompt_id, reached in milestones.items():
        _note_milestones(tx, prompt_id, reached)
    return len(new)


def _note_milestones(tx: WriteTx, prompt_id: UUID, reached: dict[str, datetime]) -> None:
    prompts = tables.Prompt
    values: dict[str, Any] = {
        _MILESTONES[kind]: func.coalesce(getattr(prompts, _MILESTONES[kind]), at)
        for kind, at in reached.items()
    }
    first = min(reached.values())
    values["delivered_at"] = func.coalesce(prompts.delivered_at, first)
    values["sent_at"] = func.coalesce(prompts.sent_at, first)
    tx.conn.execute(update(prompts).where(prompts.id == prompt_id).values(**values))
    prove_delivered(tx, prompt_id)


def prove_delivered(tx: WriteTx, prompt_id: UUID) -> None:
    """Correct an unknown or failed sending that the phone has disproved."""
    prompts = tables.Prompt
    tx.conn.execute(
        update(prompts)
        .where(
            prompts.id == prompt_id, prompts.state.in_([State.UNKNOWN, State.FAILED, State.EXPIRED])
        )
        .values(state=State.ACCEPTED, reason=None, closed_at=None)
    )


def response_by_id(tx: ReadTx, response_id: UUID) -> tuple[Answered, UUID] | None:
    """Return a stored response and whose it is."""
    responses = tables.Response
    row = tx.conn.execute(
        select(
            responses.id,
            responses.prompt_id,
            responses.body_sha256,
            responses.reply,
            responses.patient_id,
        ).where(responses.id == response_id)
    ).one_or_none()
    if row is None:
        return None
    answered = Answered(
        id=row.id, prompt_id=row.prompt_id, body_sha256=row.body_sha256, reply=row.reply
    )
    return answered, row.patient_id


def add_response(tx: WriteTx, values: dict[str, Any]) -> None:
    """Store a response (columns of `responses`)."""
    tx.conn.execute(insert(tables.Response).values(**values))


def mark_answered(tx: WriteTx, prompt_id: UUID, at: datetime) -> None:
    """Note that a prompt was answered, which proves that it had arrived and was opened."""
    prompts = tables.Prompt
    tx.conn.execute(
        update(prompts)
        .where(prompts.id == prompt_id)
        .values(
            answered_at=at,
            opened_at=func.coalesce(prompts.opened_at, at),
            delivered_at=func.coalesce(prompts.delivered_at, at),
            sent_at=func.coalesce(prompts.sent_at, at),
        )
    )
    prove_delivered(tx, prompt_id)


def progress(tx: ReadTx, patient_id: UUID, first: date, last: date) -> tuple[int, int]:
    """Return how many prompts were answered and how many sent on the local dates given."""
    prompts = tables.Prompt
    row = tx.conn.execute(
        select(func.count(prompts.answered_at).label("answered"), func.count().label("sent")).where(
            prompts.patient_id == patient_id,
            prompts.local_date.between(first, last),
            prompts.sent_at.is_not(None),
        )
    ).one()
    return row.answered, row.sent
