"""How delivery does, for those who run it: counts and instants only, no patient is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.commands.learning_log import LearningState, learning_state
from engine.health_records import Reachability, Silence, SpanFigures, Waiting, WorkerStatus
from engine.records import Device
from engine.store import Database, ReadTx, health, workers

SPANS = (24, 7 * 24)
"""Hours back from now that are told of."""
LEARNING_EVENTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryHealth:
    """How delivery stands at one instant; `spans` are the last 24 hours and the last 7 days."""

    at: datetime
    spans: tuple[SpanFigures, ...]
    waiting: Waiting
    reach: Reachability
    workers: tuple[WorkerStatus, ...]

    @property
    def open_until(self) -> datetime | None:
        """Return until when some living worker sends nothing as Firebase is in trouble."""
        found = [one.open_until for one in self.workers if one.alive and one.open_until]
        return max((until for until in found if until > self.at), default=None)


def delivery_health(
    db: Database, *, silent_after: int, now: datetime, spans: Sequence[int] = SPANS
) -> DeliveryHealth:
    """Return how delivery stands; phones are silent after so many prompts without an echo."""
    with db.read() as tx:
        phones, dead = health.phones(tx)
        return DeliveryHealth(
            at=now,
            spans=tuple(_span(tx, hours, now) for hours in spans),
            waiting=health.waiting(tx, now=now),
            reach=Reachability(
                phones=phones,
                dead_tokens=dead,
                silent_patients=health.silent_patients(tx, prompts=silent_after, now=now),
            ),
            workers=tuple(workers.statuses(tx, now=now)),
        )


def _span(tx: ReadTx, hours: int, now: datetime) -> SpanFigures:
    since = now - timedelta(hours=hours)
    return SpanFigures(
        hours=hours,
        states=tuple(health.state_counts(tx, since=since, until=now)),
        lateness=health.lateness(tx, since=since, until=now),
    )


def learning_health(db: Database) -> LearningState:
    """Return which model decides, and what was last promoted or kept back and why."""
    return learning_state(db, events=LEARNING_EVENTS)


def silence_of(
    db: Database, patient_id: UUID, *, silent_after: int, now: datetime
) -> Silence | None:
    """Return since when the patient's phones have been silent; None if they are not."""
    with db.read() as tx:
        found = health.silent_phones(tx, [patient_id], prompts=silent_after, now=now)
    return found.get(patient_id)


def hear_of(db: Database, device: Device, *, now: datetime) -> None:
    """Note that a phone called."""
    with db.write() as tx:
        health.note_contact(tx, device, now=now)
