"""Repository of reminders and snoozes: rows of their own that push a prompt once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from engine.prompt import UNSENT, PromptKind, State
from engine.records import Repeat, StoredWindow
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.window_rows import window_row


def add_repeats(
    tx: WriteTx, repeats: Sequence[tuple[StoredWindow, Repeat]], *, now: datetime
) -> None:
    """Store repeats, each beside its prompt; one whose number is there already is left as it is."""
    ids = [repeat.id for _, repeat in repeats]
    known = set(
        tx.conn.execute(select(tables.Prompt.id).where(tables.Prompt.id.in_(ids))).scalars()
    )
    rows = [_row(parent, repeat, now) for parent, repeat in repeats if repeat.id not in known]
    if rows:
        tx.conn.execute(insert(tables.Prompt), rows)


def drop_reminders(tx: WriteTx, parent_ids: Sequence[UUID]) -> None:
    """Remove the reminders of prompts that are to get others: nothing of them was sent."""
    prompts = tables.Prompt
    if parent_ids:
        tx.conn.execute(
            delete(prompts).where(
                prompts.parent_id.in_(parent_ids),
                prompts.kind == PromptKind.REMINDER,
                prompts.state == State.PLANNED,
                prompts.attempts == 0,
            )
        )


def repeats_of(tx: ReadTx, parent_id: UUID) -> tuple[int, int]:
    """Return how many snoozes a prompt has had, and the highest number of its repeats."""
    prompts = tables.Prompt
    row = tx.conn.execute(
        select(
            func.count().filter(prompts.kind == PromptKind.SNOOZE).label("snoozes"),
            func.coalesce(func.max(prompts.repeat), 0).label("last"),
        ).where(prompts.parent_id == parent_id)
    ).one()
    return row.snoozes, row.last


def waiting_snooze(tx: ReadTx, parent_id: UUID) -> tuple[datetime, datetime] | None:
    """Return when a snoozed prompt comes again and when it then expires; None if it does not.

    Of two the newest counts: an older one was left to the worker that held it.
    """
    prompts = tables.Prompt
    row = tx.conn.execute(
        select(prompts.due_at, prompts.expires_at)
        .where(
            prompts.parent_id == parent_id,
            prompts.kind == PromptKind.SNOOZE,
            prompts.state.in_(UNSENT),
            prompts.sent_at.is_(None),
        )
        .order_by(prompts.repeat.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.due_at, row.expires_at)


def _row(parent: StoredWindow, repeat: Repeat, now: datetime) -> dict[str, Any]:
    return {
        **window_row(parent),
        "id": repeat.id,
        "kind": repeat.kind,
        "parent_id": repeat.parent_id,
        "repeat": repeat.repeat,
        "cause_id": None,
        "start_at": repeat.due_at,
        "end_at": repeat.expires_at,
        "slots": [int(repeat.due_at.timestamp())],
        "reminders": [],
        "state": State.PLANNED,
        "decided_at": now,
        "due_at": repeat.due_at,
        "expires_at": repeat.expires_at,
    }
