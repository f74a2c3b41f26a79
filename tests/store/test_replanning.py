"""A new version against what stands: several a window, decision points, phases, wrong clocks."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from schedule_steps import CALM, LIBRARY, change, live

from engine.commands import answering
from engine.localtime import tzdata_version
from engine.prompt import State
from engine.store import reports, windows

TODAY = MONDAY.date()


def several(number: int, gap: str = "30m") -> dict[str, object]:
    one = windowed("09:00-12:00", timing="uniform", expires_after="15m")
    one["trigger"] |= {"per_window": number, "gap": gap}
    return one


def nudge(probability: float) -> dict[str, object]:
    trigger = {"kind": "micro_randomised", "at": ["09:00", "15:00"], "probability": probability}
    return {"content": "checkin.momentary", "trigger": trigger}


def stored(practice: Practice, person: Person):
    with practice.db.read() as tx:
        return windows.windows_from(tx, person.enrolment.id, TODAY)


def test_a_window_tells_what_its_instants_rest_on(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    practice.plan()
    window = stored(practice, person)[0]
    assert (window.tzdata, window.offset) == (tzdata_version(), timedelta(hours=1))


@pytest.mark.parametrize(("old", "new"), [(2, 3), (3, 2), (2, 1), (1, 2)])
def test_more_or_fewer_prompts_a_window_change_what_is_not_drawn(
    practice: Practice, old: int, new: int
):
    person = practice.enrol(protocol(several(old)))
    practice.plan()
    before = {w.id for w in stored(practice, person)}
    change(practice, person, protocol(several(new)))
    today = [w for w in stored(practice, person) if w.local_date == TODAY]
    assert [(w.number, w.remaining) for w in today] == [(n, new - n) for n in range(new)]
    after = {w.id for w in stored(practice, person)}
    assert before <= after or after <= before, "what both have keeps its identity"


def test_what_is_drawn_of_a_window_stays_when_it_is_to_hold_more(practice: Practice):
    person = practice.enrol(protocol(several(2)))
    practice.plan()
    practice.clock.now = NINE - timedelta(minutes=5)
    practice.decide()
    drawn = {p.id: p.due_at for p in practice.prompts(person, TODAY)}
    change(practice, person, protocol(several(3)))
    practice.decide()
    now = {p.id: p.due_at for p in practice.prompts(person, TODAY)}
    assert {key: now[key] for key in drawn} == drawn
    (third,) = [p for p in practice.prompts(person, TODAY) if p.id not in drawn]
    gap = timedelta(minutes=30)
    assert third.due_at is None or third.due_at - max(drawn.values()) >= gap
    assert third.due_at is not None or third.reason == "no room for another in its window"


def test_a_new_probability_holds_for_decision_points_to_come_and_no_drawn_one(
    practice: Practice,
):
    person = practice.enrol(protocol(nudge(0.5)))
    live(practice, NINE + timedelta(minutes=2))
    first = practice.prompts(person, TODAY)[0]
    assert first.state in {State.WITHHELD, State.ACCEPTED}
    change(practice, person, protocol(nudge(0.9)))
    assert [w.probability for w in stored(practice, person)][:2] == [0.5, 0.9]
    live(practice, NINE + timedelta(minutes=10))
    assert practice.prompt(person, first.id) == first, "decided once"


def test_a_new_phase_takes_prompts_away_and_marks_those_that_stay(practice: Practice):
    both = [fixed("09:00", id="a"), fixed("18:00", id="b")]
    person = practice.enrol(protocol(*both))
    practice.plan()
    phased = protocol(both[0] | {"phases": ["early"]}, both[1]) | {
        "phases": [{"name": "early", "days": 1}, {"name": "late"}]
    }
    change(practice, person, phased)
    found = [(p.local_date - TODAY, p.assignment, p.phase) for p in practice.prompts(person)]
    tomorrow = timedelta(days=1)
    assert found[:3] == [
        (timedelta(0), "a", "early"), (timedelta(0), "b", "early"), (tomorrow, "b", "late"),
    ]  # fmt: skip


def answered_with_a_clock_off_by(practice: Practice, **off: float) -> Person:
    person = practice.enrol(protocol(fixed("09:00")))
    live(practice, NINE + timedelta(minutes=2))
    prompt = next(p for p in practice.prompts(person) if p.sent_at)
    its_now = practice.clock() + timedelta(**off)
    answering.submit_response(
        practice.db,
        person.phones[0],
        answering.Submission(
            id=uuid4(),
            prompt_id=prompt.id,
            content_id="checkin.momentary",
            content_version=LIBRARY.get("checkin.momentary").version,
            answers=dict(CALM),
            opened_at=None,
            answered_at=its_now - timedelta(seconds=30),
        ),
        LIBRARY,
        device_now=its_now,
        now=practice.clock(),
    )
    return person


@pytest.mark.parametrize(
    ("minutes", "told"), [(0, False), (5, False), (-5, False), (6, True), (-6, True), (3_000, True)]
)
def test_a_phone_whose_clock_is_far_off_is_told_of_and_its_answer_kept(
    practice: Practice, minutes: int, told: bool
):
    person = answered_with_a_clock_off_by(practice, minutes=minutes)
    prompt = next(p for p in practice.prompts(person) if p.sent_at)
    assert prompt.answered_at == practice.clock() - timedelta(seconds=30)
    with practice.db.read() as tx:
        skews = reports.clock_skews(tx, [person.patient.id])
    assert skews == ({person.patient.id: timedelta(minutes=minutes)} if told else {})
