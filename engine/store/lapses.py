"""Repository of prompts whose time ran out: a worker's lease, their own, or a later prompt's turn.

Rows that another worker holds are left to it: a worker that was stopped in the middle of a
transaction must not stop the others.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import aliased

from engine.prompt import State
from engine.store import tables
from engine.store.database import WriteTx

_WAITING = (State.PLANNED, State.RETRY)


def reap(tx: WriteTx, *, now: datetime) -> tuple[int, int]:
    """Take over from dead workers; return how many went back to planned and to unknown.

    A lapsed claim had sent nothing. A lapsed `sending` may have, when it was intended: it is
    unknown, and stays so until the phone or the late worker itself says otherwise.
    """
    prompts, attempts = tables.Prompt, tables.Attempt
    lapsed = prompts.lease_until <= now
    claimed = _change(
        tx,
        and_(prompts.state == State.CLAIMED, lapsed),
        {"state": State.PLANNED, "owner": None, "lease_until": None},
    )
    intended_at = (
        select(attempts.intended_at)
        .where(attempts.prompt_id == prompts.id, attempts.attempt == prompts.attempts)
        .scalar_subquery()
    )
    sending = _change(
        tx,
        and_(prompts.state == State.SENDING, lapsed),
        {
            "state": State.UNKNOWN,
            "reason": "the worker stopped while sending",
            "sent_at": intended_at,
            "owner": None,
        },
    )
    return claimed, sending


def expire(tx: WriteTx, *, now: datetime) -> int:
    """End prompts whose time is over before anything was sent; return how many."""
    prompts = tables.Prompt
    return _change(
        tx,
        and_(_is_due(now), prompts.expires_at <= now),
        {"state": State.EXPIRED, "reason": "not sent in time", "closed_at": now},
    )


def overtake(tx: WriteTx, *, now: datetime, overdue: timedelta) -> int:
    """End overdue prompts that have a later overdue one beside them; return how many.

    After an outage a patient so gets one prompt, the newest, and not a pile. A later one counts
    whether it waits, is on its way or has left.
    """
    prompts, later = tables.Prompt, aliased(tables.Prompt)
    follows = (
        select(later.id)
        .where(
            later.enrolment_id == prompts.enrolment_id,
            later.decided_at.is_not(None),
            later.state.not_in([State.EXPIRED, State.CANCELLED, State.FAILED]),
            later.due_at <= now - overdue,
            or_(
                later.due_at > prompts.due_at,
                and_(later.due_at == prompts.due_at, later.id > prompts.id),
            ),
        )
        .exists()
    )
    return _change(
        tx,
        and_(_is_due(now - overdue), follows),
        {"state": State.EXPIRED, "reason": "overtaken by a later prompt", "closed_at": now},
    )


def _is_due(now: datetime) -> ColumnElement[bool]:
    prompts = tables.Prompt
    return and_(prompts.state.in_(_WAITING), prompts.decided_at.is_not(None), prompts.due_at <= now)


def _change(tx: WriteTx, which: ColumnElement[bool], values: dict[str, object]) -> int:
    prompts = tables.Prompt
    found = select(prompts.id).where(which).with_for_update(skip_locked=True)
    ids = list(tx.conn.execute(found).scalars())
    if ids:
        tx.conn.execute(update(prompts).where(prompts.id.in_(ids)).values(values))
    return len(ids)
