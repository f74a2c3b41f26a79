import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from models.allocation import (
    MIWAVES,
    ORALYTICS,
    Smooth,
    advantage_probability,
    budgeted,
    first_sent,
    heartsteps,
    mixed,
    smooth_slots,
    thompson_slots,
)


@pytest.mark.parametrize(
    ("mean", "sd", "probability"),
    [(0, 1, 0.356891), (2, 1, 0.490317), (-2, 3, 0.307183), (5, 10, 0.564046)],
)
def test_the_allocation_of_oralytics_is_reproduced(mean, sd, probability):
    assert ORALYTICS(mean, sd) == pytest.approx(probability, abs=5e-7)


@pytest.mark.parametrize(("mean", "sd", "probability"), [(0.1, 0.2, 0.451326), (0, 0.2, 0.366408)])
def test_the_allocation_of_miwaves_is_reproduced(mean, sd, probability):
    assert MIWAVES(mean, sd) == pytest.approx(probability, abs=5e-7)


def test_the_clipping_of_heartsteps_is_reproduced():
    raw, clipped = [0.3, 0.5, 0.6, 0.75, 0.875, 0.95], [0.2, 0.2, 0.36, 0.6, 0.8, 0.8]
    np.testing.assert_allclose(heartsteps(raw), clipped, atol=1e-12)
    positive = advantage_probability(0.5, 1.0)
    assert positive == pytest.approx(0.691462, abs=5e-7)
    assert heartsteps(positive) == pytest.approx(0.506340, abs=5e-7)


def test_a_cost_makes_sending_less_likely():
    assert advantage_probability(0.5, 1.0, 0.5) == pytest.approx(0.5)
    assert advantage_probability(0.5, 1.0, 0.7) < 0.5


def test_a_certain_advantage_is_allocated_by_the_plain_formula():
    x = np.linspace(-50, 50, 21)
    np.testing.assert_allclose(ORALYTICS(x, 0.0), 0.2 + 0.6 * expit(0.515 * x - np.log(3.0)))


@given(mean=st.floats(-1e3, 1e3), sd=st.floats(0, 1e3), steepness=st.floats(0, 50))
def test_a_smooth_allocation_never_leaves_its_bounds(mean, sd, steepness):
    probability = float(Smooth(steepness, 3.0)(mean, sd))
    assert 0.2 - 1e-12 <= probability <= 0.8 + 1e-12


@pytest.mark.parametrize(("mean", "sd"), [(0.0, -1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_a_smooth_allocation_refuses_what_is_no_posterior(mean, sd):
    with pytest.raises(ValueError, match="mean, sd: must be finite"):
        ORALYTICS(mean, sd)


def test_two_slots_are_allocated_as_two_actions_would_be():
    draws = np.random.default_rng(1).normal(0.3, 0.8, 4000)
    law = smooth_slots(np.stack([draws, np.zeros_like(draws)], axis=1)[:, None, :], 2.0)
    even = Smooth(2.0, 1.0, lower=0.0, upper=1.0)(draws.mean(), draws.std())
    assert law[0, 0] == pytest.approx(float(even), abs=0.002)
    assert law.sum() == pytest.approx(1.0)


def test_steepness_moves_smooth_slots_from_uniform_to_thompson():
    scores = np.random.default_rng(2).normal(size=(200, 3, 5))
    np.testing.assert_allclose(smooth_slots(scores, 0.0), 0.2)
    np.testing.assert_allclose(smooth_slots(scores, 1e6), thompson_slots(scores), atol=1e-3)


def test_thompson_shares_count_draws_and_split_ties():
    scores = np.array([[[1.0, 0.0, 0.0]], [[0.0, 2.0, 2.0]]])
    np.testing.assert_allclose(thompson_slots(scores), [[0.5, 0.25, 0.25]])


def test_mixing_leaves_every_slot_its_floor():
    law = mixed(np.array([[1.0, 0.0, 0.0, 0.0]]), 0.2)
    np.testing.assert_allclose(law, [[0.85, 0.05, 0.05, 0.05]])


@given(slots=st.integers(1, 30))
def test_a_budget_of_one_over_the_slots_that_are_left_is_uniform(slots):
    law = first_sent(budgeted(slots, 1, 0.0, 1.0)[1])
    np.testing.assert_allclose(law[:-1], 1.0 / slots)
    assert law[-1] == pytest.approx(0.0, abs=1e-12)


@given(slots=st.integers(1, 12), budget=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_a_budget_is_never_overspent_and_is_spent_where_no_clip_binds(slots, budget, seed):
    rates, rng = budgeted(slots, budget, 0.0, 1.0), np.random.default_rng(seed)
    left = budget
    for slot in range(slots):
        left -= int(rng.random() < rates[left, slot])
    assert left == max(budget - slots, 0)


def test_clips_bind_and_leave_a_chance_of_sending_nothing():
    rates = budgeted(7, 1, 0.2, 0.5)
    assert rates[0].max() == 0.0
    assert (rates[1].min(), rates[1].max()) == (0.2, 0.5)
    law = first_sent(rates[1])
    assert law[-1] > 0.05
    assert law.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heartsteps(1.2), "raw: must be between 0 and 1"),
        (lambda: heartsteps(0.5, 0.9, 0.1), "lower, upper: must be in order"),
        (lambda: advantage_probability(0.0, 0.0), "sd: must be above 0"),
        (lambda: smooth_slots(np.zeros((2, 3)), 1.0), "scores: must be"),
        (lambda: thompson_slots(np.full((1, 1, 2), np.nan)), "scores: must be finite"),
        (lambda: mixed([0.5, 0.5], 1.5), "epsilon: must be between 0 and 1"),
        (lambda: budgeted(0, 1, 0.0, 1.0), "slots: must be at least 1"),
        (lambda: budgeted(3, -1, 0.0, 1.0), "budget: must not be negative"),
        (lambda: budgeted(3, 1, 0.5, 0.2), "lower, upper: must be in order"),
        (lambda: first_sent([0.5, 1.5]), "rates: must be"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
