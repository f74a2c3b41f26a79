"""Repository of prompts whose time ran out: a worker's lease, their own, or a later prompt's turn.

Rows that another worker holds are left to it: a worker that was stopped in the middle of a
transaction must not stop the others.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    TextClause,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from engine.prompt import State
from engine.store import tables
from engine.store.database import WriteTx

_prompts, _attempts, _later = tables.Prompt, tables.Attempt, aliased(tables.Prompt)
_NOW = bindparam("now", type_=_prompts.due_at.type)
_SINCE = bindparam("since", type_=_prompts.due_at.type)


def _due_by(at: BindParameter[datetime]) -> ColumnElement[bool]:
    return and_(tables.DUE, _prompts.due_at <= at)


def _ids(*conditions: ColumnElement[bool] | TextClause) -> Select[UUID]:
    return select(_prompts.id).where(*conditions).with_for_update(skip_locked=True)


# Every worker asks these every second, so they are built once.
_LAPSED_CLAIMS = _ids(tables.BUSY, _prompts.state == State.CLAIMED, _prompts.lease_until <= _NOW)
_LAPSED_SENDINGS = _ids(tables.BUSY, _prompts.state == State.SENDING, _prompts.lease_until <= _NOW)
_EXPIRED = _ids(_due_by(_NOW), _prompts.expires_at <= _NOW)
_OVERTAKEN = _ids(
    _due_by(_SINCE),
    select(_later.id)
    .where(
        _later.enrolment_id == _prompts.enrolment_id,
        _later.decided_at.is_not(None),
        _later.state.not_in((State.EXPIRED, State.CANCELLED, State.FAILED)),
        _later.due_at <= _SINCE,
        or_(
            _later.due_at > _prompts.due_at,
            and_(_later.due_at == _prompts.due_at, _later.id > _prompts.id),
        ),
    )
    .exists(),
)
_INTENDED_AT = (
    select(_attempts.intended_at)
    .where(_attempts.prompt_id == _prompts.id, _attempts.attempt == _prompts.attempts)
    .scalar_subquery()
)


def reap(tx: WriteTx, *, now: datetime) -> tuple[int, int]:
    """Take over from dead workers; return how many went back to planned and to unknown.

    A lapsed claim had sent nothing. A lapsed `sending` may have, when it was intended: it is
    unknown, and stays so until the phone or the late worker itself says otherwise.
    """
    claimed = _change(
        tx,
        _LAPSED_CLAIMS,
        {"now": now},
        {"state": State.PLANNED, "owner": None, "lease_until": None},
    )
    sending = _change(
        tx,
        _LAPSED_SENDINGS,
        {"now": now},
        {
            "state": State.UNKNOWN,
            "reason": "the worker stopped while sending",
            "sent_at": _INTENDED_AT,
            "owner": None,
        },
    )
    return claimed, sending


def expire(tx: WriteTx, *, now: datetime) -> int:
    """End prompts whose time is over before anything was sent; return how many."""
    values = {"state": State.EXPIRED, "reason": "not sent in time", "closed_at": now}
    return _change(tx, _EXPIRED, {"now": now}, values)


def overtake(tx: WriteTx, *, now: datetime, overdue: timedelta) -> int:
    """End overdue prompts that have a later overdue one beside them; return how many.

    After an outage a patient so gets one prompt, the newest, and not a pile. A later one counts
    whether it waits, is on its way or has left.
    """
    values = {"state": State.EXPIRED, "reason": "overtaken by a later prompt", "closed_at": now}
    return _change(tx, _OVERTAKEN, {"since": now - overdue}, values)


def _change(
    tx: WriteTx, which: Select[UUID], given: dict[str, datetime], values: dict[str, object]
) -> int:
    ids = list(tx.conn.execute(which, given).scalars())
    if ids:
        tx.conn.execute(update(_prompts).where(_prompts.id.in_(ids)).values(values))
    return len(ids)
