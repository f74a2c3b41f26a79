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
from engine.commands.scheduling import WELCOME, protocol_of
from engine.localtime import zone
from engine.planning import uniform
from engine.prompt import State
from engine.protocol import StudyProtocol
from engine.records import AttemptResult, Device, DuePrompt, Intent
from engine.store import Database, WriteTx, delivery, devices, lapses, people, schedules
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.pusher import Pusher

LEASE = timedelta(seconds=60)
"""Longer than one batch takes to send, shorter than any expiry matters."""
BATCH = 500
OVERDUE = timedelta(minutes=5)
"""Later than this a prompt counts as overdue; of those a patient gets one, not a pile."""
LONGEST_GAP = timedelta(days=3)
"""More than the longest minimum gap and the farthest zones together."""
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
            lapses.reap(tx, now=self.clock())
            ended = lapses.expire(tx, now=self.clock())
            ended += lapses.overtake(tx, now=self.clock(), overdue=OVERDUE)
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
        now = self.clock()  # whoever was held up since must not send by an old clock
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
    scene = _look(tx, due, now)
    intents = []
    for prompt in due:
        back = scene.why_not(prompt, now)
        if back is None:
            intents.append(scene.intent(prompt, now))
        else:
            state, reason, next_try_at = back
            delivery.release(tx, prompt, state, reason, now=now, next_try_at=next_try_at)
    return intents


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What bears on a batch: rules and zones as they stand now, phones, and what was sent."""

    protocols: dict[UUID, StudyProtocol]
    zones: dict[UUID, str]
    phones: dict[UUID, Device]
    last_sent: dict[UUID, datetime]
    sent_on: dict[tuple[UUID, date], int]

    def why_not(
        self, prompt: DuePrompt, now: datetime
    ) -> tuple[State, str, datetime | None] | None:
        """Return where a prompt goes instead of out, why, and when it is tried again."""
        limits = self.protocols[prompt.protocol_id].limits
        refusal = may_send(
            now,
            tz=zone(self.zones[prompt.patient_id]),
            quiet=self.protocols[prompt.protocol_id].quiet_hours,
            expires_at=prompt.expires_at,
            sent_today=self.sent_on.get((prompt.enrolment_id, prompt.local_date), 0),
            per_day=limits.per_day,
        )
        if refusal is not None:
            return (State.EXPIRED if refusal == EXPIRED else State.CANCELLED), refusal, None
        last = self.last_sent.get(prompt.enrolment_id)
        # The first prompt of a phone is awaited there and then, whatever was sent before.
        gap_holds = prompt.assignment != WELCOME
        if gap_holds and last is not None and last + limits.min_gap > now:
            return State.RETRY, "minimum gap", last + limits.min_gap
        if prompt.patient_id not in self.phones:
            return State.FAILED, "no phone to send to", None
        return None

    def intent(self, prompt: DuePrompt, now: datetime) -> Intent:
        """Return the intent to send a prompt, and count it as sent for those behind it."""
        self.last_sent[prompt.enrolment_id] = now
        day = (prompt.enrolment_id, prompt.local_date)
        self.sent_on[day] = self.sent_on.get(day, 0) + 1
        phone = self.phones[prompt.patient_id]
        return Intent(
            prompt_id=prompt.id,
            attempt=prompt.attempts + 1,
            epoch=prompt.epoch,
            device_id=phone.id,
            push_token=str(phone.push_token),
            expires_at=prompt.expires_at,
        )


def _look(tx: WriteTx, due: Sequence[DuePrompt], now: datetime) -> _Scene:
    enrolments = list({prompt.enrolment_id for prompt in due})
    # Two workers with a prompt each for one patient must see each other's.
    schedules.lock_enrolments(tx, enrolments)
    patients = list({prompt.patient_id for prompt in due})
    protocols = {prompt.protocol_id for prompt in due}
    return _Scene(
        protocols={
            protocol_id: protocol_of(version)
            for protocol_id, version in schedules.current_versions(tx, protocols).items()
        },
        zones=people.zones_of(tx, patients),
        phones=devices.reachable_devices(tx, patients),
        last_sent=delivery.last_sent(tx, enrolments, since=now.date() - LONGEST_GAP),
        sent_on=delivery.sent_on(tx, enrolments, list({prompt.local_date for prompt in due})),
    )


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
