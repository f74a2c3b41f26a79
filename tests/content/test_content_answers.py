import math
import re

import pytest
from content_documents import content, slider, unhurried
from hypothesis import example, given, settings
from hypothesis import strategies as st

from content.answers import AnswersRefused, check_answers, feedback_for, risk_texts
from content.library import Library
from content.scoring import score

ALL = content()
PHQ = Library.builtin().get("phq9")
RECORD = Library.builtin().get("cbt.thought-record")
PLAN = Library.builtin().get("ba.plan-tomorrow")


def faults(item, answers):
    with pytest.raises(AnswersRefused) as refused:
        check_answers(item, answers)
    return {fault.path: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("name", "raw", "normal"),
    [
        ("mood", "low", "low"),
        ("places", ["high", "low"], ["low", "high"]),
        ("stress", 70.0, 70),
        ("stress", 0, 0),
        ("stress", 100, 100),
        ("stress", -0.0, 0),
        ("hours", 0.1 + 0.2, 0.3),
        ("hours", 23.9, 23.9),
        ("hours", 24, 24),
        ("note", "  fine  ", "fine"),
        ("note", "x" * 20 + "  ", "x" * 20),
        ("slept", False, False),
        ("woke", "7:05", "07:05"),
        ("woke", "00:00", "00:00"),
        ("woke", "23:59", "23:59"),
    ],
)
def test_a_fitting_answer_is_kept_in_its_normal_form(name, raw, normal):
    accepted = check_answers(ALL, {name: raw})
    assert accepted == {name: normal}
    assert type(accepted[name]) is type(normal)


@pytest.mark.parametrize(
    ("name", "raw", "allowed"),
    [
        ("mood", "medium", 'one of the option codes "low", "high"'),
        ("mood", 1, "option codes"),
        ("mood", ["low"], "option codes"),
        ("places", "low", "list of option codes"),
        ("places", ["low", "low"], "twice"),
        ("places", ["low", None], "list of option codes"),
        ("places", [["low"]], "list of option codes"),
        ("stress", True, "number from 0 to 100 in steps of 5"),
        ("stress", "50", "number"),
        ("stress", 52, "in steps of 5"),
        ("stress", -5, "from 0 to 100"),
        ("stress", 105, "from 0 to 100"),
        ("stress", math.nan, "from 0 to 100"),
        ("stress", math.inf, "from 0 to 100"),
        ("stress", 10**400, "from 0 to 100"),
        ("hours", 0.15, "in steps of 0.1"),
        ("hours", 24.000001, "from 0 to 24"),
        ("note", 5, "text"),
        ("note", "x" * 21, "at most 20"),
        ("note", "a\x00b", "NUL"),
        ("note", "a\ud800", "surrogate"),
        ("slept", 1, "true or false"),
        ("slept", "yes", "true or false"),
        ("woke", "24:00", "00:00 to 23:59"),
        ("woke", "07:30:00", "00:00 to 23:59"),
        ("woke", 450, "00:00 to 23:59"),
        ("woke", "\u0661\u0662:30", "00:00 to 23:59"),
        ("hint", "seen", "takes no answer"),
        ("elsewhere", 1, "is not an item of test.all-types"),
    ],
)
def test_an_unfit_answer_is_refused_with_its_path_and_what_is_allowed(name, raw, allowed):
    found = faults(ALL, {name: raw})
    assert list(found) == [f"answers.{name}"]
    assert allowed in found[f"answers.{name}"]


@pytest.mark.parametrize("blank", [None, "", "   ", []])
def test_a_blank_counts_as_unanswered(blank):
    name = "places" if blank == [] else "note"
    assert check_answers(ALL, {name: blank}) == {}


def test_every_fault_is_reported_at_once_and_no_answer_is_repeated():
    found = faults(PHQ, {"phq1": "4", "phq2": "secret words"})
    assert set(found) == {f"answers.phq{number}" for number in range(1, 10)}
    assert found["answers.phq3"] == "is missing; an answer is required"
    assert not re.search("secret", " ".join(found.values()))


@pytest.mark.parametrize("raw", [None, [], "phq1", 3, [["phq1", "0"]]])
def test_answers_that_are_no_mapping_are_refused(raw):
    assert list(faults(ALL, raw)) == ["answers"]


def test_unknown_names_are_shortened_and_not_listed_without_end():
    with pytest.raises(AnswersRefused) as refused:
        check_answers(ALL, {f"\ud800{number}" + "x" * 500: 1 for number in range(5000)})
    assert len(refused.value.faults) == 100
    assert all(len(fault.path) < 80 and fault.path.isascii() for fault in refused.value.faults)


def test_an_answer_to_an_item_that_is_not_shown_is_refused():
    plan = {"activity": "Walk", "start": "10:00", "company": "alone", "likely": 80}
    assert check_answers(PLAN, plan) == plan
    assert "not shown" in faults(PLAN, plan | {"obstacle": "Rain"})["answers.obstacle"]


def test_an_item_is_required_only_when_it_is_shown():
    plan = {"activity": "Walk", "start": "10:00", "company": "alone", "likely": 65}
    assert list(faults(PLAN, plan)) == ["answers.obstacle"]
    full = plan | {"obstacle": "Rain", "if_then": "Walk in the hall"}
    assert check_answers(PLAN, full) == full


def test_a_refused_answer_does_not_drag_the_items_that_hang_on_it_along():
    plan = {"activity": "Walk", "start": "10:00", "company": "alone", "likely": 66}
    assert list(faults(PLAN, plan)) == ["answers.likely"]
    assert list(faults(PLAN, plan | {"obstacle": "Rain"})) == ["answers.likely"]


def test_an_item_behind_a_hidden_item_is_hidden_too():
    items = [
        slider("first"),
        slider("second", show_if={"item": "first", "op": "ge", "value": 50}),
        slider("third", show_if={"item": "second", "op": "answered"}),
    ]
    chain = content(items=items)
    assert set(faults(chain, {"first": 10, "second": 5, "third": 5})) == {"answers.second"}
    assert set(faults(chain, {"first": 10, "third": 5})) == {"answers.third"}
    assert check_answers(chain, {"first": 50, "second": 5, "third": 5})["third"] == 5


def test_the_order_of_the_answers_sent_does_not_matter():
    sent = {"phq" + str(number): "1" for number in range(9, 0, -1)} | {"functioning": "2"}
    assert list(check_answers(PHQ, sent)) == [item.id for item in PHQ.items]


def outcome(item, raw):
    """Return the normalised answers or the faults; any other exception passes."""
    try:
        return check_answers(item, raw), ()
    except AnswersRefused as refused:
        return None, refused.faults


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
LIKELY = JSON | st.sampled_from(["0", "1", "low", ["low"], 0, 50, 0.1, 100, "07:30", True, 10**400])
NAMES = st.sampled_from([item.id for one in (ALL, PHQ, RECORD, PLAN) for item in one.items])


@settings(unhurried, max_examples=300)
@given(
    st.sampled_from([ALL, PHQ, RECORD, PLAN]),
    JSON | st.dictionaries(NAMES | st.text(max_size=5), LIKELY, max_size=12),
)
@example(ALL, {"stress": 1e308, "hours": 5e-324})
@example(ALL, {None: 1, 3: 2})
def test_any_input_is_either_normalised_or_refused(item, raw):
    accepted, found = outcome(item, raw)
    assert (accepted is None) == bool(found)
    assert all(fault.path.startswith("answers") and fault.message for fault in found)
    if accepted is None:
        return
    assert check_answers(item, accepted) == accepted
    scores = score(item, accepted)
    assert set(scores) == {one.id for one in item.scores}
    feedback_for(item, accepted, scores)
    risk_texts(item, accepted)


@unhurried
@given(st.integers(0, 100))
def test_on_a_slider_exactly_the_steps_are_accepted(value):
    if value % 5 == 0:
        assert check_answers(ALL, {"stress": value}) == {"stress": value}
    else:
        faults(ALL, {"stress": value})


@unhurried
@given(st.integers(0, 240))
def test_decimal_steps_are_exact_whatever_binary_makes_of_them(tenths):
    for written in (tenths / 10, tenths * 0.1):
        assert check_answers(ALL, {"hours": written}) == {"hours": tenths / 10}


def record(**changes):
    base = {
        "situation": "Meeting",
        "emotion": "fear",
        "feeling_before": 80,
        "thought": "I will fail",
        "belief_before": 90,
        "evidence_against": "The last one went well",
        "alternative": "It may be hard, and I have managed before",
        "belief_after": 50,
        "feeling_after": 60,
    }
    return check_answers(RECORD, base | changes)


@pytest.mark.parametrize(
    ("after", "begins"),
    [(50, "The thought has less"), (85, "The thought is as"), (100, "The thou")],
)
def test_feedback_follows_the_change_of_belief(after, begins):
    answers = record(belief_after=after)
    (text,) = feedback_for(RECORD, answers, score(RECORD, answers))
    assert text.startswith(begins)


def test_feedback_without_a_condition_is_always_given():
    assert len(feedback_for(PHQ, {}, {})) == 1


@pytest.mark.parametrize("code", ["1", "2", "3"])
def test_any_thought_of_self_harm_shows_the_safety_text_even_alone(code):
    (text,) = risk_texts(PHQ, {"phq9": code})
    assert "local emergency number" in text
    assert "someone you trust" in text
    assert "not read at once" in text
    assert not re.search(r"\d", text), "no country's number may stand in a general text"


def test_the_highest_score_without_item_nine_shows_no_safety_text():
    answers = check_answers(PHQ, {f"phq{n}": "3" for n in range(1, 9)} | {"phq9": "0"})
    assert risk_texts(PHQ, answers) == []


def test_content_without_clinical_rules_has_no_safety_text():
    assert risk_texts(RECORD, record()) == []


def test_a_clinical_rule_may_rest_on_a_score():
    item = content(
        items=[slider("a"), slider("b")],
        scores=[{"id": "both", "kind": "sum", "items": ["a", "b"]}],
        safety={"risk": [{"when": {"score": "both", "op": "ge", "value": 150}, "text": "Stop."}]},
    )
    assert risk_texts(item, {"a": 100, "b": 50}) == ["Stop."]
    assert risk_texts(item, {"a": 100, "b": 49}) == []
