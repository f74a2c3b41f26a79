"""Repository of the way from a drawn prompt to the phone: claim, intent, record.

Every change compares the state it starts from, so a worker that was paused and wakes up late
changes nothing. Truth about delivery is "any attempt accepted": a late success corrects a failure,
and nothing corrects a success. What may be out never ends as failed, expired or cancelled.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, null, or_, select, tuple_, update

from engine.delivery_records import AttemptResult, DuePrompt, Intent, Release
from engine.prompt import State
from engine.store import tables
from engine.store.database import WriteTx
from engine.store.server_time import lease_time
from engine.store.standing import closing, reasoned, settled

_prompts, _attempts, _devices = tables.Prompt, tables.Attempt, tables.Device
_INSTANT = _prompts.sent_at.type
_CLOSED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})

_DUE = (
    select(_prompts.id)
    .where(
        tables.DUE,
        _prompts.due_at <= bindparam("now"),
        _prompts.expires_at > bindparam("now"),
        (_prompts.next_try_at.is_(None)) | (_prompts.next_try_at <= bindparam("now")),
    )
    .order_by(_prompts.due_at, _prompts.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(_prompts)
    .where(_prompts.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=State.CLAIMED,
        owner=bindparam("mine"),
        epoch=_prompts.epoch + 1,
        lease_until=bindparam("lease", type_=_INSTANT),
    )
    .returning(
        _prompts.id,
        _prompts.enrolment_id,
        _prompts.patient_id,
        _prompts.protocol_id,
        _prompts.protocol_version,
        _prompts.zone,
        _prompts.assignment,
        _prompts.local_date,
        _prompts.due_at,
        _prompts.expires_at,
        _prompts.epoch,
        _prompts.attempts,
        _prompts.sent_at,
        # SQLite 3.40 may answer 1 to RETURNING "... IS NOT NULL" of a column that is null.
        func.coalesce(_prompts.delivered_at, _prompts.answered_at).label("confirmed_at"),
        _prompts.kind,
        _prompts.parent_id,
        _prompts.repeat,
        _prompts.cause_id,
    )
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
        next_try_at=bindparam("retry_at"),
    )
)
_FOLLOWING = bindparam("following", type_=_prompts.state.type)
_BACK: dict[str, Any] = {
    "state": settled(_FOLLOWING),
    "owner": None,
    "next_try_at": bindparam("retry_at"),
    "reason": reasoned(bindparam("because", type_=_prompts.reason.type)),
    "closed_at": closing(bindparam("closed", type_=_INSTANT)),
}
_FIRST_SENT = func.coalesce(_prompts.sent_at, bindparam("sent", type_=_INSTANT))
# The epoch tells this claim from an earlier one whose worker wakes up late. Without it the late
# worker's failure would set free a prompt that another is sending at this moment.
_RELEASE = (
    update(_prompts)
    .where(
        _prompts.id == bindparam("key"),
        _prompts.state == State.CLAIMED,
        _prompts.epoch == bindparam("claim"),
    )
    .values(_BACK)
)
_MOVE = (
    update(_prompts)
    .where(
        _prompts.id == bindparam("key"),
        _prompts.state == State.SENDING,
        _prompts.epoch == bindparam("claim"),
    )
    .values(_BACK | {"sent_at": _FIRST_SENT})
)
# A success counts from whatever attempt it comes: no epoch here.
_ACCEPT = (
    update(_prompts)
    .where(
        _prompts.id == bindparam("key"),
        or_(
            *(
                _prompts.state == state  # IN cannot be used for many rows at once
                for state in (
                    State.SENDING,
                    State.UNKNOWN,
                    State.CLAIMED,
                    State.RETRY,
                    State.FAILED,
                    State.EXPIRED,
                )
            )
        ),
    )
    .values(
        state=State.ACCEPTED,
        owner=None,
        next_try_at=null(),
        reason=null(),
        sent_at=_FIRST_SENT,
        closed_at=null(),
    )
)
_BURY = (
    update(_devices)
    .where(_devices.id == bindparam("device"), _devices.push_token == bindparam("token"))
    .values(token_dead_at=bindparam("dead_at"))
)


def claim(
    tx: WriteTx, owner: str, *, now: datetime, lease: timedelta, limit: int
) -> list[DuePrompt]:
    """Lease up to `limit` due prompts to `owner`, oldest first."""
    ids = list(tx.conn.execute(_DUE, {"now": now, "most": limit}).scalars())
    if not ids:
        return []
    rows = tx.conn.execute(
        _CLAIM, {"ids": ids, "mine": owner, "lease": lease_time(tx, now) + lease}
    )
    claimed = [DuePrompt(**row._mapping) for row in rows]
    return sorted(claimed, key=lambda prompt: (prompt.due_at, prompt.id))


def release(tx: WriteTx, releases: Sequence[Release], *, now: datetime) -> None:
    """Give claimed prompts back without sending: to try later, or ended with a reason.

    One the phone has reported meanwhile is accepted; one that may be out stays unknown.
    """
    if releases:
        tx.conn.execute(_RELEASE, [_release_row(back, now) for back in releases])


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
                "lease": lease_time(tx, now) + lease,
            },
        ).scalars()
    )
    standing = [intent for intent in intents if intent.prompt_id in taken]
    if standing:
        tx.conn.execute(insert(_attempts), [_intent_row(intent, now) for intent in standing])
    return standing


def record(tx: WriteTx, results: Sequence[AttemptResult], *, now: datetime) -> None:
    """Store what came of intents, and move their prompts on."""
    if not results:
        return
    tx.conn.execute(_FINISH, [_attempt_row(result, now) for result in results])
    accepted = [
        {"key": r.intent.prompt_id, "sent": now} for r in results if r.state == State.ACCEPTED
    ]
    if accepted:
        tx.conn.execute(_ACCEPT, accepted)
    others = [_moved_row(result, now) for result in results if result.state != State.ACCEPTED]
    if others:
        tx.conn.execute(_MOVE, others)
    dead = [_token_row(result.intent, now) for result in results if result.token_dead]
    if dead:
        tx.conn.execute(_BURY, dead)


def _release_row(back: Release, now: datetime) -> dict[str, Any]:
    return {
        "key": back.prompt_id,
        "claim": back.epoch,
        "following": back.state,
        "retry_at": back.next_try_at,
        "because": back.reason,
        "closed": now if back.state in _CLOSED else None,
    }


def _moved_row(result: AttemptResult, now: datetime) -> dict[str, Any]:
    return {
        "key": result.intent.prompt_id,
        "claim": result.intent.epoch,
        "following": result.state,
        "retry_at": result.next_try_at,
        "because": result.reason,
        "closed": now if result.state in _CLOSED else None,
        "sent": now if result.state == State.UNKNOWN else None,
    }


def _intent_row(intent: Intent, now: datetime) -> dict[str, Any]:
    return {
        "prompt_id": intent.prompt_id,
        "attempt": intent.attempt,
        "epoch": intent.epoch,
        "device_id": intent.device_id,
        "intended_at": now,
    }


def _attempt_row(result: AttemptResult, now: datetime) -> dict[str, Any]:
    return {
        "key": result.intent.prompt_id,
        "number": result.intent.attempt,
        "finished": now,
        "result": result.outcome,
        "status": result.http_status,
        "told": result.detail,
        "retry_at": result.next_try_at,
    }


def _token_row(intent: Intent, now: datetime) -> dict[str, Any]:
    return {"device": intent.device_id, "token": intent.push_token, "dead_at": now}
