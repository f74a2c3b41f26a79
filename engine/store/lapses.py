"""Repository of prompts whose time ran out: a worker's lease, their own, or a later prompt's turn.

Rows that another worker holds are left to it: a worker that was stopped in the middle of a
transaction must not stop the others.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    TextClause,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from engine.prompt import MOST_UNCERTAIN, PromptKind, Reason, State
from engine.store import tables
from engine.store.bulk import one_of
from engine.store.database import WriteTx
from engine.store.server_time import lease_time
from engine.store.standing import CONFIRMED, reasoned

_prompts, _attempts, _devices = tables.Prompt, tables.Attempt, tables.Device
_later = aliased(tables.Prompt)
_INSTANT = _prompts.due_at.type
_NOW = bindparam("now", type_=_INSTANT)
_LEASES = bindparam("leases", type_=_INSTANT)
_SINCE = bindparam("since", type_=_INSTANT)
_IDS = one_of(_prompts.id, "ids")


def _due_by(at: BindParameter[datetime]) -> ColumnElement[bool]:
    return and_(tables.DUE, _prompts.due_at <= at)


def _ids(*conditions: ColumnElement[bool] | TextClause) -> Select[UUID]:
    return select(_prompts.id).where(*conditions).with_for_update(skip_locked=True)


# Every worker asks these every second, so they are built once.
_LAPSED = _ids(tables.BUSY, _prompts.lease_until <= _LEASES)
_EXPIRED = _ids(_due_by(_NOW), _prompts.expires_at <= _NOW)
_OVERTAKEN = _ids(
    _due_by(_SINCE),
    select(_later.id)
    .where(
        _later.enrolment_id == _prompts.enrolment_id,
        _later.kind == PromptKind.PROMPT,
        _later.timing != "patient_initiated",
        _later.decided_at.is_not(None),
        _later.state.not_in((State.EXPIRED, State.CANCELLED, State.FAILED, State.WITHHELD)),
        _later.due_at <= _SINCE,
        or_(
            _later.due_at > _prompts.due_at,
            and_(_later.due_at == _prompts.due_at, _later.id > _prompts.id),
        ),
    )
    .exists(),
)
_LAST_ATTEMPT = (
    _attempts.prompt_id == _prompts.id,
    _attempts.attempt == _prompts.attempts,
)
_INTENDED_AT = select(_attempts.intended_at).where(*_LAST_ATTEMPT).scalar_subquery()
_DROPS_REPEATS = (
    select(_devices.id)
    .join(_attempts, _attempts.device_id == _devices.id)
    .where(*_LAST_ATTEMPT, _devices.deduplicates)
    .exists()
)
_UNCERTAIN = (
    select(func.count())
    .where(
        _attempts.prompt_id == _prompts.id,
        or_(_attempts.outcome.is_(None), _attempts.outcome == "unknown"),
    )
    .scalar_subquery()
)
_END_LAPSED = (
    update(_prompts)
    .where(_IDS)
    .values(
        state=case(
            (CONFIRMED, literal(State.ACCEPTED, _prompts.state.type)),
            else_=literal(State.UNKNOWN, _prompts.state.type),
        ),
        reason=reasoned(literal(Reason.WORKER_STOPPED, _prompts.reason.type)),
        sent_at=func.coalesce(_prompts.sent_at, _INTENDED_AT, type_=_INSTANT),
        next_try_at=case(
            (
                and_(_DROPS_REPEATS, _UNCERTAIN < MOST_UNCERTAIN, _prompts.expires_at > _NOW),
                _NOW,
            ),
            else_=null(),
        ),
        owner=None,
    )
)
_MAY_BE_OUT = _prompts.state == State.UNKNOWN
_END = (
    update(_prompts)
    .where(_IDS)
    .values(
        state=case(
            (_MAY_BE_OUT, literal(State.UNKNOWN, _prompts.state.type)),
            else_=literal(State.EXPIRED, _prompts.state.type),
        ),
        reason=case(
            (_MAY_BE_OUT, _prompts.reason),
            else_=bindparam("because", type_=_prompts.reason.type),
        ),
        closed_at=case((_MAY_BE_OUT, _prompts.closed_at), else_=_NOW),
        next_try_at=null(),
    )
)


def reap(tx: WriteTx, *, now: datetime) -> int:
    """Take over from dead workers what they were sending; return how many.

    It may have left when it was intended: it is unknown until the phone or the late worker itself
    says otherwise, and is tried again only where the phone drops a repeat.
    """
    at = {"leases": lease_time(tx, now)}
    return _change(tx, _LAPSED, at, _END_LAPSED, {"now": now})


def expire(tx: WriteTx, *, now: datetime) -> int:
    """End prompts whose time is over, those that may be out as unknown; return how many."""
    given = {"now": now, "because": Reason.NOT_IN_TIME}
    return _change(tx, _EXPIRED, {"now": now}, _END, given)


def overtake(tx: WriteTx, *, now: datetime, overdue: timedelta) -> int:
    """End overdue prompts that have a later overdue one beside them; return how many.

    After an outage a patient so gets one prompt, the newest, and not a pile. A later one counts
    whether it waits, is on its way or has left.
    """
    given = {"now": now, "because": Reason.OVERTAKEN}
    return _change(tx, _OVERTAKEN, {"since": now - overdue}, _END, given)


def _change(
    tx: WriteTx,
    which: Select[UUID],
    asked: Mapping[str, datetime],
    change: Any,  # noqa: ANN401 (an update statement; its class is generic in a private type)
    given: Mapping[str, object],
) -> int:
    ids = list(tx.conn.execute(which, dict(asked)).scalars())
    if ids:
        tx.conn.execute(change, {"ids": ids, **given})
    return len(ids)
