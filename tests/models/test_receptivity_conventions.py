"""The contract with scikit-learn, for every estimator here and any hyperparameters in range."""

import inspect
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from models.receptivity import MAX_RANK, Receptivity
from models.relevance import Relevance

HOURS = np.arange(8.0, 22.0, 0.5)
RANGES = {
    "length": st.floats(0.1, 24.0),
    "rank": st.integers(0, MAX_RANK),
    "day_type_correlation": st.floats(0.0, 1.0),
    "half_life": st.floats(0.1, 3650.0),
    "person_cap": st.floats(1.0, 1e6),
    "optimism": st.floats(0.0, 10.0),
    "forgetting": st.floats(0.5, 1.0),
    "alarm": st.floats(0.0, 1e6),
}


@st.composite
def estimators(draw):
    kind = draw(st.sampled_from([Receptivity, Relevance]))
    return kind(**{name: draw(RANGES[name]) for name in kind().get_params()})


def outcomes(seed, persons=8, days=6):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    X = np.column_stack([rng.choice(HOURS, person.size), day % 7 >= 5])
    return X, (rng.random(person.size) < 0.7).astype(int), person, day


def seen_by(model):
    grid, who = np.tile(HOURS, (3, 1)), [1, 5, "nobody"]
    return np.hstack(
        [model.slot_scores(grid, [0, 1, 0], who), model.predict_proba(grid, [0, 1, 0], who)]
    )


def state(model):
    return {name for name in vars(model) if name not in model.get_params()}


@settings(max_examples=30, deadline=None)
@given(estimators(), st.integers(0, 10**6))
def test_an_estimator_keeps_the_contract_whatever_its_parameters(model, seed):
    X, y, person, day = outcomes(seed)
    params = model.get_params()
    assert state(model) == set(), "the constructor stores its parameters and nothing else"
    assert model.fit(X, y, person=person, day=day) is model
    assert model.get_params() == params, "fitting leaves parameters alone"
    assert state(model), "something is learned"
    assert all(name.endswith("_") for name in state(model)), "fitted state ends in _"
    first = seen_by(model)
    assert np.isfinite(first).all()
    assert ((first[:, HOURS.size :] > 0.0) & (first[:, HOURS.size :] < 1.0)).all()
    copy = clone(model)
    assert state(copy) == set(), "a clone knows nothing"
    other = outcomes(seed + 1)
    copy.fit(other[0], other[1], person=other[2] + 3, day=other[3])
    copy.fit(X, y, person=person, day=day)
    np.testing.assert_array_equal(seen_by(copy), first, "fit forgets what came before")
    restored = type(model).from_arrays(params, model.to_arrays())
    np.testing.assert_allclose(seen_by(restored), first, rtol=1e-3, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(estimators(), st.integers(0, 10**6))
def test_partial_fit_adds_to_what_is_there(model, seed):
    X, y, person, day = outcomes(seed)
    model.fit(X, y, person=person, day=day)
    before = model.to_arrays()
    model.partial_fit(X[:20], y[:20], person=person[:20])
    after = model.to_arrays()
    seen, answered = (after[name].astype(float) - before[name] for name in ("seen", "answered"))
    assert seen.sum() == pytest.approx(20.0, abs=0.05)
    assert answered.sum() == pytest.approx(y[:20].sum(), abs=0.05)
    for name in ("population", "basis", "scales", "effects"):
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("kind", [Receptivity, Relevance])
def test_parameters_are_keywords_with_defaults(kind):
    parameters = list(inspect.signature(kind).parameters.values())
    assert parameters
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)


def test_weights_count_outcomes_as_shares():
    X, y, person, day = outcomes(3)
    half = Receptivity().fit(X, y, person=person, day=day, sample_weight=np.full(y.size, 0.5))
    whole = Receptivity().fit(X, y, person=person, day=day)
    assert half.ledger_.seen.sum() == pytest.approx(whole.ledger_.seen.sum() / 2)
    none = Receptivity().fit(X, y, person=person, sample_weight=np.zeros(y.size))
    assert np.ptp(none.slot_scores([HOURS], [0], [1])) == 0.0


@pytest.mark.parametrize("weight", [[1.1] * 192, [np.nan] * 192, [1.0]])
def test_a_bad_weight_is_named(weight):
    X, y, person, _ = outcomes(3)
    with pytest.raises(ValueError, match="sample_weight: must be"):
        Receptivity().fit(X, y, person=person, sample_weight=weight)


def test_a_person_takes_less_than_one_and_a_half_kilobytes():
    X, y, person, day = outcomes(1, persons=50)
    model = Receptivity().fit(X, y, person=person, day=day)
    people = [f"{number:036d}" for number in range(4000)]  # as long as a UUID
    table, labels = np.tile([10.0, 0.0], (4000, 1)), np.ones(4000)
    tracemalloc.start()
    try:
        model.partial_fit(table, labels, person=people)
        model.slot_scores(np.full((4000, 1), 10.0), np.zeros(4000), people)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / 4000 < 1500
    assert model.ledger_.nbytes / model.ledger_.size < 1200


def test_outcomes_beyond_the_bound_of_a_cell_keep_its_rate():
    model = Receptivity()
    for _ in range(5):
        model.partial_fit(
            np.tile([10.0, 0.0], (1000, 1)), np.arange(1000) % 4 > 0, person=["a"] * 1000
        )
    seen, yes = model.ledger_.seen.sum(), model.ledger_.answered.sum()
    assert seen == 2000
    assert yes / seen == pytest.approx(0.75, abs=0.001)
