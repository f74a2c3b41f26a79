import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models.receptivity import Receptivity

HOURS = np.arange(8.0, 22.0, 0.5)


def clinic(persons=60, days=30, seed=0, own=0.0, slope=0.0):
    """Outcomes at random hours; `own` logits for a person's good half day, `slope` for evenings."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    hour = rng.choice(HOURS, person.size)
    kind = (day % 7 >= 5).astype(int)
    evening = np.where(hour >= 15.0, 1.0, -1.0)
    likes = np.where(person % 2, 1.0, -1.0)
    logit = 0.8 + own * likes * evening + slope * evening
    label = rng.random(person.size) < 1 / (1 + np.exp(-logit))
    return np.column_stack([hour, kind]), label.astype(int), person, day


def scores(model, hours, person, kind=0):
    return model.slot_scores(np.array([hours]), [kind], [person])[0]


def fitted(**kwargs):
    X, y, person, day = clinic(**kwargs)
    return Receptivity(optimism=0.0).fit(X, y, person=person, day=day)


def test_the_population_curve_is_found_for_somebody_unknown():
    morning, evening = scores(fitted(slope=0.6), [10.0, 19.0], "nobody")
    assert evening - morning == pytest.approx(1.2, abs=0.35)


def test_a_person_with_a_rhythm_of_their_own_is_told_apart():
    model = fitted(own=1.0)
    assert np.diff(scores(model, [10.0, 19.0], 1))[0] > 0.8
    assert np.diff(scores(model, [10.0, 19.0], 2))[0] < -0.8


def test_without_own_rhythms_deviations_stay_small():
    assert fitted(slope=0.6).deviation_sd_ < 0.35
    assert fitted(own=1.0).deviation_sd_ > 0.9


def test_little_data_give_almost_no_deviation():
    model = fitted(persons=4, days=2, own=1.0)
    hours = np.tile(HOURS, (4, 1))
    own = model.slot_scores(hours, np.zeros(4), np.arange(4))
    assert np.ptp(own - own.mean(axis=0), axis=1).max() < 0.2


def test_a_mix_of_persons_at_different_hours_does_not_bend_the_curve():
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(40), 100)
    eager = person < 20  # they are asked in the morning and answer nearly always
    hour = np.where(eager, rng.choice([9.0, 9.5], person.size), rng.choice([19.0], person.size))
    hour = np.where(rng.random(person.size) < 0.2, rng.choice(HOURS, person.size), hour)
    y = rng.random(person.size) < np.where(eager, 0.95, 0.4)
    day = np.tile(np.repeat(np.arange(25), 4), 40)
    X = np.column_stack([hour, np.zeros(person.size)])
    morning, evening = scores(Receptivity().fit(X, y, person=person, day=day), [9.0, 19.0], "new")
    naive = np.log(y[hour == 9.0].mean() / 0.1) - np.log(y[hour == 19.0].mean() / 0.5)
    assert naive > 1.5
    assert abs(morning - evening) < 0.4


def test_fading_over_time_is_not_blamed_on_hours_asked_late():
    rng = np.random.default_rng(4)
    day = np.tile(np.repeat(np.arange(40), 4), 60)
    hour = np.where(day < 20, rng.choice([9.0, 10.0], day.size), rng.choice([18.0, 19.0], day.size))
    hour = np.where(rng.random(day.size) < 0.2, rng.choice(HOURS, day.size), hour)
    y = rng.random(day.size) < np.where(day < 20, 0.9, 0.5)
    X, person = np.column_stack([hour, np.zeros(day.size)]), np.repeat(np.arange(60), 160)
    blamed = scores(Receptivity().fit(X, y, person=person), [9.5, 18.5], "new")
    followed = scores(Receptivity().fit(X, y, person=person, day=day), [9.5, 18.5], "new")
    # Hours and weeks go together in four of five prompts here, so some blame has to remain.
    assert abs(np.diff(followed)[0]) < 0.6 * abs(np.diff(blamed)[0])


def test_probabilities_are_calibrated_for_known_and_unknown_persons():
    rng = np.random.default_rng(5)
    base = rng.normal(0.8, 1.0, 300)
    person = np.repeat(np.arange(300), 60)
    y = rng.random(person.size) < 1 / (1 + np.exp(-base[person]))
    hour = rng.choice(HOURS, person.size)
    X, day = np.column_stack([hour, np.zeros(hour.size)]), np.tile(np.arange(60) // 4, 300)
    model = Receptivity().fit(X, y, person=person, day=day)
    truth = 1 / (1 + np.exp(-base))
    known = model.predict_proba(np.full((300, 1), 12.0), np.zeros(300), np.arange(300))[:, 0]
    assert np.abs(known - truth).mean() < 0.07
    assert known.mean() == pytest.approx(truth.mean(), abs=0.02)
    unknown = model.predict_proba([[12.0]], [0], ["new"])[0, 0]
    assert unknown == pytest.approx(truth.mean(), abs=0.03)


outcome = st.tuples(
    st.sampled_from(["a", "b", "c", "d"]),
    st.floats(0.0, 24.0),
    st.integers(0, 1),
    st.integers(0, 1),
)


def add(model, batch):
    table = np.array([(hour, kind) for _, hour, kind, _ in batch]).reshape(-1, 2)
    return model.partial_fit(table, [o[3] for o in batch], person=[o[0] for o in batch])


def everything(model):
    hours = np.tile(HOURS, (4, 1))
    who = ["a", "b", "c", "d"]
    return np.hstack(
        [model.slot_scores(hours, [0, 1, 0, 1], who), model.predict_proba(hours, np.zeros(4), who)]
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(outcome, min_size=1, max_size=12), st.integers(0, 12), st.booleans())
def test_batches_commute(batch, cut, warm):
    models = [Receptivity(), Receptivity(), Receptivity()]
    if warm:
        X, y, person, _ = clinic(persons=5, days=5, own=1.0)
        models = [m.fit(X, y, person=np.array(["a", "b", "x", "y", "z"])[person]) for m in models]
    first, second = batch[:cut], batch[cut:]
    for part in filter(None, (first, second)):
        add(models[0], part)
    for part in filter(None, (second, first)):
        add(models[1], part)
    add(models[2], batch[::-1])
    reference = everything(models[0])
    assert np.isfinite(reference).all()
    for other in models[1:]:
        np.testing.assert_allclose(everything(other), reference, atol=1e-5)  # kept as float32


def test_a_partial_fit_moves_only_the_person_it_is_about():
    model = fitted(own=0.8)
    before = {p: scores(model, HOURS, p) for p in (1, 2)}
    model.partial_fit(np.tile([10.0, 0], (20, 1)), np.zeros(20), person=np.ones(20, dtype=int))
    np.testing.assert_array_equal(scores(model, HOURS, 2), before[2])
    assert scores(model, [10.0], 1)[0] < before[1][4]


def test_fit_forgets_what_was_learned_before():
    X, y, person, day = clinic(persons=10)
    fresh = Receptivity().fit(X, y, person=person, day=day)
    used = Receptivity().fit(X, 1 - y, person=person + 5, day=day).fit(X, y, person=person, day=day)
    assert used.persons_.tolist() == fresh.persons_.tolist()
    np.testing.assert_array_equal(scores(used, HOURS, 3), scores(fresh, HOURS, 3))


def test_parameters_follow_scikit_learn():
    model = Receptivity(length=2.0, rank=4).fit(*clinic(persons=3)[:2], person=clinic(persons=3)[2])
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "population_")
    assert copy.set_params(rank=0).rank == 0


def test_rank_zero_is_the_population_curve_alone():
    X, y, person, day = clinic(own=1.0)
    model = Receptivity(rank=0).fit(X, y, person=person, day=day)
    np.testing.assert_array_equal(scores(model, HOURS, 1), scores(model, HOURS, "new"))


def test_optimism_favours_hours_a_person_was_not_asked_at():
    X, y, person, day = clinic(persons=40, own=0.8)
    unasked = (person == 1) & (X[:, 0] > 12.0) & (X[:, 0] < 16.0)
    X, y, person, day = (array[~unasked] for array in (X, y, person, day))
    plain = Receptivity(optimism=0.0).fit(X, y, person=person, day=day)
    bold = Receptivity(optimism=1.0).fit(X, y, person=person, day=day)
    bonus = scores(bold, [14.0, 10.0], 1) - scores(plain, [14.0, 10.0], 1)
    assert bonus[0] > bonus[1] > 0.0


def test_an_empty_training_set_gives_even_odds():
    model = Receptivity().fit(np.empty((0, 2)), [], person=[], day=np.empty(0, dtype=int))
    assert np.ptp(scores(model, HOURS, "x")) == 0.0
    np.testing.assert_allclose(model.predict_proba([[9.0, 12.0]], [1], ["x"]), 0.5, atol=0.005)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("with_days", [True, False])
def test_constant_labels_stay_finite(label, with_days):
    X, y, person, day = clinic(persons=10)
    model = Receptivity().fit(
        X, np.full_like(y, label), person=person, day=day if with_days else None
    )
    chance = model.predict_proba(np.tile(HOURS, (2, 1)), [0, 1], [3, "new"])
    assert np.isfinite(scores(model, HOURS, 3)).all()
    assert (np.abs(chance - label) < 0.2).all()


@pytest.mark.parametrize("label", [0, 1])
def test_one_person_with_ten_thousand_outcomes_does_not_own_the_curve(label):
    X, y, person, day = clinic(persons=40, days=20)
    many = 10_000
    flood = np.column_stack([np.full(many, 10.0), np.zeros(many)])
    model = Receptivity().fit(
        np.vstack([X, flood]),
        np.concatenate([y, np.full(many, label)]),
        person=np.concatenate([person, np.full(many, 999)]),
        day=np.concatenate([day, np.arange(many) // 5]),
    )
    clean = Receptivity().fit(X, y, person=person, day=day)
    moved = scores(model, HOURS, "new") - scores(clean, HOURS, "new")
    assert np.abs(moved - moved.mean()).max() < 0.6
    assert abs(model.predict_proba([[10.0]], [0], [999])[0, 0] - label) < 0.02


def test_partial_fit_alone_survives_ten_thousand_equal_outcomes():
    model = fitted(persons=10)
    model.partial_fit(np.tile([10.0, 0], (10_000, 1)), np.ones(10_000), person=["m"] * 10_000)
    assert model.predict_proba([[10.0]], [0], ["m"])[0, 0] > 0.98
    assert np.isfinite(scores(model, HOURS, "m")).all()


def test_scoring_before_any_fit_is_refused():
    with pytest.raises(NotFittedError, match="not fitted"):
        Receptivity().slot_scores([[9.0]], [0], ["a"])
    with pytest.raises(NotFittedError, match="not fitted"):
        Receptivity().predict_proba([[9.0]], [0], ["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [[9.0]]}, "X: must be"),
        ({"X": [[25.0, 0.0]]}, "hour: must be between 0 and 24"),
        ({"X": [[np.nan, 0.0]]}, "hour: must be between 0 and 24"),
        ({"X": [[9.0, 2.0]]}, "day_type: must be 0"),
        ({"y": [2]}, "y: must be 0 or 1"),
        ({"y": [1, 0]}, r"y: must have shape \(1,\)"),
        ({"person": ["a", "b"]}, r"person: must have shape \(1,\)"),
        ({"person": [0.5]}, "person: must hold strings or integers"),
        ({"day": [0.5]}, "day: must be integers"),
        ({"day": [1, 2]}, "day: must be integers"),
    ],
)
def test_bad_training_input_is_named(change, message):
    good = {"X": [[9.0, 0.0]], "y": [1], "person": ["a"], "day": [1]}
    given_ = good | change
    with pytest.raises(ValueError, match=message):
        Receptivity().fit(
            given_["X"], given_["y"], person=given_["person"], day=np.array(given_["day"])
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("length", 0.0), ("rank", 11), ("rank", 2.5), ("person_cap", 0.5), ("half_life", np.nan),
     ("day_type_correlation", 1.1), ("optimism", -1.0), ("optimism", "much"),
     ("forgetting", 1.01), ("alarm", -1.0)],
)  # fmt: skip
def test_a_parameter_out_of_range_is_named_at_fit(name, value):
    with pytest.raises(ValueError, match=f"{name}: must be"):
        Receptivity(**{name: value}).fit([[9.0, 0.0]], [1], person=["a"])


def test_scoring_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"hours: must be \(n, k\)"):
        fitted(persons=2).slot_scores([[9.0]], [0, 1], ["a"])
