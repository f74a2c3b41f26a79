"""Repository of the way from a drawn prompt to the phone: claim, intent, record.

Every change compares the state it starts from, so a worker that was paused and wakes up late
changes nothing. Truth about delivery is "any attempt accepted": a late success corrects a failure,
and nothing corrects a success. What may be out never ends as failed, expired or cancelled.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, Update, bindparam, func, insert, not_, null, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from engine.delivery_records import AttemptResult, DuePrompt, Intent, Release
from engine.prompt import State
from engine.store import tables
from engine.store.bulk import Rows, one_of
from engine.store.database import WriteTx
from engine.store.server_time import lease_time
from engine.store.standing import closing, reasoned, settled

_prompts, _attempts, _devices = tables.Prompt, tables.Attempt, tables.Device
_INSTANT = _prompts.sent_at.type
_END = ("result", "status", "told", "retry_at")
_CLOSED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})

_WAITING = (
    select(_prompts.id)
    .where(
        tables.DUE,
        _prompts.due_at <= bindparam("now"),
        _prompts.expires_at > bindparam("now"),
        (_prompts.next_try_at.is_(None)) | (_prompts.next_try_at <= bindparam("now")),
    )
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_DUE = _WAITING.order_by(_prompts.due_at, _prompts.id)
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
_DUE_COLUMNS: dict[str, Any] = {
    name: getattr(_prompts, name) for name in DuePrompt._fields if name != "confirmed_at"
} | {
    # SQLite 3.40 may answer 1 to RETURNING "... IS NOT NULL" of a column that is null.
    "confirmed_at": func.coalesce(_prompts.delivered_at, _prompts.answered_at)
}
_CLAIM = (
    update(_prompts)
    .where(one_of(_prompts.id, "ids"))
    .values(
        state=State.CLAIMED,
        owner=bindparam("mine"),
        epoch=_prompts.epoch + 1,
        lease_until=bindparam("lease", type_=_INSTANT),
    )
    .returning(*(_DUE_COLUMNS[name] for name in DuePrompt._fields))
)
_CLAIMS = Rows(_prompts.id.type, _prompts.epoch.type)
_INTENTS = Rows(_prompts.id.type, _attempts.attempt.type, _attempts.epoch.type, _devices.id.type)
_ENDS = Rows(_prompts.id.type, _attempts.attempt.type)


@cache
def _intend(dialect: str) -> ReturningUpdate[UUID]:
    """Return how those of the given (prompt, epoch) that are still claimed are set to sending."""
    prompt_id, epoch = _CLAIMS.columns(dialect)
    return (
        update(_prompts)
        .where(
            _prompts.id == prompt_id,
            _prompts.epoch == epoch,
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


@cache
def _write_down(dialect: str) -> Insert:
    """Return how the given (prompt, attempt, epoch, device) become attempts."""
    intended = bindparam("intended", type_=_INSTANT)
    return insert(_attempts).from_select(
        ["prompt_id", "attempt", "epoch", "device_id", "intended_at"],
        select(*_INTENTS.columns(dialect), intended),
    )


@cache
def _finish(dialect: str) -> Update:
    """Return how the given (prompt, attempt), all ended alike, get their end."""
    prompt_id, attempt = _ENDS.columns(dialect)
    return (
        update(_attempts)
        .where(
            _attempts.prompt_id == prompt_id,
            _attempts.attempt == attempt,
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
        one_of(_prompts.id, "ids"),
        _prompts.state.in_(
            (
                State.SENDING,
                State.UNKNOWN,
                State.CLAIMED,
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


def claim(
    tx: WriteTx, owner: str, *, now: datetime, lease: timedelta, limit: int, probing: bool = False
) -> list[DuePrompt]:
    """Lease up to `limit` due prompts to `owner`, oldest first.

    When `probing`, those go first that can best bear an unclear answer: to phones that drop
    repeats, and of them the one that has waited longest since it was due or last tried.
    """
    wanted = _PROBE if probing else _DUE
    ids = list(tx.conn.execute(wanted, {"now": now, "most": limit}).scalars())
    if not ids:
        return []
    rows = tx.conn.execute(
        _CLAIM, {"ids": ids, "mine": owner, "lease": lease_time(tx, now) + lease}
    )
    claimed = [DuePrompt._make(row) for row in rows.all()]
    return sorted(claimed, key=_by_turn)


def _by_turn(prompt: DuePrompt) -> tuple[datetime, UUID]:
    return prompt.due_at, prompt.id


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
    dialect = tx.conn.dialect.name
    claims = _CLAIMS.given(dialect, [(intent.prompt_id, intent.epoch) for intent in intents])
    until = lease_time(tx, now) + lease
    taken = set(
        tx.conn.execute(_intend(dialect), claims | {"mine": owner, "lease": until}).scalars()
    )
    standing = [intent for intent in intents if intent.prompt_id in taken]
    if standing:
        rows = [(i.prompt_id, i.attempt, i.epoch, i.device_id) for i in standing]
        given = _INTENTS.given(dialect, rows)
        tx.conn.execute(_write_down(dialect), given | {"intended": now})
    return standing


def record(tx: WriteTx, results: Sequence[AttemptResult], *, now: datetime) -> None:
    """Store what came of intents, and move their prompts on."""
    if not results:
        return
    dialect = tx.conn.dialect.name
    for end, those in _alike(results).items():
        rows = [(result.intent.prompt_id, result.intent.attempt) for result in those]
        told = dict(zip(_END, end, strict=True))
        tx.conn.execute(_finish(dialect), _ENDS.given(dialect, rows) | told | {"finished": now})
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


def _alike(results: Sequence[AttemptResult]) -> dict[tuple[Any, ...], list[AttemptResult]]:
    """Return the results by how they ended: nearly always all of them are accepted alike."""
    found: dict[tuple[Any, ...], list[AttemptResult]] = {}
    for one in results:
        end = (one.outcome, one.http_status, one.detail, one.next_try_at)
        found.setdefault(end, []).append(one)
    return found


def _token_row(intent: Intent, now: datetime) -> dict[str, Any]:
    return {"device": intent.device_id, "token": intent.push_token, "dead_at": now}
