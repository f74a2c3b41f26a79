"""What patients start by themselves: there at once, never pushed, part of no count."""

from datetime import timedelta

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol
from schedule_steps import CALM, DISTRESS, after, answer, followed, live

from engine.commands import answering
from engine.commands.starting import Startable, start, startable
from engine.compliance import tally
from engine.errors import Conflict, NotFound
from engine.prompt import State
from engine.records import PATIENT_INITIATED, Counts
from engine.store import learning, reports
from prompting.learning import Learner

MINUTE = timedelta(minutes=1)


def own(**assignment: object) -> dict[str, object]:
    trigger = {"kind": "patient_initiated"}
    if "per_day" in assignment:
        trigger["per_day"] = assignment.pop("per_day")
    return {"content": "checkin.momentary", "id": "own", "trigger": trigger, **assignment}


def begin(practice: Practice, person: Person):
    return start(practice.db, person.phones[0], "own", now=practice.clock())


def test_what_may_be_started_is_listed_with_what_is_left(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00"), own(per_day=2), own(id="more")))
    listed = startable(practice.db, person.phones[0], now=practice.clock())
    assert listed == [
        Startable(assignment="own", content_id="checkin.momentary", left=2),
        Startable(assignment="more", content_id="checkin.momentary", left=None),
    ]
    begin(practice, person)
    assert startable(practice.db, person.phones[0], now=practice.clock())[0].left == 1


def test_what_is_started_can_be_answered_at_once_and_is_never_pushed(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00"), own(expires_after="30m")))
    prompt = begin(practice, person)
    with practice.db.read() as tx:
        assert answering.answers.open_prompts(tx, person.patient.id, now=practice.clock()) == [
            prompt
        ]
    assert prompt.expires_at == practice.clock() + timedelta(minutes=30)
    live(practice, practice.clock() + 5 * MINUTE)
    answer(practice, person, prompt.id)
    live(practice, practice.clock() + 5 * MINUTE)
    (found,) = [p for p in practice.prompts(person) if p.timing == PATIENT_INITIATED]
    assert (found.state, found.sent_at) == (State.ACCEPTED, None)
    assert found.answered_at == MONDAY + 5 * MINUTE
    assert practice.pusher.pushed == []


def test_starting_again_returns_what_is_open_still(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00"), own()))
    first = begin(practice, person)
    practice.clock.forward(minutes=5)
    assert begin(practice, person) == first
    answer(practice, person, first.id)
    assert begin(practice, person).id != first.id


def test_the_daily_number_is_kept_and_the_refusal_says_so(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00"), own(per_day=2)))
    for _ in range(2):
        answer(practice, person, begin(practice, person).id)
    with pytest.raises(Conflict, match="own: started 2 times today already"):
        begin(practice, person)
    practice.clock.forward(days=1)
    begin(practice, person)


def test_only_what_the_protocol_offers_now_can_be_started(practice: Practice):
    document = protocol(fixed("20:00"), own(phases=["later"])) | {
        "phases": [{"name": "first", "days": 2}, {"name": "later"}]
    }
    person = practice.enrol(document)
    phone = person.phones[0]
    assert startable(practice.db, phone, now=practice.clock()) == []
    for name in ("own", "checkin.momentary", "no-such"):
        with pytest.raises(NotFound):
            start(practice.db, phone, name, now=practice.clock())
    practice.clock.forward(days=2)
    begin(practice, person)


def test_what_is_started_takes_no_place_keeps_no_gap_and_is_in_no_figure(practice: Practice):
    person = practice.enrol(
        protocol(fixed("09:00"), own(), per_day=1, min_gap="2h"), control_share=1.0
    )
    practice.clock.now = NINE - 10 * MINUTE
    answer(practice, person, begin(practice, person).id)
    live(practice, NINE + timedelta(hours=2))
    today = practice.prompts(person, MONDAY.date())
    assert [p.state for p in today if p.timing == "fixed"] == [State.ACCEPTED]
    assert tally(today) == Counts(planned=1, sent=1)
    with practice.db.read() as tx:
        counted = reports.totals(tx)
        week = answering.progress_in(tx, person.patient.id, now=practice.clock())
    assert (counted["sent"], counted["answered"]) == (1, 0)
    assert (week["sent"], week["answered"]) == (1, 0)
    Learner(practice.db, epsilon=0.1, refit_hour_utc=3).close_outcomes(now=practice.clock())
    with practice.db.read() as tx:
        assert learning.outcomes_after(tx, 0) == []


def test_an_overdue_prompt_is_not_overtaken_by_something_started(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00"), own()))
    practice.plan()
    practice.clock.now = NINE + 10 * MINUTE
    practice.decide()
    begin(practice, person)
    practice.clock.forward(minutes=10)
    practice.tick()
    assert len(practice.pusher.pushed) == 1


def test_an_answer_to_something_started_is_followed_like_any_other(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00"), own(), after(DISTRESS)))
    answer(practice, person, begin(practice, person).id, CALM)
    assert followed(practice, person) == []
    answer(practice, person, begin(practice, person).id)
    assert len(followed(practice, person)) == 1
