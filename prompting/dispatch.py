"""Claim what is due, commit the intent, send, record: each step ends before the next begins.

Killed between any two steps, a prompt is either still due (nothing was sent), or `sending` with
its intent on record; the latter ends as unknown when the lease runs out and is not sent again. So
a prompt is shown at most once. No network call happens inside a transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.availability import EXPIRED, may_send
from engine.clock import Clock
from engine.commands.scheduling import protocol_of
from engine.localtime import zone
from engine.planning import uniform
from engine.prompt import State
from engine.protocol import StudyProtocol
from engine.records import AttemptResult, DuePrompt, Intent
from engine.store import Database, ReadTx, WriteTx, delivery, devices, schedules
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.pusher import Pusher

LEASE = timedelta(seconds=60)
"""Longer than one batch takes to send, shorter than any expiry matters."""
BATCH = 500
OVERDUE = timedelta(minutes=5)
"""Later than this a prompt counts as overdue; of those a patient gets one, not a pile."""
BACKOFF = timedelta(seconds=10)
LONGEST_BACKOFF = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Sent:
    """What one tick did."""

    accepted: int = 0
    other: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Everything one tick needs, passed in and never looked up."""

    db: Database
    pusher: Pusher
    clock: Clock
    owner: str

    def tick(self) -> Sent:
        """Handle everything due now, in batches; return what was done."""
        with self.db.write() as tx:
            delivery.reap(tx, now=self.clock())
            ended = delivery.expire(tx, now=self.clock())
        accepted = other = 0
        while True:
            done = self._batch()
            if done is None:
                return Sent(accepted, other, ended)
            accepted += sum(outcome.kind is Kind.ACCEPTED for outcome in done)
            other += sum(outcome.kind is not Kind.ACCEPTED for outcome in done)

    def _batch(self) -> list[SendOutcome] | None:
        now = self.clock()
        with self.db.write() as tx:
            due = delivery.claim(tx, self.owner, now=now, lease=LEASE, limit=BATCH)
        if not due:
            return None
        with self.db.write() as tx:
            intents = _intents(tx, due, now)
            standing = delivery.add_intents(tx, intents, self.owner, now=now, lease=LEASE)
        outcomes = self.pusher.push_many(
            [Push(i.prompt_id, i.push_token, i.expires_at) for i in standing], now=self.clock()
        )
        recorded_at = self.clock()
        results = [
            result_of(intent, outcome, now=recorded_at)
            for intent, outcome in zip(standing, outcomes, strict=True)
        ]
        with self.db.write() as tx:
            delivery.record(tx, results, now=recorded_at)
        return outcomes


def _intents(tx: WriteTx, due: Sequence[DuePrompt], now: datetime) -> list[Intent]:
    """Return an intent for each prompt that may leave; the others are given back with a reason."""
    enrolments = list({prompt.enrolment_id for prompt in due})
    reachable = devices.reachable_devices(tx, list({prompt.patient_id for prompt in due}))
    last = delivery.last_sent(tx, enrolments)
    today = delivery.sent_on(tx, enrolments, list({prompt.local_date for prompt in due}))
    protocols = _protocols(tx, due)
    intents = []
    for prompt in _newest_overdue_only(tx, due, now):
        protocol = protocols[prompt.protocol_id]
        refusal = _refusal(prompt, protocol, today, now)
        gap_ends = last.get(prompt.enrolment_id, prompt.due_at) + protocol.limits.min_gap
        device = reachable.get(prompt.patient_id)
        if refusal is not None:
            state = State.EXPIRED if refusal == EXPIRED else State.CANCELLED
            delivery.release(tx, prompt, state, refusal, now=now)
        elif prompt.enrolment_id in last and gap_ends > now:
            delivery.release(tx, prompt, State.RETRY, "minimum gap", now=now, next_try_at=gap_ends)
        elif device is None or device.push_token is None:
            delivery.release(tx, prompt, State.FAILED, "no phone to send to", now=now)
        else:
            last[prompt.enrolment_id] = now
            day = (prompt.enrolment_id, prompt.local_date)
            today[day] = today.get(day, 0) + 1
            intents.append(
                Intent(
                    prompt_id=prompt.id,
                    attempt=prompt.attempts + 1,
                    epoch=prompt.epoch,
                    device_id=device.id,
                    push_token=device.push_token,
                    expires_at=prompt.expires_at,
                )
            )
    return intents


def _protocols(tx: ReadTx, due: Sequence[DuePrompt]) -> dict[UUID, StudyProtocol]:
    """Return the newest protocols: quiet hours and caps hold as they stand now."""
    return {
        protocol_id: protocol_of(schedules.current_version(tx, protocol_id))
        for protocol_id in {prompt.protocol_id for prompt in due}
    }


def _refusal(
    prompt: DuePrompt,
    protocol: StudyProtocol,
    today: dict[tuple[UUID, date], int],
    now: datetime,
) -> str | None:
    return may_send(
        now,
        tz=zone(prompt.zone),
        quiet=protocol.quiet_hours,
        expires_at=prompt.expires_at,
        sent_today=today.get((prompt.enrolment_id, prompt.local_date), 0),
        per_day=protocol.limits.per_day,
    )


def _newest_overdue_only(tx: WriteTx, due: Sequence[DuePrompt], now: datetime) -> list[DuePrompt]:
    """Return `due` less all but the newest overdue prompt of each enrolment; those expire."""
    newest = {p.enrolment_id: p.id for p in due if now - p.due_at > OVERDUE}
    kept = []
    for prompt in due:
        overdue = now - prompt.due_at > OVERDUE
        if overdue and newest[prompt.enrolment_id] != prompt.id:
            delivery.release(tx, prompt, State.EXPIRED, "overtaken by a later prompt", now=now)
        else:
            kept.append(prompt)
    return kept


def result_of(intent: Intent, outcome: SendOutcome, *, now: datetime) -> AttemptResult:
    """Return what an outcome means for the prompt: only what proves non-delivery is repeated."""
    state = {
        Kind.ACCEPTED: State.ACCEPTED,
        Kind.TOKEN_DEAD: State.RETRY,
        Kind.THROTTLED: State.RETRY,
        Kind.NOT_SENT: State.RETRY,
        Kind.REFUSED: State.FAILED,
        Kind.UNKNOWN: State.UNKNOWN,
    }[outcome.kind]
    next_try_at = None
    if outcome.kind is Kind.TOKEN_DEAD:
        next_try_at = now
    elif state is State.RETRY:
        next_try_at = now + (outcome.retry_after or backoff(intent.prompt_id, intent.attempt))
    return AttemptResult(
        intent=intent,
        outcome=outcome.kind,
        state=state,
        http_status=outcome.http_status,
        detail=outcome.detail or outcome.code,
        next_try_at=next_try_at,
        token_dead=outcome.kind is Kind.TOKEN_DEAD,
    )


def backoff(prompt_id: UUID, attempt: int) -> timedelta:
    """Return how long to wait before the next attempt: exponential, capped, with full jitter.

    Source: Brooker (2015), Exponential backoff and jitter. The jitter is drawn from the prompt's
    own seed, so a replay waits as long.
    """
    longest = min(BACKOFF * float(2 ** min(attempt, 16)), LONGEST_BACKOFF)
    return max(longest * uniform(attempt, prompt_id, "retry"), timedelta(seconds=1))
