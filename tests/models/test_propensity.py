import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.propensity import epsilon_greedy, uniform


@st.composite
def decisions(draw):
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 9)))
    available = draw(hnp.arrays(np.bool_, shape))
    always = draw(hnp.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)))
    available[np.arange(shape[0]), always] = True
    # Few distinct values, so that ties are common.
    values = st.sampled_from([-1e300, -1.0, 0.0, 0.5, 1e300])
    score = draw(hnp.arrays(np.float64, shape, elements=values))
    return score, available


@given(decisions(), st.floats(0.0, 1.0))
def test_rows_sum_to_one_and_unavailable_slots_get_exactly_nothing(decision, epsilon):
    score, available = decision
    p = epsilon_greedy(score, available, epsilon)
    assert np.abs(p.sum(axis=1) - 1.0).max() <= 1e-12
    assert (p[~available] == 0.0).all()
    assert (p >= 0.0).all()


@given(decisions(), st.floats(0.0, 1.0))
def test_every_available_slot_keeps_its_share_of_epsilon(decision, epsilon):
    score, available = decision
    floor = epsilon / available.sum(axis=1, keepdims=True)
    p = epsilon_greedy(score, available, epsilon)
    assert (np.where(available, p, np.inf) >= floor - 1e-15).all()


@given(decisions(), st.floats(0.0, 0.9))
def test_the_best_available_slots_share_the_rest_equally(decision, epsilon):
    score, available = decision
    p = epsilon_greedy(score, available, epsilon)
    for row in range(len(p)):
        open_slots = np.flatnonzero(available[row])
        top = score[row, open_slots].max()
        best = [s for s in open_slots if score[row, s] == top]
        expected = (1 - epsilon) / len(best) + epsilon / len(open_slots)
        assert p[row, best] == pytest.approx(expected, abs=1e-12)


@given(decisions())
def test_with_epsilon_one_greedy_is_uniform(decision):
    score, available = decision
    np.testing.assert_allclose(
        epsilon_greedy(score, available, 1.0), uniform(available), atol=1e-15
    )


def test_a_hand_computed_row_comes_out():
    p = epsilon_greedy([[1.0, 3.0, 3.0, 9.0]], np.array([[True, True, True, False]]), 0.3)
    np.testing.assert_allclose(p, [[0.1, 0.45, 0.45, 0.0]], atol=1e-15)


def test_scores_of_unavailable_slots_are_not_read():
    p = epsilon_greedy([[np.nan, 1.0]], np.array([[False, True]]), 0.1)
    np.testing.assert_array_equal(p, [[0.0, 1.0]])


@pytest.mark.parametrize("function", [uniform, lambda a: epsilon_greedy(np.zeros((3, 2)), a, 0.1)])
def test_a_row_without_an_available_slot_is_named(function):
    available = np.array([[True, False], [False, False], [True, True]])
    with pytest.raises(ValueError, match="available: row 1 has no available slot"):
        function(available)


@pytest.mark.parametrize("epsilon", [-0.01, 1.01, np.nan])
def test_an_epsilon_outside_zero_to_one_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon: must be between 0 and 1"):
        epsilon_greedy([[0.0]], np.array([[True]]), epsilon)


def test_a_score_that_is_not_finite_is_named_by_its_row():
    with pytest.raises(ValueError, match="score: row 1"):
        epsilon_greedy([[0.0], [np.nan]], np.array([[True], [True]]), 0.1)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"score: must have shape \(1, 2\)"):
        epsilon_greedy([[0.0]], np.array([[True, True]]), 0.1)


def test_an_availability_of_numbers_is_refused():
    with pytest.raises(ValueError, match="available: must be a bool matrix"):
        uniform([[1, 0]])
