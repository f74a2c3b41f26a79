"""How prompts change state: only from the state that is expected, and never back."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from fakes import MONDAY, Practice, fixed, protocol, windowed
from hypothesis import given
from hypothesis import strategies as st
from in_flight import (
    LEASE,
    due,
    in_flight_again,
    intent_for,
    lapsed,
    record,
    sending,
    state_of,
    take,
)
from sqlalchemy.exc import IntegrityError

from engine.errors import ClaimLost
from engine.prompt import ENDED, UNSENT, State, may_become
from engine.store import answers, delivery, devices, lapses, windows


def test_windows_added_twice_are_there_once_and_as_they_were(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00")))
    assert practice.plan() == 3
    with practice.db.read() as tx:
        stored = windows.windows_from(tx, person.enrolment.id, person.enrolment.first_day)
    moved = [replace(window, content_id="another") for window in stored]
    with practice.db.write() as tx:
        assert windows.add_windows(tx, moved) == 0
    with practice.db.read() as tx:
        assert windows.windows_from(tx, person.enrolment.id, person.enrolment.first_day) == stored


def test_a_slot_key_cannot_be_used_twice_even_under_another_id(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00")))
    practice.plan()
    with practice.db.read() as tx:
        window = windows.windows_from(tx, person.enrolment.id, person.enrolment.first_day)[0]
    again = replace(window, id=uuid4(), content_id="canary-1234")
    with pytest.raises(IntegrityError) as raised, practice.db.write() as tx:
        windows.add_windows(tx, [again])
    assert "canary-1234" not in str(raised.value), "errors are logged, values must not be"


def test_a_worker_that_dies_before_its_intent_leaves_the_prompt_as_it_was(practice: Practice):
    person = due(practice)
    before = practice.prompts(person)
    with practice.db.write() as tx:
        first = delivery.claim(tx, now=practice.clock(), limit=10)
    assert practice.prompts(person) == before
    with practice.db.write() as tx:
        assert delivery.claim(tx, now=practice.clock(), limit=10) == first != []


def test_with_one_intent_too_late_the_whole_batch_stays_unsent(practice: Practice):
    other = practice.enrol(protocol(fixed("09:00")))
    person = due(practice)
    with practice.db.write() as tx:
        batch = [
            intent_for(prompt, person if prompt.patient_id == person.patient.id else other)
            for prompt in delivery.claim(tx, now=practice.clock(), limit=2)
        ]
        delivery.add_intents(tx, batch[:1], "worker-1", now=practice.clock(), lease=LEASE)
    late = [batch[0]._replace(attempt=2), batch[1]]
    with pytest.raises(ClaimLost, match="1 of 2"), practice.db.write() as tx:
        delivery.add_intents(tx, late, "worker-2", now=practice.clock(), lease=LEASE)
    states = {p.id: p.state for who in (person, other) for p in practice.prompts(who)}
    assert [states[intent.prompt_id] for intent in batch] == [State.SENDING, State.PLANNED]


def test_each_claim_that_is_sent_has_a_number_of_its_own(practice: Practice):
    person, first = sending(practice, deduplicates=True)
    second = in_flight_again(practice, person)
    assert (first.epoch, second.epoch) == (1, 2)


def test_a_lease_holds_until_its_last_instant_and_not_longer(on_sqlite: Practice):
    person, intent = sending(on_sqlite)
    for ahead, expected in ((LEASE - timedelta(seconds=1), 0), (LEASE, 1)):
        with on_sqlite.db.write() as tx:
            assert lapses.reap(tx, now=on_sqlite.clock() + ahead) == expected
    assert state_of(on_sqlite, person, intent) == State.UNKNOWN


def test_what_a_dead_worker_may_have_sent_counts_as_sent_when_it_was_intended(practice: Practice):
    person, intent = sending(practice)
    intended_at = practice.clock()
    lapsed(practice)
    assert practice.prompt(person, intent.prompt_id).sent_at == intended_at


def test_a_late_success_corrects_unknown(practice: Practice):
    person, intent = sending(practice)
    lapsed(practice)
    record(practice, intent, State.ACCEPTED)
    assert state_of(practice, person, intent) == State.ACCEPTED


@pytest.mark.parametrize("failure", [State.FAILED, State.UNKNOWN])
def test_a_late_success_corrects_a_failure(practice: Practice, failure: State):
    person, intent = sending(practice)
    record(practice, intent, failure)
    assert state_of(practice, person, intent) == failure
    record(practice, intent, State.ACCEPTED)
    assert state_of(practice, person, intent) == State.ACCEPTED


@pytest.mark.parametrize("late", [State.FAILED, State.UNKNOWN, State.RETRY])
def test_nothing_corrects_a_success(practice: Practice, late: State):
    person, intent = sending(practice)
    record(practice, intent, State.ACCEPTED)
    before = practice.prompt(person, intent.prompt_id)
    practice.clock.forward(minutes=5)
    record(practice, intent, late)
    with practice.db.write() as tx:
        lapses.reap(tx, now=practice.clock())
        lapses.expire(tx, now=practice.clock() + timedelta(days=1))
        windows.cancel_unsent(tx, [intent.prompt_id], "changed", now=practice.clock())
    assert practice.prompt(person, intent.prompt_id) == before


@pytest.mark.parametrize("kind", ["delivered", "shown", "opened", "dismissed"])
@pytest.mark.parametrize("failure", [State.FAILED, State.UNKNOWN])
def test_a_receipt_proves_delivery_whatever_we_thought(
    practice: Practice, kind: str, failure: State
):
    person, intent = sending(practice)
    record(practice, intent, failure)
    at = practice.clock.forward(minutes=3)
    with practice.db.write() as tx:
        answers.add_receipts(
            tx, person.phones[0].id, [(intent.prompt_id, kind, at, at)], now=practice.clock()
        )
    found = practice.prompt(person, intent.prompt_id)
    assert (found.state, found.reason) == (State.ACCEPTED, None)
    assert found.sent_at is not None
    assert found.sent_at <= found.delivered_at == at


def test_a_receipt_told_again_changes_nothing(practice: Practice):
    person, intent = sending(practice)
    record(practice, intent, State.ACCEPTED)
    at = practice.clock.forward(minutes=3)
    later = at + timedelta(minutes=9)
    for told, new in (((at, at), 1), ((at, at), 0), ((later, later), 0)):
        with practice.db.write() as tx:
            receipt = (intent.prompt_id, "opened", *told)
            added = answers.add_receipts(tx, person.phones[0].id, [receipt], now=later)
            assert added == new
    assert practice.prompt(person, intent.prompt_id).opened_at == at


def test_a_transaction_that_fails_after_the_intent_leaves_the_prompt_due(practice: Practice):
    person = due(practice)

    def fail_at_the_end() -> None:
        with practice.db.write() as tx:
            (prompt,) = delivery.claim(tx, now=practice.clock(), limit=10)
            intent = intent_for(prompt, person)
            delivery.add_intents(tx, [intent], "worker-1", now=practice.clock(), lease=LEASE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_at_the_end()
    assert take(practice, person, "worker-2").attempt == 1


def test_a_push_token_belongs_to_the_phone_that_registered_it_last(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")), phones=2)
    older, newer = person.phones
    with practice.db.write() as tx:
        devices.set_push_token(tx, older.id, newer.push_token)
    with practice.db.read() as tx:
        found = devices.reachable_devices(tx, [person.patient.id])
    assert found[person.patient.id].id == older.id


def test_a_signed_out_phone_is_not_reached(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    with practice.db.write() as tx:
        devices.retire_device(tx, person.phones[0].id, now=MONDAY)
    with practice.db.read() as tx:
        assert devices.reachable_devices(tx, [person.patient.id]) == {}
        credential = person.phones[0].push_token
        assert devices.device_by_credential(tx, credential) is None


@given(st.lists(st.sampled_from(list(State)), min_size=1, max_size=12), st.booleans())
def test_no_way_through_the_life_cycle_sends_twice_to_a_phone_that_would_show_it(
    wishes: list[State], deduplicates: bool
):
    state, may_be_out = State.PLANNED, False
    for wish in wishes:
        if not may_become(state, wish, deduplicates=deduplicates):
            continue
        assert state not in {State.ACCEPTED, State.CANCELLED, State.WITHHELD}
        if wish == State.SENDING and not deduplicates:
            assert not may_be_out
        may_be_out = may_be_out or wish in {State.UNKNOWN, State.ACCEPTED}
        state = wish
    assert state in UNSENT or state in ENDED or state == State.SENDING
