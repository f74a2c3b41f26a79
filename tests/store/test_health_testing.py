"""Test notifications: the way of every prompt, at any hour, and no trace in any count."""

from datetime import timedelta

import pytest
from fakes import MONDAY, NINE, REFUSED, Person, Practice, fixed, protocol
from schedule_steps import answer

from engine.commands import answering, patient_rules, postponing
from engine.commands.answering import ReceiptIn
from engine.commands.testing import MOST_TESTS, ask_for_test, progress_of
from engine.commands.tracing import trace
from engine.errors import Conflict, FieldsRefused, NotFound, TooOften
from engine.prompt import Reason, State
from engine.store import answers, learning, reports
from prompting.learning import Learner

MINUTE = timedelta(minutes=1)
NIGHT = MONDAY - timedelta(hours=5)
"""03:00 in Berlin."""


def ask(practice: Practice, person: Person):
    return ask_for_test(practice.db, person.patient.id, now=practice.clock())


def confirm(practice: Practice, person: Person, test_id) -> None:
    now = practice.clock()
    told = [ReceiptIn(prompt_id=test_id, kind="delivered", at=now)]
    answering.record_receipts(practice.db, person.phones[-1], told, device_now=now, now=now)


def progress(practice: Practice, person: Person, test_id):
    return progress_of(practice.db, person.patient.id, test_id, now=practice.clock())


def test_it_is_sent_confirmed_and_told_step_by_step(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")))
    asked = ask(practice, person)
    assert (asked.state, asked.sent_at, asked.ended) == (State.PLANNED, None, False)
    practice.clock.forward(seconds=1)
    practice.tick()
    sent = progress(practice, person, asked.id)
    assert (sent.state, sent.sent_at, sent.ended) == (State.ACCEPTED, practice.clock(), False)
    assert sent.device_id == person.phones[0].id
    practice.clock.forward(seconds=1)
    confirm(practice, person, asked.id)
    done = progress(practice, person, asked.id)
    assert (done.confirmed_at, done.ended) == (practice.clock(), True)
    lines = [line.text for line in trace(practice.db, asked.id).lines]
    assert lines == [
        "test notification asked for", "sent to phone (attempt 1)", "phone confirmed"
    ]  # fmt: skip


def test_quiet_hours_a_pause_a_cap_and_a_gap_do_not_stop_it(practice: Practice):
    practice.clock.now = NIGHT
    document = protocol(fixed("09:00"), quiet="21:30-08:00", per_day=1, min_gap="3h")
    person = practice.enrol(document)
    day = NIGHT.date().isoformat()
    rules = {"pauses": [{"from": day, "to": day}]}
    patient_rules.set_rules(
        practice.db, person.patient.id, rules, by="P", expected_version=0, now=practice.clock()
    )
    for _ in range(2):
        asked = ask(practice, person)
        practice.tick()
        assert progress(practice, person, asked.id).state == State.ACCEPTED


def test_it_takes_no_place_of_the_day_and_no_gap(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00"), per_day=1, min_gap="1h"))
    practice.plan()
    practice.clock.now = NINE - MINUTE
    ask(practice, person)
    practice.tick()
    practice.clock.now = NINE
    practice.decide()
    practice.tick()
    assert practice.prompts(person)[0].state == State.ACCEPTED
    assert len(practice.pusher.pushed) == 2


def test_it_is_no_prompt_of_any_list_count_or_lesson(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")))
    asked = ask(practice, person)
    practice.tick()
    confirm(practice, person, asked.id)
    today = MONDAY.date()
    with practice.db.read() as tx:
        assert reports.prompt_records(tx, person.patient.id, first=today, last=today) == (
            [one for one in practice.prompts(person) if one.id != asked.id]
        )
        assert asked.id not in {one.id for one in practice.prompts(person)}
        assert answers.open_prompts(tx, person.patient.id, now=practice.clock()) == []
        assert answers.progress(tx, person.patient.id, today, today) == (0, 0)
        assert reports.totals(tx)["sent"] == 0
    practice.clock.forward(hours=1)
    learner = Learner(practice.db, epsilon=0.1, refit_hour_utc=3)
    assert learner.update(now=practice.clock()) == 0
    with practice.db.read() as tx:
        assert learning.last_seq(tx) == 0


def test_it_cannot_be_answered_put_off_or_declined(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")))
    asked = ask(practice, person)
    practice.tick()
    phone = person.phones[0]
    with pytest.raises(FieldsRefused, match="not a prompt"):
        answer(practice, person, asked.id)
    with pytest.raises(Conflict):
        postponing.snooze(practice.db, phone, asked.id, 15, now=practice.clock())
    with pytest.raises(Conflict):
        postponing.not_now(practice.db, phone, asked.id, "work", now=practice.clock())


def test_the_fourth_in_ten_minutes_is_refused_until_the_first_is_ten_minutes_old(
    practice: Practice,
):
    person = practice.enrol(protocol(fixed("20:00")))
    other = practice.enrol(protocol(fixed("20:00")))
    for _ in range(MOST_TESTS):
        ask(practice, person)
        practice.clock.forward(minutes=1)
    with pytest.raises(TooOften) as refused:
        ask(practice, person)
    assert refused.value.again_in == 7 * MINUTE
    assert ask(practice, other).ended is False, "each patient has their own"
    practice.clock.forward(minutes=7)
    assert ask(practice, person).state == State.PLANNED


def test_one_that_is_not_sent_within_five_minutes_expires_unsent(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")))
    asked = ask(practice, person)
    practice.clock.forward(minutes=5)
    assert progress(practice, person, asked.id).ended
    practice.tick()
    found = progress(practice, person, asked.id)
    assert (found.state, found.reason) == (State.EXPIRED, Reason.NOT_IN_TIME)
    assert practice.pusher.pushed == []


def test_without_a_phone_or_refused_it_ends_with_the_reason(practice: Practice):
    nobody = practice.enrol(protocol(fixed("20:00")), phones=0)
    refused = practice.enrol(protocol(fixed("20:00")))
    first, second = ask(practice, nobody), ask(practice, refused)
    practice.pusher.script = [REFUSED]
    practice.tick()
    found = progress(practice, nobody, first.id)
    assert (found.state, found.reason, found.ended) == (State.FAILED, Reason.NO_PHONE, True)
    assert progress(practice, refused, second.id).reason == Reason.REFUSED


def test_another_patients_test_and_a_prompt_are_not_found(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    other = practice.enrol(protocol(fixed("09:00")))
    asked = ask(practice, person)
    practice.plan()
    for patient, one in ((other, asked.id), (person, practice.prompts(person)[0].id)):
        with pytest.raises(NotFound):
            progress(practice, patient, one)


def test_an_assignment_of_the_protocol_called_test_is_not_in_its_way(practice: Practice):
    person = practice.enrol(protocol(fixed("08:30", id="test")))
    practice.plan()
    ask(practice, person)
    practice.live(NINE, step=MINUTE)
    assert len(practice.pusher.pushed) == 2
