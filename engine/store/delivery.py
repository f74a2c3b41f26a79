"""Repository of the way from a drawn prompt to the phone: claim, intent, record.

A claim is a lock on due rows that lasts as long as its transaction; nothing of it is written. Every
change compares the state it starts from, so a worker that was paused and wakes up late changes
nothing. Truth about delivery is "any attempt accepted": a late success corrects a failure, and
nothing corrects a success. What may be out never ends as failed, expired or cancelled.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, bindparam, case, func, insert, not_, null, or_, select, update

from engine.delivery_records import AttemptResult, DuePrompt, Intent, Release
from engine.errors import ClaimLost
from engine.prompt import State
from engine.store import tables
from engine.store.bulk import Rows, one_of
from engine.store.database import WriteTx
from engine.store.sent import LEFT_AT
from engine.store.server_time import lease_time
from engine.store.standing import closing, reasoned, settled

_prompts, _attempts, _devices = tables.Prompt, tables.Attempt, tables.Device
_INSTANT = _prompts.sent_at.type
_END = ("number", "result", "status", "told", "retry_at")
_CLOSED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})

_DUE_COLUMNS: dict[str, Any] = {
    name: getattr(_prompts, name)
    for name in DuePrompt._fields
    if name not in ("confirmed_at", "left_at")
} | {
    "epoch": _prompts.epoch + 1,
    "confirmed_at": func.coalesce(_prompts.delivered_at, _prompts.answered_at),
    "left_at": case((_prompts.attempts > 0, LEFT_AT)),
}
_WAITING = (
    select(*(_DUE_COLUMNS[name] for name in DuePrompt._fields))
    .where(
        tables.DUE,
        _prompts.due_at <= bindparam("now"),
        _prompts.expires_at > bindparam("now"),
        (_prompts.next_try_at.is_(None)) | (_prompts.next_try_at <= bindparam("now")),
    )
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_DUE = _WAITING.order_by(_prompts.due_at)
# Whoever asks whether Firebase is well again may get no clear answer. That costs least where the
# phone drops repeats, and it must not be the same few prompts that use up their tries.
_PROBE = _WAITING.order_by(
    not_(
        select(_devices.id)
        .where(
            _devices.patient_id == _prompts.patient_id,
            _devices.deduplicates,
            _devices.retired_at.is_(None),
            _devices.token_dead_at.is_(None),
        )
        .exists()
    ),
    func.coalesce(_prompts.next_try_at, _prompts.due_at),
    _prompts.id,
)
# Only the states are asked, not all that makes a prompt due: an index of due ones would be taken
# for the shorter way to these few, and it is not when very many are due.
_STILL_DUE = or_(*(_prompts.state == s for s in (State.PLANNED, State.RETRY, State.UNKNOWN)))
_INTEND = (
    update(_prompts)
    .where(one_of(_prompts.id, "ids"), _STILL_DUE)
    .values(
        state=State.SENDING,
        owner=bindparam("mine"),
        epoch=_prompts.epoch + 1,
        attempts=_prompts.attempts + 1,
        lease_until=bindparam("lease", type_=_INSTANT),
    )
)
_INTENTS = Rows(_prompts.id.type, _attempts.attempt.type, _attempts.epoch.type, _devices.id.type)
_FINISH = (
    update(_attempts)
    .where(
        one_of(_attempts.prompt_id, "ids"),
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


@cache
def _write_down(dialect: str) -> Insert:
    """Return how the given (prompt, attempt, epoch, device) become attempts."""
    intended = bindparam("intended", type_=_INSTANT)
    return insert(_attempts).from_select(
        ["prompt_id", "attempt", "epoch", "device_id", "intended_at"],
        select(*_INTENTS.columns(dialect), intended),
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
        _STILL_DUE,
        _prompts.epoch == bindparam("claim") - 1,
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
        one_of(_prompts.id, "ids"),
        _prompts.state.in_(
            (
                State.SENDING,
                State.UNKNOWN,
                State.RETRY,
                State.FAILED,
                State.EXPIRED,
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


def claim(tx: WriteTx, *, now: datetime, limit: int, probing: bool = False) -> list[DuePrompt]:
    """Lock up to `limit` due prompts until the transaction ends; return them, oldest first.

    Those another worker has locked are left to it. On SQLite a write transaction is alone anyway.
    When `probing`, those go first that can best bear an unclear answer: to phones that drop
    repeats, and of them the one that has waited longest since it was due or last tried.
    """
    wanted = _PROBE if probing else _DUE
    rows = tx.conn.execute(wanted, {"now": now, "most": limit}).all()  # at once costs half
    return [DuePrompt._make(row) for row in rows]


def release(tx: WriteTx, releases: Sequence[Release], *, now: datetime) -> None:
    """Give prompts of a claim back without sending: to try later, or ended with a reason.

    One the phone has reported meanwhile is accepted; one that may be out stays unknown.
    """
    if releases:
        tx.conn.execute(_RELEASE, [_release_row(back, now) for back in releases])


def add_intents(
    tx: WriteTx, intents: Sequence[Intent], owner: str, *, now: datetime, lease: timedelta
) -> None:
    """Commit to sending, in the transaction of the claim: store the intents, under a lease.

    Raises ClaimLost where a prompt is due no more; then none of the transaction may stand.
    """
    if not intents:
        return
    rows = [(i.prompt_id, i.attempt, i.epoch, i.device_id) for i in intents]
    dialect = tx.conn.dialect.name
    given = _INTENTS.given(dialect, rows)
    tx.conn.execute(_write_down(dialect), given | {"intended": now})
    until = lease_time(tx, now) + lease
    ids = [intent.prompt_id for intent in intents]
    changed = tx.conn.execute(_INTEND, {"ids": ids, "mine": owner, "lease": until}).rowcount
    if changed != len(intents):
        raise ClaimLost(f"{len(intents) - changed} of {len(intents)} prompts are due no more")


def record(tx: WriteTx, results: Sequence[AttemptResult], *, now: datetime) -> None:
    """Store what came of intents, and move their prompts on."""
    if not results:
        return
    for end, ids in _alike(results).items():
        told = dict(zip(_END, end, strict=True))
        tx.conn.execute(_FINISH, {"ids": ids, "finished": now, **told})
    accepted = [result.intent.prompt_id for result in results if result.state == State.ACCEPTED]
    if accepted:
        tx.conn.execute(_ACCEPT, {"ids": accepted, "sent": now})
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


def _alike(results: Sequence[AttemptResult]) -> dict[tuple[Any, ...], list[UUID]]:
    """Return the prompts by how their attempts ended: nearly always all are accepted alike."""
    found: dict[tuple[Any, ...], list[UUID]] = {}
    for one in results:
        end = (one.intent.attempt, one.outcome, one.http_status, one.detail, one.next_try_at)
        found.setdefault(end, []).append(one.intent.prompt_id)
    return found


def _token_row(intent: Intent, now: datetime) -> dict[str, Any]:
    return {"device": intent.device_id, "token": intent.push_token, "dead_at": now}
