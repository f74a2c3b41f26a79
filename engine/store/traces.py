"""Repository of what staff may see of one prompt's way: instants and states, no content."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select

from engine.delivery_records import AttemptRecord, PromptStory
from engine.prompt import PromptKind, State
from engine.store import tables
from engine.store.database import ReadTx
from engine.store.types import AnyRow

_prompts, _attempts, _receipts = tables.Prompt, tables.Attempt, tables.Receipt
_FAMILY = (
    select(_prompts)
    .where(or_(_prompts.id == bindparam("prompt"), _prompts.parent_id == bindparam("prompt")))
    .order_by(_prompts.repeat, _prompts.id)
)
_TRIED = (
    select(_attempts)
    .where(_attempts.prompt_id.in_(bindparam("prompts", expanding=True)))
    .order_by(_attempts.prompt_id, _attempts.attempt)
)
_REPORTED = (
    select(
        _receipts.kind,
        func.min(_receipts.happened_at, type_=_receipts.happened_at.type).label("at"),
    )
    .where(_receipts.prompt_id == bindparam("prompt"))
    .group_by(_receipts.kind)
)


def stories(tx: ReadTx, prompt_id: UUID) -> list[PromptStory]:
    """Return a prompt's story and those of its reminders and snoozes, in order; empty if unknown.

    What phones reported stands with the prompt: they know its reminders under the same id.
    """
    rows = tx.conn.execute(_FAMILY, {"prompt": prompt_id}).all()
    tried: dict[UUID, list[AttemptRecord]] = {row.id: [] for row in rows}
    for row in tx.conn.execute(_TRIED, {"prompts": list(tried)}) if tried else ():
        tried[row.prompt_id].append(_attempt(row))
    reported = tx.conn.execute(_REPORTED, {"prompt": prompt_id})
    receipts = {row.kind: row.at for row in reported}
    return [_story(row, tried[row.id], receipts if row.id == prompt_id else {}) for row in rows]


def _attempt(row: AnyRow) -> AttemptRecord:
    return AttemptRecord(
        attempt=row.attempt,
        intended_at=row.intended_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        http_status=row.http_status,
        next_try_at=row.next_try_at,
    )


def _story(
    row: AnyRow, attempts: Sequence[AttemptRecord], receipts: dict[str, datetime]
) -> PromptStory:
    return PromptStory(
        id=row.id,
        patient_id=row.patient_id,
        kind=PromptKind(row.kind),
        repeat=row.repeat,
        zone=row.zone,
        timing=row.timing,
        state=State(row.state),
        reason=row.reason,
        start_at=row.start_at,
        end_at=row.end_at,
        decided_at=row.decided_at,
        due_at=row.due_at,
        expires_at=row.expires_at,
        next_try_at=row.next_try_at,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        answered_at=row.answered_at,
        declined_at=row.declined_at,
        closed_at=row.closed_at,
        attempts=tuple(attempts),
        receipts=receipts,
    )
