"""A prompt on its way: due, being sent, recorded, and being sent once more."""

from datetime import timedelta

from fakes import Person, Practice, fixed, protocol

from engine.delivery_records import AttemptResult, DuePrompt, Intent
from engine.prompt import State
from engine.store import delivery, lapses

LEASE = timedelta(minutes=1)


def due(practice: Practice, *, deduplicates: bool = False) -> Person:
    """Return a person whose only prompt is due."""
    person = practice.enrol(protocol(fixed("09:00")), deduplicates=deduplicates)
    practice.plan()
    practice.clock.forward(hours=1)
    practice.decide()
    return person


def take(practice: Practice, person: Person, owner: str, *, lease: timedelta = LEASE) -> Intent:
    """Let a worker claim the one prompt that is due, and store its intent to send it."""
    now = practice.clock()
    with practice.db.write() as tx:
        (prompt,) = delivery.claim(tx, now=now, limit=10)
        intent = intent_for(prompt, person)
        delivery.add_intents(tx, [intent], owner, now=now, lease=lease)
    return intent


def intent_for(prompt: DuePrompt, person: Person) -> Intent:
    phone = person.phones[0]
    return Intent(
        prompt_id=prompt.id,
        attempt=prompt.attempts + 1,
        epoch=prompt.epoch,
        device_id=phone.id,
        push_token=phone.push_token,
        expires_at=prompt.expires_at,
        push_id=prompt.push_id,
    )


def sending(practice: Practice, *, deduplicates: bool = False) -> tuple[Person, Intent]:
    """Return a person whose only prompt is being sent by worker-1, and its intent."""
    person = due(practice, deduplicates=deduplicates)
    return person, take(practice, person, "worker-1")


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


def lapsed(practice: Practice) -> None:
    """Let the lease of whoever is sending run out, and another worker notice it."""
    practice.lapse()
    with practice.db.write() as tx:
        assert lapses.reap(tx, now=practice.clock()) == 1


def in_flight_again(practice: Practice, person: Person) -> Intent:
    """Let the first worker's lease lapse and another send the prompt once more."""
    lapsed(practice)
    return take(practice, person, "worker-2")
