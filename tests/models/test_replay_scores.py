import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from models.evaluation.replay_scores import (
    NOTHING,
    Estimate,
    auc,
    auc_within,
    brier_skill,
    calibration_slope,
    inverse_variance,
    plain_mean,
    timing_lift,
)


def floats(*values):
    return np.array(values, dtype=float)


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from([0, 1]))
def test_the_area_is_that_of_scikit_learn_ties_included(seed, n, digits):
    rng = np.random.default_rng(seed)
    y = np.r_[0.0, 1.0, rng.integers(0, 2, n)]
    score = np.round(rng.random(n + 2), digits)
    found = auc(y, score, np.arange(n + 2))
    assert found.value == pytest.approx(roc_auc_score(y, score))


def test_the_error_of_an_area_is_what_areas_vary_by_when_prompts_cluster():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 15)
    found = []
    for _ in range(300):
        # Score and outcome both depend on the person, so prompts are far from independent.
        level = rng.normal(0, 1.5, 40)[person]
        y = (rng.random(person.size) < expit(level)).astype(float)
        found.append(auc(y, level + rng.normal(0, 1, person.size), person))
    areas, errors = np.array([(one.value, one.error) for one in found]).T
    assert errors.mean() == pytest.approx(areas.std(), rel=0.2)


def test_one_kind_of_outcome_has_no_area():
    assert auc(np.ones(4), np.arange(4.0), np.zeros(4, int)) == NOTHING
    assert auc_within(floats(1, 1, 0, 0), np.arange(4.0), np.array([0, 0, 1, 1])) == NOTHING


def test_who_answers_does_not_help_inside_persons():
    person = np.repeat([0, 1], 4)
    y = floats(1, 1, 1, 0, 0, 0, 0, 1)
    score = np.repeat([0.9, 0.1], 4)
    assert auc(y, score, person).value > 0.7
    assert auc_within(y, score, person).value == 0.5


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.6])
def test_the_slope_says_how_extreme_forecasts_are(slope):
    rng = np.random.default_rng(2)
    z = rng.normal(0.5, 1.2, 20_000)
    y = (rng.random(z.size) < expit(slope * z)).astype(float)
    found = calibration_slope(y, expit(z), np.arange(z.size))
    assert found.value == pytest.approx(slope, abs=4 * found.error)
    assert found.error < 0.05


def test_slopes_that_do_not_exist_are_none():
    person = np.arange(4)
    assert calibration_slope(np.ones(4), floats(0.1, 0.2, 0.3, 0.4), person) == NOTHING
    assert calibration_slope(floats(0, 1, 0, 1), np.full(4, 0.5), person) == NOTHING
    assert calibration_slope(floats(0, 0, 1, 1), floats(0.1, 0.2, 0.8, 0.9), person) == NOTHING


def test_skill_is_one_for_certainty_and_nought_for_the_rate():
    y = floats(0, 0, 1, 1)
    assert brier_skill(y, y) == 1.0
    assert brier_skill(y, np.full(4, 0.5)) == 0.0
    assert brier_skill(y, 1 - y) == -3.0
    assert brier_skill(np.ones(4), y) is None


def test_a_hand_computed_lift_comes_out():
    # a: 3 prompts, best answered, mean 1/3: +2/3. b: 6 prompts, best two 1 and 0, mean 1/2: 0.
    y = floats(1, 0, 0, 1, 0, 1, 0, 1, 0)
    score = floats(3, 2, 1, 6, 5, 4, 3, 2, 1)
    person = np.array([0] * 3 + [1] * 6)
    found = timing_lift(y, score, person)
    gains, sizes = floats(2 / 3, 0), floats(1, 2)
    mean = gains.sum() / sizes.sum()
    residuals = gains - mean * sizes
    assert found.value == pytest.approx(100 * mean)
    assert found.error == pytest.approx(100 * np.sqrt(2 * (residuals**2).sum()) / sizes.sum())


@given(st.permutations(range(9)))
def test_equal_scores_share_so_that_order_cannot_matter(order):
    y = floats(1, 1, 1, 0, 0, 0, 1, 0, 1)
    score = floats(2, 2, 1, 1, 1, 0, 0, 0, 0)
    person = np.zeros(9, int)
    shuffled = timing_lift(y[list(order)], score[list(order)], person)
    assert shuffled.value == pytest.approx(timing_lift(y, score, person).value)
    # Two whole prompts answered, the third place shared by three with one answer.
    assert shuffled.value == pytest.approx(100 * ((1 + 1 + 1 / 3) / 3 - 5 / 9))


def test_equal_scores_throughout_gain_nothing_and_two_prompts_have_no_third():
    y, person = floats(1, 0, 1, 0), np.zeros(4, int)
    assert timing_lift(y, np.ones(4), person).value == pytest.approx(0.0)
    assert timing_lift(y[:2], floats(1, 2), person[:2]) == NOTHING


def test_pooling_weighs_by_precision_and_leaves_out_what_has_none():
    parts = [Estimate(1.0, 1.0), Estimate(4.0, 0.5), Estimate(9.0, None), NOTHING]
    found = inverse_variance(parts)
    assert found.value == pytest.approx((1 + 4 * 4) / 5)
    assert found.error == pytest.approx(5**-0.5)
    assert inverse_variance([NOTHING]) == NOTHING


def test_the_plain_mean_has_an_error_only_if_all_parts_have():
    assert plain_mean([Estimate(1.0, 3.0), Estimate(3.0, 4.0), NOTHING]) == Estimate(2.0, 2.5)
    assert plain_mean([Estimate(1.0, None), Estimate(3.0, 4.0)]) == Estimate(2.0, None)
