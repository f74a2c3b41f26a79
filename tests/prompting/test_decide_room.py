"""Room and chance: several prompts a window, decision points, caps and precedence."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from uuid import UUID, uuid4

import pytest
from builders import stored_window
from fakes import BERLIN, MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from scipy.stats import chisquare

from engine.commands import enrolling
from engine.draws import happens
from engine.prompt import State
from engine.protocol import parse_protocol
from engine.records import Patient, PromptRecord
from engine.store import places
from prompting.decide import Policies, draw_slots
from prompting.policies import UniformPolicy

TODAY = MONDAY.date()
HOUR = timedelta(hours=1)


def several(span: str, number: int, gap: str, **trigger: object) -> dict[str, object]:
    """Return an assignment with so many prompts in one window, so far apart."""
    one = windowed(span, timing="uniform")
    one["trigger"] |= {"per_window": number, "gap": gap, **trigger}
    return one | {"expires_after": "15m"}


def by_chance(*times: str, probability: float = 0.5, **assignment: object) -> dict[str, object]:
    return {
        "content": "checkin.momentary",
        "id": "nudge",
        "trigger": {"kind": "micro_randomised", "at": list(times), "probability": probability},
        **assignment,
    }


def enrol(practice: Practice, document: dict[str, object], number: int) -> Person:
    """Return a person whose every draw is settled by their number."""
    patient = Patient(id=uuid4(), name=f"N-{number}", zone=BERLIN, created_at=practice.clock())
    course = enrolling.Course(protocol=parse_protocol(document), seed=number, control_share=0.2)
    enrolment = enrolling.add_patient(
        practice.db, patient, course, therapist_ids=[], by="test", enrolment_id=UUID(int=number)
    )
    return Person(patient, enrolment, (practice.add_phone(patient),))


def drawn_day(practice: Practice, person: Person) -> list[PromptRecord]:
    """Return the prompts of a Monday once all of its windows have been drawn."""
    practice.clock.now = MONDAY
    practice.plan()
    for hours in range(16):
        practice.clock.now = MONDAY + hours * HOUR
        practice.decide()
    return practice.prompts(person, TODAY)


def test_several_prompts_of_a_window_keep_their_gap(anywhere: Practice):
    people = [anywhere.enrol(protocol(several("09:00-12:00", 3, "45m"))) for _ in range(8)]
    anywhere.plan()
    anywhere.clock.now = NINE
    assert anywhere.decide() == 24
    for person in people:
        at = [p.due_at for p in anywhere.prompts(person, TODAY)]
        assert at == sorted(at)
        assert all(later - earlier >= timedelta(minutes=45) for earlier, later in pairwise(at))


def test_each_of_several_prompts_is_drawn_by_the_law_it_logs(practice: Practice):
    person = practice.enrol(protocol(several("09:00-12:00", 3, "45m")))
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    decisions = [practice.decision(person, p.id) for p in practice.prompts(person, TODAY)]
    feasible = [
        sets
        for sets in combinations(range(12), 3)
        if all(later - earlier >= 3 for earlier, later in pairwise(sets))
    ]
    chance = Fraction(1)
    for decision in decisions:
        assert decision.policy == "stratified"
        assert sum(decision.propensities) == pytest.approx(1)
        chance *= Fraction(decision.propensities[decision.chosen]).limit_denominator(10_000)
    assert chance == Fraction(1, len(feasible)), "every set that fits is as likely as any other"
    assert [d.features["remaining"] for d in decisions] == [3, 2, 1]


def test_the_sets_drawn_are_uniform():
    """Two prompts half an hour apart in six slots: ten sets fit."""
    gap, found = timedelta(minutes=30), Counter()
    policies = Policies(UniformPolicy())
    for number in range(2_000):
        first, second = (
            stored_window(2 * number + place, slots=6, timing="uniform", number=place,
                          remaining=2 - place, gap=gap, control_share=1.0)
            for place in range(2)
        )  # fmt: skip
        (one,) = draw_slots([first], [[True] * 6], policies, now=NINE)
        left = [slot - first.slots[one.chosen] >= gap for slot in second.slots]
        (two,) = draw_slots([second], [left], policies, now=NINE)
        found[one.chosen, two.chosen] += 1
    assert set(found) == {
        (early, late) for early, late in combinations(range(6), 2) if late - early >= 2
    }
    assert chisquare(list(found.values())).pvalue > 0.01


def test_a_window_opened_late_gets_as_many_as_still_fit_and_says_of_the_others_why(
    anywhere: Practice,
):
    person = anywhere.enrol(protocol(several("09:00-12:00", 3, "1h")))
    anywhere.plan()
    anywhere.clock.now = NINE + timedelta(hours=1, minutes=31)
    anywhere.decide()
    first, second, third = anywhere.prompts(person, TODAY)
    assert second.due_at - first.due_at >= HOUR
    assert (third.state, third.reason) == (State.CANCELLED, "no room for another in its window")
    assert anywhere.decision(person, first.id).features["fitting"] == 2


def test_at_a_decision_point_a_prompt_comes_or_not_as_the_seed_says(anywhere: Practice):
    people = [
        enrol(anywhere, protocol(by_chance("09:00", "14:00")), number) for number in range(30)
    ]
    anywhere.plan()
    for hours in (1, 6):
        anywhere.clock.now = MONDAY + hours * HOUR
        anywhere.decide()
        anywhere.tick()
    outcomes = Counter()
    for person in people:
        for prompt in anywhere.prompts(person, TODAY):
            stored = anywhere.decision(person, prompt.id)
            assert stored.probability == 0.5
            assert stored.prompted == happens(stored.seed, prompt.id, "send", 0.5)
            assert (stored.policy, stored.propensities) == ("micro_randomised", (1.0,))
            assert prompt.state == (State.ACCEPTED if stored.prompted else State.WITHHELD)
            outcomes[stored.prompted] += 1
            if not stored.prompted:
                assert (prompt.reason, prompt.sent_at) == ("no prompt drawn", None)
                assert prompt.due_at == prompt.start_at
    assert min(outcomes.values()) > 15


def test_nobody_is_prompted_later_instead(practice: Practice):
    person = enrol(practice, protocol(by_chance("09:00", probability=0.01)), 3)
    practice.live(NINE + 3 * HOUR)
    assert [p.state for p in practice.prompts(person, TODAY)] == [State.WITHHELD]
    assert practice.pusher.pushed == []


def masks_beside_a_decision_point(practice: Practice, span: str) -> dict[bool, set[tuple]]:
    """Return the slots available beside a decision point at ten, by whether a prompt came there."""
    document = protocol(by_chance("10:00"), windowed(span, id="b"), min_gap="1h")
    people = [enrol(practice, document, number) for number in range(12)]
    practice.plan()
    for hours in (1, 2, 2.25):
        practice.clock.now = MONDAY + hours * HOUR
        practice.decide()
    masks: dict[bool, set[tuple]] = {True: set(), False: set()}
    for person in people:
        nudge, other = (
            next(p for p in practice.prompts(person, TODAY) if p.assignment == name)
            for name in ("nudge", "b")
        )
        assert nudge.state in {State.PLANNED, State.WITHHELD}
        masks[nudge.state == State.PLANNED].add(practice.decision(person, other.id).available)
    return masks


def test_a_decision_point_keeps_its_place_whatever_will_be_drawn_there(practice: Practice):
    """Else who is available to be randomised would depend on what the draw will be."""
    masks = masks_beside_a_decision_point(practice, "09:00-11:30")
    assert masks[True] == masks[False] == {(True,) + (False,) * 7 + (True,) * 2}


def test_a_decision_against_a_prompt_frees_its_place_for_what_is_drawn_later(practice: Practice):
    masks = masks_beside_a_decision_point(practice, "10:15-12:00")
    assert masks[False] == {(True,) * 7}
    assert masks[True] == {(False,) * 3 + (True,) * 4}


def test_in_a_phase_that_fades_fewer_and_fewer_come(practice: Practice):
    document = protocol(fixed("09:00", "12:00", "15:00", "18:00")) | {
        "phases": [{"name": "fading", "days": 3, "fade": {"to_share": 0.0}}]
    }
    people = [enrol(practice, document, number) for number in range(40)]
    practice.live(MONDAY + timedelta(days=3), step=timedelta(minutes=30))
    shares = []
    for ahead in range(3):
        states = Counter(
            p.state
            for person in people
            for p in practice.prompts(person, TODAY + timedelta(days=ahead))
        )
        assert set(states) <= {State.ACCEPTED, State.WITHHELD}
        shares.append(states[State.ACCEPTED] / (states.total() or 1))
    assert shares[0] == 1.0
    assert shares[1] == pytest.approx(0.5, abs=4 * (0.25 / 160) ** 0.5)
    assert shares[2] == 0.0


def test_a_window_with_precedence_keeps_its_place(practice: Practice):
    """The first window alone would take the last slot that the second one needs."""
    document = protocol(
        windowed("09:00-12:00", id="a", timing="uniform"),
        windowed("12:00-12:30", id="b", timing="uniform", priority=1),
        min_gap="1h",
    )
    for number in range(20):
        person = enrol(practice, document, number)
        first, second = drawn_day(practice, person)
        assert second.due_at is not None
        assert second.due_at - first.due_at >= HOUR


def test_without_precedence_the_first_window_to_open_chooses(practice: Practice):
    document = protocol(
        windowed("09:00-12:00", id="a", timing="uniform"),
        windowed("12:00-12:30", id="b", timing="uniform"),
        min_gap="1h",
    )
    states = Counter()
    for number in range(20):
        _, second = drawn_day(practice, enrol(practice, document, number))
        states[second.state] += 1
    assert states[State.CANCELLED] > 0


def test_a_day_has_no_more_prompts_than_its_cap_counting_what_left(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00", "12:00", "15:00"), per_day=3), phones=1)
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.tick()
    with anywhere.db.read() as tx:
        found = places.places(tx, [person.enrolment.id], [TODAY])
    places_today = found[person.enrolment.id, TODAY]
    assert Counter(place.settled for place in places_today) == {True: 1, False: 2}


def test_instants_that_are_taken_say_by_what(practice: Practice):
    person = practice.enrol(protocol(by_chance("10:00"), windowed("14:00-15:00", id="b")))
    practice.plan()
    with practice.db.read() as tx:
        found = places.taken_instants(
            tx, [person.enrolment.id], since=MONDAY, until=MONDAY + 12 * HOUR
        )
    (taken,) = found[person.enrolment.id]
    assert (taken.at, taken.priority, taken.settled) == (MONDAY + 2 * HOUR, 50, False)
    assert isinstance(taken.prompt_id, UUID)
