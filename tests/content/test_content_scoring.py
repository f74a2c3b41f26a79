import pytest
from content_documents import content, slider, unhurried
from hypothesis import given
from hypothesis import strategies as st

from content.answers import check_answers
from content.library import Library
from content.scoring import band, score

PHQ = Library.builtin().get("phq9")
CHECKIN = Library.builtin().get("checkin.momentary")
RECORD = Library.builtin().get("cbt.thought-record")


def phq_total(values):
    answers = {f"phq{number}": str(value) for number, value in enumerate(values, 1)}
    return score(PHQ, check_answers(PHQ, answers))["total"]


@unhurried
@given(st.lists(st.integers(0, 3), min_size=9, max_size=9))
def test_the_phq_total_is_the_sum_of_its_nine_items(values):
    assert phq_total(values) == sum(values)


def test_the_phq_runs_from_nought_to_twenty_seven():
    assert phq_total([0] * 9) == 0
    assert phq_total([3] * 9) == 27


def test_the_functioning_item_does_not_count():
    answers = {f"phq{number}": "1" for number in range(1, 10)}
    assert score(PHQ, answers | {"functioning": "3"})["total"] == 9


SEVERITY = ["minimal"] * 5 + ["mild"] * 5 + ["moderate"] * 5 + ["moderately severe"] * 5
SEVERITY += ["severe"] * 8


@pytest.mark.parametrize(("total", "name"), list(enumerate(SEVERITY)))
def test_every_phq_total_has_its_published_severity(total, name):
    assert band(PHQ, "total", total) == name


@pytest.mark.parametrize(
    ("value", "name"), [(4.5, "minimal"), (4.999, "minimal"), (19.5, "moderately severe")]
)
def test_a_value_between_two_bands_belongs_to_the_lower(value, name):
    assert band(PHQ, "total", value) == name


@pytest.mark.parametrize("value", [None, -1, 27.5, 28])
def test_outside_all_bands_there_is_none(value):
    assert band(PHQ, "total", value) is None


def test_a_score_without_bands_has_none_and_an_unknown_score_is_an_error():
    assert band(CHECKIN, "negative_affect", 50) is None
    with pytest.raises(KeyError, match="has no score 'severity'"):
        band(PHQ, "severity", 5)


def test_one_missing_answer_empties_a_score_that_skips():
    answers = {f"phq{number}": "1" for number in range(1, 9)}
    assert score(PHQ, answers) == {"total": None}


@pytest.mark.parametrize(
    ("valence", "stress", "affect"), [(100, 0, 0), (0, 100, 100), (50, 50, 50), (30, 50, 60)]
)
def test_negative_affect_rises_with_stress_and_falls_with_valence(valence, stress, affect):
    answers = {"valence": valence, "stress": stress, "energy": 1, "urge_to_avoid": 1}
    assert score(CHECKIN, check_answers(CHECKIN, answers)) == {"negative_affect": affect}


def test_a_difference_is_first_minus_second_and_empty_if_one_was_not_shown():
    assert score(RECORD, {"belief_before": 80, "belief_after": 30})["belief_change"] == -50
    assert score(RECORD, {"belief_before": 10})["belief_change"] is None


def scale(kind, most):
    return content(
        items=[slider(name) for name in "abcd"],
        scores=[
            {
                "id": "x",
                "kind": kind,
                "items": list("abcd"),
                "missing": "prorate",
                "max_missing": most,
            }
        ],
    )


def test_prorating_fills_gaps_with_the_mean_up_to_its_limit():
    assert score(scale("sum", 2), {"a": 10, "b": 20}) == {"x": 60}
    assert score(scale("mean", 2), {"a": 10, "b": 20}) == {"x": 15}
    assert score(scale("sum", 2), {"a": 10}) == {"x": None}
    assert score(scale("sum", 3), {}) == {"x": None}


@unhurried
@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 100)))
def test_a_prorated_score_stays_within_its_range_and_agrees_with_its_mean(answers):
    total, mean = score(scale("sum", 3), answers)["x"], score(scale("mean", 3), answers)["x"]
    assert (total is None) == (mean is None) == (not answers)
    if total is not None and mean is not None:
        assert min(answers.values()) <= mean <= max(answers.values())
        assert total == pytest.approx(4 * mean)


def test_yes_counts_one_and_numbers_in_reverse_count_from_the_other_end():
    item = content(
        items=[
            {"id": "yes", "type": "yesno", "ask": "?"},
            {"id": "hours", "type": "number", "ask": "?", "min": 2, "max": 12},
        ],
        scores=[{"id": "x", "kind": "sum", "items": ["yes", "hours"], "reverse": ["hours"]}],
    )
    assert score(item, {"yes": True, "hours": 3}) == {"x": 12}
    assert score(item, {"yes": False, "hours": 2}) == {"x": 12}


def test_an_answer_of_the_wrong_kind_counts_as_missing():
    assert score(CHECKIN, {"valence": True, "stress": "50"}) == {"negative_affect": None}
    assert score(PHQ, {f"phq{n}": "9" for n in range(1, 10)}) == {"total": None}
