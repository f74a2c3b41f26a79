"""Reminders, snoozes and "not now": what repeats a prompt, and what ends that."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from schedule_steps import CALM, answer, change, live

from engine.commands import answering
from engine.commands.postponing import MOST_SNOOZES, not_now, snooze
from engine.errors import Conflict, FieldsRefused, NotFound
from engine.prompt import State
from engine.repeats import repeat_id
from engine.store import learning, repeats, windows
from prompting.learning import Learner

MINUTE = timedelta(minutes=1)


def minutes(*numbers: int) -> list[timedelta]:
    return [timedelta(minutes=number) for number in numbers]


def sent(practice: Practice, person: Person) -> list[tuple[timedelta, int]]:
    """Return when each push left, from nine on, and the number of the repeat it was."""
    return [(at - NINE, push.repeat) for at, push in practice.pusher.log]


@pytest.fixture
def patient(practice: Practice) -> Person:
    """A person with a check-in at nine, repeated after 15 and 30 minutes."""
    practice.pusher.log = []
    practice.pusher.before = lambda pushes: practice.pusher.log.extend(
        (practice.clock(), push) for push in pushes
    )
    return practice.enrol(
        protocol(
            fixed("09:00", "12:00", reminders=["15m", "30m"]), quiet="21:00-08:00", min_gap="45m"
        )
    )


def the_prompt(practice: Practice, person: Person):
    return next(p for p in practice.prompts(person) if p.sent_at)


def test_an_unanswered_prompt_is_repeated_under_its_own_name(practice: Practice, patient: Person):
    live(practice, NINE + timedelta(hours=1))
    assert sent(practice, patient) == [
        (minute, number) for number, minute in enumerate(minutes(0, 15, 30))
    ]
    assert {push.prompt_id for push in practice.pusher.pushed} == {the_prompt(practice, patient).id}


def test_an_answer_ends_the_reminders(practice: Practice, patient: Person):
    live(practice, NINE + 20 * MINUTE)
    answer(practice, patient, the_prompt(practice, patient).id)
    live(practice, NINE + timedelta(hours=1))
    assert [number for _, number in sent(practice, patient)] == [0, 1]


def test_reminders_survive_a_worker_that_dies_after_the_draw(practice: Practice, patient: Person):
    """They are stored with the draw: whoever sends the prompt, its reminders are there."""
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    for _ in range(2):  # another worker goes on, again and again
        live(practice, practice.clock() + 40 * MINUTE)
    assert [number for _, number in sent(practice, patient)] == [0, 1, 2]


def test_reminders_count_neither_as_prompts_nor_for_the_cap(practice: Practice):
    person = practice.enrol(
        protocol(fixed("09:00", "12:00", reminders=["15m", "30m"]), per_day=2, min_gap="45m")
    )
    live(practice, NINE + timedelta(hours=4), step=5 * MINUTE)
    today = practice.prompts(person, MONDAY.date())
    assert [p.state for p in today] == [State.ACCEPTED] * 2
    with practice.db.read() as tx:
        assert answering.progress_in(tx, person.patient.id, now=practice.clock())["sent"] == 2


def test_a_window_with_a_drawn_slot_has_its_reminders_from_there(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-11:00", reminders=["10m"])))
    live(practice, NINE + timedelta(hours=4))
    (prompt,) = practice.prompts(person, MONDAY.date())
    assert [push.repeat for push in practice.pusher.pushed] == [0, 1]
    assert prompt.sent_at == prompt.due_at


def test_a_new_version_changes_the_reminders_of_what_is_drawn_and_not_sent(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-11:00", reminders=["10m"])))
    practice.plan()
    practice.clock.now = NINE - 5 * MINUTE
    practice.decide()
    change(practice, person, protocol(windowed("09:00-11:00", reminders=["20m", "40m"])))
    live(practice, NINE + timedelta(hours=4))
    assert [push.repeat for push in practice.pusher.pushed] == [0, 1, 2]


def test_a_cancelled_prompt_takes_its_reminders_with_it(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-11:00", reminders=["10m"])))
    practice.plan()
    practice.clock.now = NINE - 5 * MINUTE
    practice.decide()
    change(practice, person, protocol(fixed("20:00", id="other")))
    live(practice, NINE + timedelta(hours=4))
    assert practice.pusher.pushed == []


def test_a_snoozed_prompt_comes_again_and_stays_open_longer(practice: Practice, patient: Person):
    live(practice, NINE + 50 * MINUTE)
    prompt = the_prompt(practice, patient)
    snoozed = snooze(practice.db, patient.phones[0], prompt.id, 30, now=practice.clock())
    assert snoozed.due_at == NINE + 80 * MINUTE
    assert snoozed.expires_at == NINE + 140 * MINUTE
    assert snoozed.left == MOST_SNOOZES - 1
    live(practice, NINE + 100 * MINUTE)
    assert sent(practice, patient)[3:] == [(80 * MINUTE, 3)]
    answer(practice, patient, prompt.id)
    assert practice.prompt(patient, prompt.id).late is False


def test_a_snooze_stands_in_place_of_the_reminders_left(practice: Practice, patient: Person):
    live(practice, NINE + 5 * MINUTE)
    snooze(practice.db, patient.phones[0], the_prompt(practice, patient).id, 60,
           now=practice.clock())  # fmt: skip
    live(practice, NINE + timedelta(hours=2))
    assert sent(practice, patient) == [(0 * MINUTE, 0), (65 * MINUTE, 3)]


def test_a_snooze_ends_where_the_next_prompt_begins(practice: Practice, patient: Person):
    live(practice, NINE + 50 * MINUTE)
    prompt = the_prompt(practice, patient)
    snoozed = snooze(practice.db, patient.phones[0], prompt.id, 125, now=practice.clock())
    assert snoozed.expires_at == NINE + timedelta(hours=3)
    with pytest.raises(FieldsRefused, match=r"the next one may come at 12:00; choose at most 129"):
        snooze(practice.db, patient.phones[0], prompt.id, 140, now=practice.clock())


def test_a_prompt_is_snoozed_three_times_at_most(practice: Practice, patient: Person):
    live(practice, NINE + MINUTE)
    prompt = the_prompt(practice, patient)
    for left in (2, 1, 0):
        told = snooze(practice.db, patient.phones[0], prompt.id, 5, now=practice.clock())
        assert told.left == left
        live(practice, practice.clock() + 6 * MINUTE)
    with pytest.raises(Conflict, match="3 times already"):
        snooze(practice.db, patient.phones[0], prompt.id, 5, now=practice.clock())
    with practice.db.read() as tx:
        assert repeats.repeats_of(tx, prompt.id) == (3, 5)


@pytest.mark.parametrize(("after", "left"), [(0, 30), (1, 30), (3, 27), (28, 5)])
def test_a_snooze_whose_reply_was_lost_is_the_same_one_when_the_phone_asks_again(
    practice: Practice, patient: Person, after: int, left: int
):
    live(practice, NINE + MINUTE)
    prompt = the_prompt(practice, patient)
    told = snooze(practice.db, patient.phones[0], prompt.id, 30, now=practice.clock())
    live(practice, practice.clock() + after * MINUTE)
    again = snooze(practice.db, patient.phones[0], prompt.id, left, now=practice.clock())
    assert again == told
    live(practice, NINE + timedelta(hours=2))
    assert [at for at, repeat in sent(practice, patient) if repeat] == [31 * MINUTE]


def test_another_time_is_another_snooze(practice: Practice, patient: Person):
    live(practice, NINE + MINUTE)
    prompt = the_prompt(practice, patient)
    snooze(practice.db, patient.phones[0], prompt.id, 30, now=practice.clock())
    later = snooze(practice.db, patient.phones[0], prompt.id, 60, now=practice.clock())
    assert later.left == 1
    live(practice, NINE + timedelta(hours=2))
    assert [at for at, repeat in sent(practice, patient) if repeat] == [61 * MINUTE]


def test_of_a_snooze_that_a_worker_held_and_a_newer_one_the_newer_is_the_one_said_again(
    practice: Practice, patient: Person, monkeypatch: pytest.MonkeyPatch
):
    live(practice, NINE + MINUTE)
    prompt = the_prompt(practice, patient)
    snooze(practice.db, patient.phones[0], prompt.id, 30, now=practice.clock())
    with monkeypatch.context() as patch:
        # What a worker has locked is left to it, so nothing is cancelled.
        patch.setattr(windows, "cancel_repeats", lambda *_args, **_options: None)
        told = snooze(practice.db, patient.phones[0], prompt.id, 60, now=practice.clock())
    assert snooze(practice.db, patient.phones[0], prompt.id, 60, now=practice.clock()) == told


@pytest.mark.parametrize("number", [0, 4, 181, -5])
def test_a_snooze_has_from_5_to_180_minutes(practice: Practice, patient: Person, number: int):
    live(practice, NINE + MINUTE)
    with pytest.raises(FieldsRefused, match="must be from 5 to 180"):
        snooze(practice.db, patient.phones[0], the_prompt(practice, patient).id, number,
               now=practice.clock())  # fmt: skip


def test_nothing_is_snoozed_into_quiet_hours(practice: Practice):
    person = practice.enrol(protocol(fixed("20:30"), quiet="21:00-08:00"))
    practice.clock.now = datetime(2027, 3, 1, 19, 29, tzinfo=UTC)
    live(practice, practice.clock() + 2 * MINUTE)
    prompt = the_prompt(practice, person)
    now = practice.clock()
    with pytest.raises(FieldsRefused, match=r"21:00 is in quiet hours"):
        snooze(practice.db, person.phones[0], prompt.id, 29, now=now)
    assert snooze(practice.db, person.phones[0], prompt.id, 28, now=now).due_at < now + 29 * MINUTE


def test_only_an_open_prompt_of_ones_own_is_snoozed(practice: Practice, patient: Person):
    other = practice.enrol(protocol(fixed("09:00")))
    live(practice, NINE + MINUTE)
    prompt, now = the_prompt(practice, patient), practice.clock()
    for prompt_id in (uuid4(), the_prompt(practice, other).id, repeat_id(prompt.id, 1)):
        with pytest.raises(NotFound):
            snooze(practice.db, patient.phones[0], prompt_id, 5, now=now)
    with pytest.raises(Conflict, match="not open"):
        snooze(practice.db, patient.phones[0], prompt.id, 5, now=prompt.expires_at)
    answer(practice, patient, prompt.id)
    with pytest.raises(Conflict, match="not open"):
        snooze(practice.db, patient.phones[0], prompt.id, 5, now=now)


def declined(practice: Practice, patient: Person, reason: str = "driving"):
    prompt = the_prompt(practice, patient)
    not_now(practice.db, patient.phones[0], prompt.id, reason, now=practice.clock())
    return practice.prompt(patient, prompt.id)


def test_not_now_is_logged_and_ends_prompt_and_reminders(practice: Practice, patient: Person):
    live(practice, NINE + 5 * MINUTE)
    prompt = declined(practice, patient)
    assert (prompt.unavailable, prompt.declined_at) == ("driving", practice.clock())
    assert prompt.delivered_at == practice.clock()
    with practice.db.read() as tx:
        assert answering.answers.open_prompts(tx, patient.patient.id, now=practice.clock()) == []
    live(practice, NINE + timedelta(hours=1))
    assert sent(practice, patient) == [(0 * MINUTE, 0)]


def test_not_now_said_again_changes_nothing(practice: Practice, patient: Person):
    live(practice, NINE + MINUTE)
    before = declined(practice, patient)
    practice.clock.forward(minutes=1)
    assert declined(practice, patient, "work") == before


def test_an_answer_after_all_is_kept(practice: Practice, patient: Person):
    live(practice, NINE + MINUTE)
    prompt = declined(practice, patient)
    answer(practice, patient, prompt.id, CALM)
    assert practice.prompt(patient, prompt.id).answered_at == practice.clock()


def test_not_now_needs_a_reason_from_the_list_and_an_open_prompt(
    practice: Practice, patient: Person
):
    live(practice, NINE + MINUTE)
    prompt, phone, now = the_prompt(practice, patient), patient.phones[0], practice.clock()
    with pytest.raises(FieldsRefused, match="must be one of: driving, work, asleep, other"):
        not_now(practice.db, phone, prompt.id, "bored", now=now)
    with pytest.raises(NotFound):
        not_now(practice.db, phone, uuid4(), "work", now=now)
    with pytest.raises(Conflict):
        not_now(practice.db, phone, prompt.id, "work", now=prompt.expires_at)
    other = practice.enrol(protocol(fixed("20:00")))
    declined(practice, patient)
    with pytest.raises(NotFound):
        not_now(practice.db, other.phones[0], prompt.id, "work", now=now)


@pytest.mark.parametrize("learned_first", [False, True])
def test_nothing_is_learned_from_the_silence_of_who_was_not_free(
    practice: Practice, learned_first: bool
):
    person = practice.enrol(protocol(windowed("09:00-09:15")), control_share=1.0)
    live(practice, NINE + 20 * MINUTE)
    learner = Learner(practice.db, epsilon=0.1, refit_hour_utc=3)
    if learned_first:
        assert learner.close_outcomes(now=practice.clock()) == 1
    declined(practice, person)
    learner.close_outcomes(now=practice.clock() + timedelta(hours=2))
    with practice.db.read() as tx:
        assert learning.outcomes_after(tx, 0) == []
