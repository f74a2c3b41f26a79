"""Repository of the way from a drawn prompt to the phone: claim, intent, record.

Every change compares the state it starts from, so a worker that was paused and wakes up late
changes nothing. Truth about delivery is "any attempt accepted": a late success corrects a failure,
and nothing corrects a success.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, or_, select, tuple_, update

from engine.prompt import State
from engine.records import AttemptResult, DuePrompt, Intent
from engine.store import tables
from engine.store.database import ReadTx, WriteTx

_DUE = (
    select(tables.Prompt.id)
    .where(
        tables.DUE,
        tables.Prompt.due_at <= bindparam("now"),
        tables.Prompt.expires_at > bindparam("now"),
        (tables.Prompt.next_try_at.is_(None)) | (tables.Prompt.next_try_at <= bindparam("now")),
    )
    .order_by(tables.Prompt.due_at, tables.Prompt.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def claim(
    tx: WriteTx, owner: str, *, now: datetime, lease: timedelta, limit: int
) -> list[DuePrompt]:
    """Lease up to `limit` due prompts to `owner`, oldest first."""
    prompts = tables.Prompt
    ids = list(tx.conn.execute(_DUE, {"now": now, "most": limit}).scalars())
    if not ids:
        return []
    rows = tx.conn.execute(
        update(prompts)
        .where(prompts.id.in_(ids))
        .values(state=State.CLAIMED, owner=owner, epoch=prompts.epoch + 1, lease_until=now + lease)
        .returning(
            prompts.id,
            prompts.enrolment_id,
            prompts.patient_id,
            prompts.protocol_id,
            prompts.protocol_version,
            prompts.zone,
            prompts.assignment,
            prompts.local_date,
            prompts.due_at,
            prompts.expires_at,
            prompts.epoch,
            prompts.attempts,
        )
    )
    claimed = [DuePrompt(**row._mapping) for row in rows]
    return sorted(claimed, key=lambda prompt: (prompt.due_at, prompt.id))


def last_sent(tx: ReadTx, enrolment_ids: Sequence[UUID], *, since: date) -> dict[UUID, datetime]:
    """Return for each enrolment when something was last sent to it.

    Looks at prompts of the local dates from `since` on. One that is being sent counts as sent.
    """
    rows = tx.conn.execute(
        select(_prompts.enrolment_id, func.max(_LEFT_AT).label("at"))
        .where(
            _prompts.enrolment_id.in_(enrolment_ids),
            _prompts.local_date >= since,
            _HAS_LEFT,
        )
        .group_by(_prompts.enrolment_id)
    )
    return {row.enrolment_id: row.at for row in rows}


def sent_on(
    tx: ReadTx, enrolment_ids: Sequence[UUID], days: Sequence[date]
) -> dict[tuple[UUID, date], int]:
    """Return how many prompts each enrolment was sent, or is being sent, on each local date."""
    rows = tx.conn.execute(
        select(_prompts.enrolment_id, _prompts.local_date, func.count().label("n"))
        .where(
            _prompts.enrolment_id.in_(enrolment_ids),
            _prompts.local_date.in_(days),
            _HAS_LEFT,
        )
        .group_by(_prompts.enrolment_id, _prompts.local_date)
    )
    return {(row.enrolment_id, row.local_date): row.n for row in rows}


def release(
    tx: WriteTx,
    prompt: DuePrompt,
    state: State,
    reason: str,
    *,
    now: datetime,
    next_try_at: datetime | None = None,
) -> None:
    """Give a claimed prompt back without sending: to try later, or ended with a reason."""
    ended = state not in {State.RETRY, State.PLANNED}
    tx.conn.execute(
        update(tables.Prompt)
        .where(
            tables.Prompt.id == prompt.id,
            tables.Prompt.state == State.CLAIMED,
            tables.Prompt.epoch == prompt.epoch,
        )
        .values(
            state=state,
            reason=reason,
            owner=None,
            next_try_at=next_try_at,
            closed_at=now if ended else None,
        )
    )


def add_intents(
    tx: WriteTx, intents: Sequence[Intent], owner: str, *, now: datetime, lease: timedelta
) -> list[Intent]:
    """Commit to sending: store each intent whose claim still stands, and return those."""
    if not intents:
        return []
    taken = set(
        tx.conn.execute(
            _INTEND,
            {
                "prompts": [intent.prompt_id for intent in intents],
                "claims": [(intent.prompt_id, intent.epoch) for intent in intents],
                "mine": owner,
                "lease": now + lease,
            },
        ).scalars()
    )
    standing = [intent for intent in intents if intent.prompt_id in taken]
    if standing:
        tx.conn.execute(
            insert(tables.Attempt),
            [
                {
                    "prompt_id": intent.prompt_id,
                    "attempt": intent.attempt,
                    "epoch": intent.epoch,
                    "device_id": intent.device_id,
                    "intended_at": now,
                }
                for intent in standing
            ],
        )
    return standing


def record(tx: WriteTx, results: Sequence[AttemptResult], *, now: datetime) -> None:
    """Store what came of intents, and move their prompts on."""
    if not results:
        return
    tx.conn.execute(_FINISH, [_attempt_row(result, now) for result in results])
    accepted = [_moved_row(r, now) for r in results if r.state == State.ACCEPTED]
    others = [_moved_row(r, now) for r in results if r.state != State.ACCEPTED]
    if accepted:
        tx.conn.execute(_ACCEPT, accepted)
    if others:
        tx.conn.execute(_MOVE, others)
    for result in results:
        if result.token_dead:
            _bury_token(tx, result.intent, now)


_prompts, _attempts = tables.Prompt, tables.Attempt
_INSTANT = tables.Prompt.sent_at.type
_HAS_LEFT = or_(_prompts.sent_at.is_not(None), _prompts.state == State.SENDING)
_LEFT_AT = func.coalesce(
    _prompts.sent_at,
    select(_attempts.intended_at)
    .where(_attempts.prompt_id == _prompts.id, _attempts.attempt == _prompts.attempts)
    .scalar_subquery(),
    type_=_INSTANT,
)
_INTEND = (
    update(_prompts)
    .where(
        _prompts.id.in_(bindparam("prompts", expanding=True)),  # by the primary key's index
        tuple_(_prompts.id, _prompts.epoch).in_(bindparam("claims", expanding=True)),
        _prompts.state == State.CLAIMED,
        _prompts.owner == bindparam("mine"),
    )
    .values(
        state=State.SENDING,
        attempts=_prompts.attempts + 1,
        lease_until=bindparam("lease", type_=_INSTANT),
    )
    .returning(_prompts.id)
)
_FINISH = (
    update(_attempts)
    .where(
        _attempts.prompt_id == bindparam("key"),
        _attempts.attempt == bindparam("number"),
        _attempts.finished_at.is_(None),
    )
    .values(
        finished_at=bindparam("finished"),
        outcome=bindparam("result"),
        http_status=bindparam("status"),
        detail=bindparam("told"),
    )
)
_MOVED: dict[str, Any] = {
    "state": bindparam("following"),
    "owner": None,
    "next_try_at": bindparam("retry_at"),
    "reason": bindparam("because"),
    "sent_at": func.coalesce(_prompts.sent_at, bindparam("sent", type_=_INSTANT)),
    "closed_at": bindparam("closed"),
}
# A late success corrects a failure; nothing corrects a success.
_ACCEPT = (
    update(_prompts)
    .where(
        _prompts.id == bindparam("key"),
        or_(
            *(
                _prompts.state == state  # IN cannot be used for many rows at once
                for state in (State.SENDING, State.UNKNOWN, State.FAILED, State.EXPIRED)
            )
        ),
    )
    .values(_MOVED)
)
_MOVE = (
    update(_prompts)
    .where(_prompts.id == bindparam("key"), _prompts.state == State.SENDING)
    .values(_MOVED)
)


def _attempt_row(result: AttemptResult, now: datetime) -> dict[str, Any]:
    return {
        "key": result.intent.prompt_id,
        "number": result.intent.attempt,
        "finished": now,
        "result": result.outcome,
        "status": result.http_status,
        "told": result.detail,
    }


def _moved_row(result: AttemptResult, now: datetime) -> dict[str, Any]:
    may_have_arrived = result.state in {State.ACCEPTED, State.UNKNOWN}
    return {
        "key": result.intent.prompt_id,
        "following": result.state,
        "retry_at": result.next_try_at,
        "because": None if result.state == State.ACCEPTED else result.outcome,
        "sent": now if may_have_arrived else None,
        "closed": now if result.state == State.FAILED else None,
    }


def _bury_token(tx: WriteTx, intent: Intent, now: datetime) -> None:
    devices = tables.Device
    tx.conn.execute(
        update(devices)
        .where(devices.id == intent.device_id, devices.push_token == intent.push_token)
        .values(token_dead_at=now)
    )
