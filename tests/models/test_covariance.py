"""The spread of deviations: its size, its shape, and how little is believed on little data."""

import numpy as np
import pytest
from scipy.special import expit

from models import covariance
from models.bins import CELLS, cell_of
from models.history import influence
from models.inputs import history_of

HOURS = np.arange(8.0, 22.0, 0.5)


def outcomes(root, persons=600, days=30, seed=0, day_sd=0.0):
    """A history of persons whose deviations are root @ z, and the logit they start from."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    cells = cell_of(rng.choice(HOURS, rows.size), np.zeros(rows.size))
    own = rng.standard_normal((persons, root.shape[1])) @ root.T
    mood = day_sd * rng.standard_normal((persons, days))
    logit = 0.5 + own[rows, cells] + mood[rows, day]
    labels = (rng.random(rows.size) < expit(logit)).astype(float)
    history = history_of(rows, cells, labels, day, influence(rows, 4.0))
    return history, np.full(rows.size, 0.5)


def step(size):
    """Everybody has a good half of the day, which no smooth kernel of 1.6 hours expects."""
    root = np.zeros((CELLS, 1))
    root[16:30], root[30:44] = size, -size
    return root


def fitted(history, logit, rank=10):
    return covariance.fit_spread(history, logit, covariance.kernel(1.6, 0.6), rank, None)


def cells_used(spread):
    used = np.arange(16, 44)
    root = spread.basis[used] * spread.sd
    return root @ root.T


@pytest.mark.parametrize("sd", [0.0, 0.5])
def test_the_size_of_kernel_deviations_is_found(sd):
    kernel = covariance.kernel(1.6, 0.6)
    root = np.linalg.cholesky(kernel + 1e-8 * np.eye(CELLS)) * sd
    assert fitted(*outcomes(root)).sd == pytest.approx(sd, abs=0.12)


def test_bad_days_are_not_taken_for_preferences():
    assert fitted(*outcomes(np.zeros((CELLS, 1)), day_sd=1.0)).sd < 0.15


def test_a_shape_that_the_kernel_does_not_expect_is_learned_from_many_persons():
    history, logit = outcomes(step(0.7))
    truth = 0.49 * np.outer(np.repeat([1.0, -1.0], 14), np.repeat([1.0, -1.0], 14))
    spread = fitted(history, logit)
    share = covariance.occupancy(history.tally(history.pull))
    kernel = covariance.centred(covariance.kernel(1.6, 0.6), share)[16:44, 16:44]
    scale = float((kernel * truth).sum() / (kernel**2).sum())
    free = np.linalg.norm(cells_used(spread) - truth)
    assert free < 0.7 * np.linalg.norm(scale * kernel - truth)


def test_few_persons_leave_the_kernel_as_it_is():
    history, logit = outcomes(step(0.7), persons=6, days=6)
    spread = fitted(history, logit)
    share = covariance.occupancy(history.tally(history.pull))
    plain = covariance.basis(covariance.centred(covariance.kernel(1.6, 0.6), share), share, 10)
    np.testing.assert_allclose(spread.basis, plain, atol=1e-9)


def test_a_basis_is_no_larger_than_asked_and_has_no_mean_where_prompts_fall():
    history, logit = outcomes(step(0.7), persons=100)
    for rank in (0, 1, 4, 10):
        basis = fitted(history, logit, rank).basis
        assert basis.shape == (CELLS, rank)
    share = covariance.occupancy(history.tally(history.pull))
    assert np.abs(share @ fitted(history, logit).basis).max() < 0.05
