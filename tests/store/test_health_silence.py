"""Phones that have gone silent: found after so many prompts, and heard of again by any sign."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import MONDAY, Person, Practice, fixed, protocol
from schedule_steps import answer

from engine.commands import answering
from engine.commands.answering import ReceiptIn
from engine.commands.health import delivery_health, hear_of, silence_of
from engine.commands.testing import ask_for_test
from engine.records import PromptRecord
from engine.store import devices, health

TIMES = ("09:00", "11:00", "13:00", "15:00", "17:00")
EVENING = MONDAY + timedelta(hours=11)


def ward(practice: Practice, *, phones: int = 1, times: tuple[str, ...] = TIMES) -> Person:
    """Return a person to whom all of a day's prompts were sent, and who gave no sign of life."""
    person = practice.enrol(protocol(fixed(*times, expires_after="30m"), per_day=9), phones=phones)
    practice.live(EVENING, step=timedelta(minutes=30))
    return person


def silence(practice: Practice, person: Person, after: int = 5):
    return silence_of(practice.db, person.patient.id, silent_after=after, now=practice.clock())


def test_a_phone_is_silent_after_so_many_prompts_and_not_one_earlier(practice: Practice):
    person = ward(practice)
    found = silence(practice, person)
    assert found is not None
    assert (found.prompts, found.since) == (5, MONDAY + timedelta(hours=1))
    assert silence(practice, person, after=6) is None


def last_sent(practice: Practice, person: Person) -> PromptRecord:
    return [one for one in practice.prompts(person) if one.sent_at is not None][-1]


def receipt(practice: Practice, person: Person) -> None:
    last = last_sent(practice, person)
    now = practice.clock()
    told = [ReceiptIn(prompt_id=last.id, kind="delivered", at=now)]
    answering.record_receipts(practice.db, person.phones[0], told, device_now=now, now=now)


def visit(practice: Practice, person: Person) -> None:
    hear_of(practice.db, person.phones[0], now=practice.clock())


def answered(practice: Practice, person: Person) -> None:
    answer(practice, person, last_sent(practice, person).id)


@pytest.mark.parametrize("sign", [receipt, visit, answered])
def test_any_sign_of_life_ends_it(practice: Practice, sign: Callable[[Practice, Person], None]):
    person = ward(practice)
    assert silence(practice, person) is not None
    sign(practice, person)
    assert silence(practice, person) is None


def test_a_sign_of_any_of_several_phones_is_enough(practice: Practice):
    person = ward(practice, phones=2)
    assert silence(practice, person) is not None
    hear_of(practice.db, person.phones[0], now=practice.clock())
    assert silence(practice, person) is None


def test_a_patient_without_a_phone_is_not_called_silent(practice: Practice):
    person = ward(practice)
    with practice.db.write() as tx:
        devices.retire_device(tx, person.phones[0].id, now=practice.clock())
    assert silence(practice, person) is None


def test_tests_and_what_was_never_sent_are_not_counted(practice: Practice):
    person = ward(practice, times=TIMES[:4])
    ask_for_test(practice.db, person.patient.id, now=practice.clock())
    practice.tick()
    assert len(practice.pusher.pushed) == 5
    assert silence(practice, person) is None
    assert silence(practice, person, after=4) is not None


def test_a_prompt_sent_before_the_last_sign_is_not_counted(practice: Practice):
    person = practice.enrol(protocol(fixed(*TIMES, expires_after="30m"), per_day=9))
    practice.live(MONDAY + timedelta(hours=4), step=timedelta(minutes=30))
    visit(practice, person)
    practice.live(EVENING, step=timedelta(minutes=30))
    assert silence(practice, person) is None
    found = silence(practice, person, after=3)
    assert found is not None
    assert found.prompts == 3


def test_a_silence_of_weeks_is_found_as_well(practice: Practice):
    person = ward(practice)
    practice.clock.now = EVENING + timedelta(days=30)
    assert silence(practice, person) is not None


def test_all_silent_patients_are_counted_over_many_batches(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    people = [
        practice.enrol(protocol(fixed(*TIMES, expires_after="30m"), per_day=9)) for _ in range(5)
    ]
    practice.live(EVENING, step=timedelta(minutes=30))
    hear_of(practice.db, people[2].phones[0], now=practice.clock())
    monkeypatch.setattr(health, "_SOME", 2)
    found = delivery_health(practice.db, silent_after=5, now=practice.clock())
    assert found.reach.silent_patients == 4


def test_a_call_is_noted_only_when_the_last_was_minutes_ago(practice: Practice):
    phone = practice.enrol(protocol(fixed("09:00"))).phones[0]
    assert health.contact_is_news(phone, now=MONDAY)
    heard = replace(phone, seen_at=MONDAY)
    almost = MONDAY + health.CONTACT_EVERY - timedelta(microseconds=1)
    assert not health.contact_is_news(heard, now=almost)
    assert health.contact_is_news(heard, now=MONDAY + health.CONTACT_EVERY)
