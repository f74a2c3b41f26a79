"""Workers that wake up late, and what is proven of a prompt against what was written last."""

import pytest
from fakes import Practice
from in_flight import in_flight_again, lapsed, record, sending, state_of

from engine.delivery_records import Release
from engine.prompt import Reason, State
from engine.store import answers, delivery


@pytest.mark.parametrize("late", [State.FAILED, State.UNKNOWN, State.RETRY, State.EXPIRED])
def test_a_late_failure_of_an_earlier_claim_does_not_free_what_another_worker_sends(
    practice: Practice, late: State
):
    """Fails without the epoch in the statement that records: a third send would follow."""
    person, first = sending(practice, deduplicates=True)
    second = in_flight_again(practice, person)
    record(practice, first, late)
    assert state_of(practice, person, second) == State.SENDING
    with practice.db.write() as tx:
        later = practice.clock.forward(seconds=30)
        assert delivery.claim(tx, now=later, limit=1) == []


@pytest.mark.parametrize("second_ends", [State.FAILED, State.UNKNOWN, State.RETRY])
def test_a_late_success_of_an_earlier_claim_counts_whatever_the_later_one_says(
    practice: Practice, second_ends: State
):
    person, first = sending(practice, deduplicates=True)
    second = in_flight_again(practice, person)
    record(practice, first, State.ACCEPTED)
    record(practice, second, second_ends)
    assert state_of(practice, person, second) == State.ACCEPTED


def test_a_late_success_stops_a_repeat_that_is_due(practice: Practice):
    person, first = sending(practice, deduplicates=True)
    lapsed(practice)
    record(practice, first, State.ACCEPTED)
    practice.tick()
    assert practice.pusher.pushed == []
    assert state_of(practice, person, first) == State.ACCEPTED


def test_a_worker_that_wakes_up_late_cannot_give_back_what_it_had_claimed(practice: Practice):
    person, old = sending(practice, deduplicates=True)
    lapsed(practice)
    stale = Release(
        prompt_id=old.prompt_id, epoch=old.epoch, state=State.CANCELLED, reason=Reason.QUIET
    )
    with practice.db.write() as tx:
        delivery.release(tx, [stale], now=practice.clock())
    assert practice.prompt(person, old.prompt_id).reason == Reason.WORKER_STOPPED


@pytest.mark.parametrize("following", [State.FAILED, State.EXPIRED, State.CANCELLED, State.RETRY])
def test_what_may_be_out_is_never_called_unsent(practice: Practice, following: State):
    person, _ = sending(practice, deduplicates=True)
    second = in_flight_again(practice, person)
    record(practice, second, following)
    assert state_of(practice, person, second) == State.UNKNOWN


@pytest.mark.parametrize("following", [State.FAILED, State.UNKNOWN, State.RETRY, State.EXPIRED])
def test_a_receipt_that_came_while_sending_outweighs_what_firebase_says(
    practice: Practice, following: State
):
    person, intent = sending(practice)
    at = practice.clock.forward(seconds=1)
    with practice.db.write() as tx:
        receipt = (intent.prompt_id, "delivered", at, at)
        answers.add_receipts(tx, person.phones[0].id, [receipt], now=at)
    record(practice, intent, following)
    found = practice.prompt(person, intent.prompt_id)
    assert (found.state, found.reason) == (State.ACCEPTED, None)


def test_a_receipt_that_came_before_its_worker_died_outweighs_the_reaper(practice: Practice):
    person, intent = sending(practice)
    at = practice.clock.forward(seconds=1)
    with practice.db.write() as tx:
        receipt = (intent.prompt_id, "delivered", at, at)
        answers.add_receipts(tx, person.phones[0].id, [receipt], now=at)
    lapsed(practice)
    assert state_of(practice, person, intent) == State.ACCEPTED
