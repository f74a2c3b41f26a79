"""Events that can never happen, or bring on each other without end."""

import pytest
from designs import after, at, faults, told

from content.library import Library

VOCABULARY = Library.builtin().vocabulary()


def test_an_event_waits_for_a_score_that_exists_and_can_reach_the_value():
    def value(op, number):
        when = {"score": "checkin.momentary.negative_affect", "op": op, "value": number}
        found = faults(
            at("12:00", content="checkin.momentary"),
            after(when, content="phq9"),
            known=VOCABULARY,
        )
        return [path for path, _ in found]

    never = ["assignments[1].trigger.when.value"]
    for op, number in [("ge", 100.5), ("gt", 100), ("lt", 0), ("le", -1), ("eq", 101)]:
        assert value(op, number) == never
    for op, number in [("ge", 100), ("gt", 99), ("lt", 1), ("le", 0), ("eq", 50), ("ne", 50)]:
        assert value(op, number) == []


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"item": "checkin.momentary.nothing", "value": 1},
            "item: unknown item of checkin.momentary 'nothing'; known: activity, company, energy, "
            "stress, urge_to_avoid, valence"),
        ({"item": "gad7.total", "value": 1},
            "item: unknown content 'gad7'; known: ba.plan-tomorrow, cbt.thought-record, "
            "checkin.momentary, phq9"),
        ({"item": "cbt.thought-record.belief_before", "value": 1},
            "item: no assignment asks cbt.thought-record, so it can never be answered"),
        ({"score": "checkin.momentary.stress", "value": 1},
            "score: unknown score of checkin.momentary 'stress'; known: negative_affect"),
    ],
)  # fmt: skip
def test_an_event_that_waits_for_what_is_not_there_says_what_is(when, message):
    found = faults(
        at("12:00", content="checkin.momentary"), after(when, content="phq9"), known=VOCABULARY
    )
    assert told(found) == [f"assignments[1].trigger.when.{message}"]


def test_scores_go_unchecked_where_only_the_ids_of_content_are_known():
    checkin = at("12:00", content="checkin.momentary")
    event = after({"score": "checkin.momentary.x", "value": 999}, content="phq9")
    assert faults(checkin, event, known=list(VOCABULARY)) == []


def test_only_what_is_sent_can_be_missed():
    assert told(faults(at("12:00"), after({"missed": "z"}))) == [
        "assignments[1].trigger.when.missed: unknown assignment 'z'; known: a, b"
    ]
    own = {"trigger": {"kind": "patient_initiated"}}
    assert [path for path, _ in faults(own, after({"missed": "a"}))] == [
        "assignments[1].trigger.when.missed"
    ]
    assert faults(at("12:00"), after({"missed": "a"}), after({"missed": "b"})) == []


def test_events_that_bring_on_each_other_are_refused_once_with_the_way_round():
    first = after({"missed": "c"})
    second = after({"score": "a.x", "value": 1})
    third = after({"missed": "b"})
    assert told(faults(first, second, third, at("12:00"), after({"missed": "a"}))) == [
        "assignments[0].trigger.when: a -> b -> c -> a is a loop: they bring on each other "
        "without end"
    ]


def test_an_event_that_its_own_answer_brings_on_is_a_loop():
    again = after({"score": "a.x", "value": 1}, content="a", id="again")
    assert told(faults(at("12:00"), again)) == [
        "assignments[1].trigger.when: again -> again is a loop: it brings on itself without end"
    ]
