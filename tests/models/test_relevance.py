"""Good moments beside answers, and the objectives that slots are scored by."""

import numpy as np
import pytest

from models.artifact import dumps, loads
from models.objective import OBJECTIVES, Heads
from models.receptivity import Receptivity
from models.relevance import DISTRESS, EXERCISE, MARK, SELF_STARTED, Relevance

HOURS = np.arange(8.0, 22.0, 0.5)


def marks(persons=40, days=20, seed=0, good_at_night=True):
    """Everybody finds evenings good moments, or mornings."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 2)
    day = np.tile(np.repeat(np.arange(days), 2), persons)
    hour = rng.choice(HOURS, person.size)
    good = (hour >= 15.0) == good_at_night
    y = rng.random(person.size) < np.where(good, 0.8, 0.4)
    return np.column_stack([hour, np.zeros(hour.size)]), y.astype(int), person, day


def fitted(kind=Relevance, **options):
    X, y, person, day = marks(**options)
    return kind().fit(X, y, person=person, day=day)


def rise(model, person="new", hours=(10.0, 19.0)):
    scores = model.slot_scores([hours], [0], [person])
    return float(scores[0, 1] - scores[0, 0])


def test_good_moments_are_learned_from_marks():
    model = fitted()
    assert rise(model) > 0.8
    night, morning = model.predict_proba([[19.0, 10.0]], [0], ["new"])[0]
    assert night == pytest.approx(0.8, abs=0.12)
    assert morning == pytest.approx(0.4, abs=0.12)


@pytest.mark.parametrize("kind", [Relevance, Receptivity])
def test_without_order_in_time_probabilities_still_know_who_it_is(kind):
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 40)
    X = np.column_stack([rng.choice(HOURS, person.size), np.zeros(person.size)])
    y = (rng.random(person.size) < np.where(person % 2, 0.85, 0.35)).astype(int)
    model = kind().fit(X, y, person=person)
    each = np.arange(40)
    chances = model.predict_proba(np.tile(HOURS, (40, 1)), np.zeros(40, dtype=int), each)
    assert chances[1::2].mean() == pytest.approx(y[person % 2 == 1].mean(), abs=0.03)
    assert chances[::2].mean() == pytest.approx(y[person % 2 == 0].mean(), abs=0.03)


def test_exercises_done_count_half_a_mark():
    X, y, person, day = marks()
    exercises = Relevance().fit(X, y, person=person, day=day, kind=[EXERCISE] * y.size)
    assert exercises.ledger_.seen.sum() == pytest.approx(y.size / 2, rel=0.01)
    assert 0.3 < rise(exercises) / rise(fitted()) <= 1.1


@pytest.mark.parametrize("kind", [SELF_STARTED, DISTRESS])
def test_signs_that_only_say_yes_show_where_and_not_how_frequently(kind):
    X, y, person, day = marks()
    rate = fitted().predict_proba(np.tile(HOURS, (1, 1)), [0], ["new"]).mean()
    many = 300
    table = np.vstack([X, np.tile([20.0, 0.0], (many, 1))])
    model = Relevance().fit(
        table,
        np.r_[y, np.ones(many)],
        person=np.r_[person, np.arange(many) % 40],
        day=np.r_[day, np.arange(many) // 40],
        kind=[MARK] * y.size + [kind] * many,
    )
    assert rise(model, hours=(17.0, 20.0)) > rise(fitted(), hours=(17.0, 20.0)) + 0.1
    overall = model.predict_proba(np.tile(HOURS, (1, 1)), [0], ["new"]).mean()
    assert overall == pytest.approx(rate, abs=0.06)


def test_a_person_who_starts_exercises_at_an_hour_of_their_own_is_told_apart():
    # Half of the people start them in the morning, half in the evening, day after day.
    person = np.repeat(np.arange(40), 30)
    day = np.tile(np.arange(30), 40)
    X = np.column_stack([np.where(person % 2, 9.0, 20.0), np.zeros(person.size)])
    model = Relevance().fit(
        X, np.ones(person.size), person=person, day=day, kind=[SELF_STARTED] * person.size
    )
    assert rise(model, 0, (9.0, 20.0)) > 0.5
    assert rise(model, 1, (9.0, 20.0)) < -0.5


def test_a_sign_is_taken_in_at_once_and_only_for_its_person():
    model = fitted()
    before = rise(model, 1), rise(model, 2)
    model.partial_fit([[10.0, 0.0]] * 12, [1] * 12, person=[1] * 12, kind=[SELF_STARTED] * 12)
    assert rise(model, 1) < before[0]
    assert rise(model, 2) == before[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": ["mood"]}, "kind: must be one of mark, exercise, self_started, distress"),
        ({"kind": [MARK, MARK]}, "kind: must be one of"),
        ({"kind": [DISTRESS], "y": [0]}, "y: must be 1 for self_started and distress"),
        ({"declared": [[7.0, 23.0, 9.0, 17.0]]}, "declared: must be a mapping"),
        ({"y": [0.5]}, "y: must be 0 or 1"),
    ],
)
def test_bad_signs_are_named(change, message):
    arguments = {"X": [[9.0, 0.0]], "y": [1], "person": ["a"]} | change
    for method in (Relevance().fit, Relevance().partial_fit):
        with pytest.raises(ValueError, match=message):
            method(**arguments)


def heads():
    return Heads(
        answered=fitted(Receptivity, seed=1, good_at_night=False),
        completed=fitted(Receptivity, seed=2, good_at_night=True),
        relevance=fitted(Relevance, seed=3, good_at_night=True),
    )


def test_each_objective_is_scored_by_its_own_head():
    grid, who = np.tile(HOURS, (2, 1)), [3, "new"]
    all_heads = heads()
    for objective, head in (("answered", all_heads.answered), ("completed", all_heads.completed)):
        np.testing.assert_array_equal(
            all_heads.slot_scores(objective, grid, [0, 0], who), head.slot_scores(grid, [0, 0], who)
        )


def test_relevance_is_the_product_of_being_answered_and_being_good():
    all_heads, grid = heads(), np.tile(HOURS, (2, 1))
    scores = all_heads.slot_scores("relevance", grid, [0, 0], [3, "new"])
    answered = all_heads.answered.predict_proba(grid, [0, 0], [3, "new"], bold=True)
    good = all_heads.relevance.predict_proba(grid, [0, 0], [3, "new"])
    np.testing.assert_allclose(np.exp(scores), answered * good)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_without_its_head_an_objective_falls_back_on_answers_and_says_so(objective):
    alone = Heads(heads().answered)
    assert alone.rests_on(objective) == "answered"
    assert heads().rests_on(objective) == objective
    np.testing.assert_array_equal(
        alone.slot_scores(objective, [HOURS], [0], ["new"]),
        alone.answered.slot_scores([HOURS], [0], ["new"]),
    )


def test_an_objective_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="objective: must be one of answered, completed, relev"):
        heads().slot_scores("joy", [HOURS], [0], ["new"])


def test_a_relevance_head_makes_the_round_trip_through_an_artifact():
    model = fitted()
    copy, metadata = loads(dumps(model, {"marks": 1600}))
    assert isinstance(copy, Relevance)
    assert metadata == {"marks": 1600}
    assert copy.get_params() == model.get_params()
    grid = np.tile(HOURS, (2, 1))
    np.testing.assert_allclose(
        copy.predict_proba(grid, [0, 0], [3, "new"]),
        model.predict_proba(grid, [0, 0], [3, "new"]),
        atol=1e-9,
    )


def test_no_signs_at_all_say_nothing_of_hours():
    model = Relevance().fit(np.empty((0, 2)), [], person=[])
    assert np.ptp(model.slot_scores([HOURS], [0], ["a"])) == 0.0
