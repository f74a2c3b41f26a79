"""What follows an answer, a report or a silence, and what keeps it from following."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from fakes import MONDAY, NINE, Person, Practice, at_nine, fixed, protocol
from schedule_steps import (
    CALM,
    DISTRESS,
    UPSET,
    after,
    answer,
    followed,
    live,
    logged,
)

from engine.commands.following import notice_missed
from engine.commands.postponing import not_now
from engine.errors import Conflict
from engine.prompt import State
from engine.records import LogKind

MINUTE = timedelta(minutes=1)


def sent_at_nine(practice: Practice, *followers: dict, **limits: object) -> Person:
    """Return a person who was sent a check-in at nine; what else the protocol has follows."""
    document = protocol(fixed("09:00"), *followers, **limits)
    person = practice.enrol(document)
    live(practice, NINE + MINUTE)
    return person


def check_in(practice: Practice, person: Person):
    return next(p for p in practice.prompts(person) if p.sent_at and p.timing == "fixed")


def reasons(practice: Practice, person: Person) -> list[str]:
    return [e.detail["reason"] for e in logged(practice, person, LogKind.NOT_FOLLOWED)]


def test_a_prompt_follows_an_answer_that_meets_the_condition(practice: Practice):
    person = sent_at_nine(practice, after(DISTRESS, delay="5m", expires_after="30m"))
    answer(practice, person, check_in(practice, person).id)
    (planned,) = followed(practice, person)
    assert planned.start_at == practice.clock() + timedelta(minutes=5)
    live(practice, practice.clock() + timedelta(minutes=7))
    (sent,) = followed(practice, person)
    assert (sent.state, sent.sent_at, sent.content_id) == (
        State.ACCEPTED, planned.start_at, "cbt.thought-record",
    )  # fmt: skip
    assert sent.expires_at == planned.start_at + timedelta(minutes=30)


def test_nothing_follows_an_answer_that_does_not(practice: Practice):
    person = sent_at_nine(practice, after(DISTRESS))
    answer(practice, person, check_in(practice, person).id, CALM)
    assert followed(practice, person) == []
    assert logged(practice, person, LogKind.NOT_FOLLOWED) == []


@pytest.mark.parametrize(
    ("when", "follows"),
    [
        ({"item": "checkin.momentary.stress", "op": "gt", "value": 94}, True),
        ({"item": "checkin.momentary.stress", "op": "gt", "value": 95}, False),
        ({"item": "checkin.momentary.stress", "op": "eq", "value": 95}, True),
        ({"item": "checkin.momentary.stress", "op": "ne", "value": 95}, False),
        ({"item": "checkin.momentary.valence", "op": "lt", "value": 11}, True),
        ({"item": "checkin.momentary.valence", "op": "le", "value": 9}, False),
    ],
)
def test_an_item_is_compared_as_a_score_is(on_sqlite: Practice, when: dict, follows: bool):
    person = sent_at_nine(on_sqlite, after(when))
    answer(on_sqlite, person, check_in(on_sqlite, person).id)
    assert bool(followed(on_sqlite, person)) == follows


def test_the_same_answer_again_brings_nothing_more(practice: Practice):
    person = sent_at_nine(practice, after(DISTRESS))
    response_id, prompt_id = uuid4(), check_in(practice, person).id
    at = practice.clock()
    for _ in range(3):
        answer(practice, person, prompt_id, at=at, response_id=response_id)
    assert len(followed(practice, person)) == 1


def test_an_answer_that_cannot_be_stored_brings_nothing(practice: Practice):
    person = sent_at_nine(practice, after(DISTRESS))
    prompt_id = check_in(practice, person).id
    answer(practice, person, prompt_id, CALM)
    with pytest.raises(Conflict):
        answer(practice, person, prompt_id, UPSET)
    assert followed(practice, person) == []


def test_what_follows_does_not_wait_for_the_gap_to_its_cause(practice: Practice):
    person = sent_at_nine(practice, after(DISTRESS, delay="5m"), min_gap="45m")
    answer(practice, person, check_in(practice, person).id)
    live(practice, NINE + timedelta(minutes=10))
    (sent,) = followed(practice, person)
    assert sent.sent_at == NINE + timedelta(minutes=6)


def test_what_follows_gives_way_to_a_set_time_too_near(practice: Practice):
    person = practice.enrol(
        protocol(fixed("09:00"), fixed("10:00", id="ten"), after(DISTRESS), min_gap="45m")
    )
    live(practice, NINE + timedelta(minutes=20))
    answer(practice, person, check_in(practice, person).id)
    live(practice, NINE + timedelta(minutes=70))
    (given_way,) = followed(practice, person)
    assert (given_way.state, given_way.sent_at) == (State.CANCELLED, None)
    assert given_way.reason == "no slot keeps the minimum gap to other prompts"
    ten = next(p for p in practice.prompts(person, MONDAY.date()) if p.assignment == "ten")
    assert ten.state == State.ACCEPTED


def test_with_precedence_it_is_the_set_time_that_gives_way(practice: Practice):
    person = practice.enrol(
        protocol(
            fixed("09:00"), fixed("10:00", id="ten"), after(DISTRESS, priority=1), min_gap="45m"
        )
    )
    live(practice, NINE + timedelta(minutes=20))
    answer(practice, person, check_in(practice, person).id)
    live(practice, NINE + timedelta(minutes=70))
    assert [p.state for p in followed(practice, person)] == [State.ACCEPTED]
    ten = next(p for p in practice.prompts(person, MONDAY.date()) if p.assignment == "ten")
    assert ten.state == State.CANCELLED


def test_an_event_that_is_known_too_late_is_not_followed(practice: Practice):
    person = sent_at_nine(practice, after(DISTRESS, delay="5m", expires_after="30m"))
    prompt_id = check_in(practice, person).id
    at = practice.clock()
    practice.clock.now = at + timedelta(minutes=36)  # the phone was off line
    answer(practice, person, prompt_id, at=at)
    assert followed(practice, person) == []
    assert reasons(practice, person) == ["known too late"]


def test_a_prompt_follows_a_missed_one_once(practice: Practice):
    person = sent_at_nine(practice, after({"missed": "checkin.momentary"}, delay="10m"))
    expires_at = check_in(practice, person).expires_at
    practice.clock.now = expires_at - MINUTE
    assert notice_missed(practice.db, now=practice.clock()) == 0
    practice.clock.now = expires_at
    assert notice_missed(practice.db, now=practice.clock()) == 1
    assert notice_missed(practice.db, now=practice.clock()) == 0
    (one,) = followed(practice, person)
    assert one.start_at == expires_at + timedelta(minutes=10)


def test_an_answered_prompt_is_not_missed(practice: Practice):
    person = sent_at_nine(practice, after({"missed": "checkin.momentary"}))
    answer(practice, person, check_in(practice, person).id, CALM)
    assert notice_missed(practice.db, now=NINE + timedelta(days=1)) == 0


def test_a_prompt_for_which_the_patient_was_not_free_is_not_missed(practice: Practice):
    person = sent_at_nine(practice, after({"missed": "checkin.momentary"}))
    not_now(practice.db, person.phones[0], check_in(practice, person).id, "driving",
            now=practice.clock())  # fmt: skip
    assert notice_missed(practice.db, now=NINE + timedelta(days=1)) == 0


def test_a_prompt_that_may_not_have_arrived_is_not_missed(practice: Practice):
    person = at_nine(practice)
    practice.pusher.script = [OSError("broken")]
    with pytest.raises(OSError, match="broken"):
        practice.tick()
    practice.lapse()
    assert notice_missed(practice.db, now=NINE + timedelta(days=1)) == 0
    assert followed(practice, person) == []


def test_silences_of_a_long_outage_bring_no_late_prompts(practice: Practice):
    person = sent_at_nine(
        practice, after({"missed": "checkin.momentary"}, delay="10m", expires_after="30m")
    )
    assert notice_missed(practice.db, now=NINE + timedelta(days=3)) == 0
    assert reasons(practice, person) == ["known too late"]


def test_workers_that_notice_together_bring_one_prompt(practice: Practice):
    person = sent_at_nine(practice, after({"missed": "checkin.momentary"}, delay="10m"))
    now = check_in(practice, person).expires_at
    with ThreadPoolExecutor(4) as workers:
        noticed = list(workers.map(lambda _: notice_missed(practice.db, now=now), range(4)))
    assert sorted(noticed) == [0, 0, 0, 1]
    assert len(followed(practice, person)) == 1


def test_answers_that_come_together_keep_the_cooldown(practice: Practice):
    checks = [fixed("09:00", id=f"a{number}") for number in range(3)]
    person = practice.enrol(protocol(*checks, after(DISTRESS, cooldown="2h")))
    live(practice, NINE + MINUTE)
    sent = [p.id for p in practice.prompts(person) if p.sent_at]
    assert len(sent) == 3
    with ThreadPoolExecutor(3) as phones:
        list(phones.map(lambda prompt_id: answer(practice, person, prompt_id), sent))
    assert len(followed(practice, person)) == 1
    assert reasons(practice, person) == ["cooldown", "cooldown"]
