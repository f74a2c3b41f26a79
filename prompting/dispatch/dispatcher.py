"""The four steps of one tick.

Killed between any two of them, a prompt is either still due (nothing was sent), or `sending` with
its intent on record; the latter ends as unknown when the lease runs out and is sent again only to
a phone that drops what it has had. So a prompt is shown at most once. No network call happens
inside a transaction, and no transaction waits for another worker's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from engine.clock import Clock
from engine.delivery_records import DuePrompt, Intent, Release
from engine.store import Database, WriteTx, delivery, lapses
from prompting.dispatch.outcomes import result_of
from prompting.dispatch.scene import look
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.pusher import Pusher

LEASE = timedelta(seconds=60)
"""Longer than one batch takes to send, shorter than any expiry matters."""
BATCH = 500
OVERDUE = timedelta(minutes=5)
"""Later than this a prompt counts as overdue; of those a patient gets one, not a pile."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one tick did."""

    accepted: int = 0
    other: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Everything one tick needs, passed in and never looked up.

    While `draining` is set nothing new is claimed; what is on its way is still recorded.
    """

    db: Database
    pusher: Pusher
    clock: Clock
    owner: str
    batch: int = BATCH
    lease: timedelta = LEASE
    draining: Event = field(default_factory=Event)

    def tick(self) -> Sent:
        """Handle everything due now, in batches; return what was done."""
        with self.db.write() as tx:
            lapses.reap(tx, now=self.clock())
            ended = lapses.expire(tx, now=self.clock())
            ended += lapses.overtake(tx, now=self.clock(), overdue=OVERDUE)
        accepted = other = 0
        while not self.draining.is_set():
            done = self._batch()
            if done is None:
                break
            accepted += sum(outcome.kind is Kind.ACCEPTED for outcome in done)
            other += sum(outcome.kind is not Kind.ACCEPTED for outcome in done)
        return Sent(accepted, other, ended)

    def _batch(self) -> list[SendOutcome] | None:
        """Take one batch through all steps; return its outcomes, None if nothing could be taken."""
        room = min(self.batch, self.pusher.room())
        if room < 1:
            return None  # Firebase is in trouble: what is due stays due
        now = self.clock()
        with self.db.write() as tx:
            due = delivery.claim(tx, self.owner, now=now, lease=self.lease, limit=room)
        if not due:
            return None
        now = self.clock()  # whoever was held up since must not send by an old clock
        with self.db.write() as tx:
            intents = _sort(tx, due, now)
            standing = delivery.add_intents(tx, intents, self.owner, now=now, lease=self.lease)
        outcomes = self.pusher.push_many(
            [Push(i.push_id, i.push_token, i.expires_at, i.repeat) for i in standing],
            now=self.clock(),
        )
        recorded_at = self.clock()
        results = [
            result_of(intent, outcome, now=recorded_at)
            for intent, outcome in zip(standing, outcomes, strict=True)
        ]
        with self.db.write() as tx:
            delivery.record(tx, results, now=recorded_at)
        return outcomes


def _sort(tx: WriteTx, due: Sequence[DuePrompt], now: datetime) -> list[Intent]:
    """Return an intent for each prompt that may leave; give the others back with a reason."""
    scene = look(tx, due, now)
    intents: list[Intent] = []
    releases: list[Release] = []
    for prompt in due:
        verdict = scene.judge(prompt, now)
        if isinstance(verdict, Intent):
            intents.append(verdict)
        else:
            releases.append(verdict)
    delivery.release(tx, releases, now=now)
    return intents
