"""A prompt on its way: claimed, being sent, recorded, and being sent once more."""

from dataclasses import replace
from datetime import timedelta

from fakes import Person, Practice, fixed, protocol

from engine.delivery_records import AttemptResult, Intent
from engine.prompt import State
from engine.store import delivery, lapses

LEASE = timedelta(minutes=1)


def claimed(practice: Practice, *, deduplicates: bool = False) -> tuple[Person, Intent]:
    """Return a person whose only prompt is claimed by worker-1, and the intent to send it."""
    person = practice.enrol(protocol(fixed("09:00")), deduplicates=deduplicates)
    practice.plan()
    practice.clock.forward(hours=1)
    practice.decide()
    with practice.db.write() as tx:
        (due,) = delivery.claim(tx, "worker-1", now=practice.clock(), lease=LEASE, limit=10)
    phone = person.phones[0]
    return person, Intent(
        prompt_id=due.id,
        attempt=due.attempts + 1,
        epoch=due.epoch,
        device_id=phone.id,
        push_token=phone.push_token,
        expires_at=due.expires_at,
        push_id=due.push_id,
    )


def sending(practice: Practice, *, deduplicates: bool = False) -> tuple[Person, Intent]:
    person, intent = claimed(practice, deduplicates=deduplicates)
    with practice.db.write() as tx:
        assert delivery.add_intents(
            tx, [intent], "worker-1", now=practice.clock(), lease=LEASE
        ) == [intent]
    return person, intent


def record(practice: Practice, intent: Intent, state: State) -> None:
    outcome = {State.ACCEPTED: "accepted", State.RETRY: "throttled"}.get(state, str(state))
    result = AttemptResult(
        intent=intent,
        outcome=outcome,
        state=state,
        reason=None,
        http_status=None,
        detail=None,
        next_try_at=practice.clock() if state == State.RETRY else None,
        token_dead=False,
    )
    with practice.db.write() as tx:
        delivery.record(tx, [result], now=practice.clock())


def state_of(practice: Practice, person: Person, intent: Intent) -> str:
    return practice.prompt(person, intent.prompt_id).state


def in_flight_again(practice: Practice, person: Person, first: Intent) -> Intent:
    """Let the first worker's lease lapse and another send the prompt once more."""
    practice.lapse()
    with practice.db.write() as tx:
        lapses.reap(tx, now=practice.clock())
        (due,) = delivery.claim(tx, "worker-2", now=practice.clock(), lease=LEASE, limit=1)
        assert due.id == first.prompt_id
        second = replace(first, attempt=due.attempts + 1, epoch=due.epoch)
        assert delivery.add_intents(
            tx, [second], "worker-2", now=practice.clock(), lease=LEASE
        ) == [second]
    return second
