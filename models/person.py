"""How one person's day differs from the population's, shrunk by a prior estimated from data.

Person i answers in cell c with logit population[c] + base_i + deviation_i[c]. The deviation has a
Gaussian-process prior over the hour of day, kept to at most ten eigenvectors (Williams & Seeger
2001), times a variance estimated over all persons (empirical Bayes, Robbins 1956).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from models.bins import Floats, Ints, centres
from models.history import History

MAX_STEP = 1.5  # logit; Newton steps no longer than this always climb for a logistic likelihood
MAX_STEPS = 60
TOLERANCE = 1e-5  # of a step; convergence is quadratic, so what is left is about 1e-10
VARIANCE_SPREAD = 0.3  # plausible size of the deviation variance (logit squared)


@dataclass(frozen=True)
class Counts:
    """What is kept of persons' outcomes: sums (n, 96) of prompts, answers and offsets by cell.

    The offset is what a person's running level added to the logit at the time. Within a cell its
    mean stands for all prompts; given that, the sums are sufficient statistics.
    """

    seen: Floats
    answered: Floats
    offset: Floats

    def of(self, rows: Ints) -> "Counts":
        """Return the counts of these persons."""
        return Counts(self.seen[rows], self.answered[rows], self.offset[rows])

    def logit(self, prior: "Prior") -> Floats:
        """Return the logit (n, 96) before base rate and deviation."""
        return np.asarray(prior.logit + self.offset / np.maximum(self.seen, 1.0))


@dataclass(frozen=True)
class Prior:
    """The population a person is shrunk to.

    logit: (96,) of the average person; base_sd: SD of base rates (logit); basis: (96, r) with
    deviation = basis @ z, z ~ N(0, deviation_sd squared).
    """

    logit: Floats
    base_sd: float
    basis: Floats
    deviation_sd: float

    @property
    def design(self) -> Floats:
        """Return the (96, 1 + r) design of base rate and deviation in unit-variance terms."""
        ones = np.full((self.basis.shape[0], 1), self.base_sd)
        return np.hstack([ones, self.basis * self.deviation_sd])


def kernel(length: float, day_type_correlation: float) -> Floats:
    """Return the (96, 96) unit-variance prior correlation between cells.

    Squared exponential of the distance around the clock (length in hours), times the given
    correlation between work and off days. Rasmussen & Williams (2006), eq. 4.9, wrapped.
    """
    gap = np.abs(centres()[:, None] - centres()[None, :])
    gap = np.minimum(gap, 24.0 - gap)
    hours = np.exp(-0.5 * (gap / length) ** 2)
    kinds = np.array([[1.0, day_type_correlation], [day_type_correlation, 1.0]])
    return np.kron(kinds, hours)


def occupancy(seen: Floats) -> Floats:
    """Return how much each cell counts (96,), summing to 1 and never 0, from (n, 96) prompts.

    Logarithms, because an adaptive policy piles prompts up on few cells while deviations must be
    represented wherever a prompt may go. Uniform waking hours (7 to 23) are mixed in, so that few
    data do not decide.
    """
    waking = np.tile((centres() > 7.0) & (centres() < 23.0), 2).astype(np.float64)
    total = np.log1p(seen.sum(axis=0) + waking) + 0.01
    return np.asarray(total / total.sum(), dtype=np.float64)


def centred(correlation: Floats, share: Floats) -> Floats:
    """Return the kernel of deviations whose mean over prompted cells is zero.

    The mean belongs to the person's base rate; without this the two could not be told apart.
    """
    average = correlation @ share
    grand = float(share @ average)
    return np.asarray(correlation - average[:, None] - average[None, :] + grand, dtype=np.float64)


def basis(correlation: Floats, share: Floats, rank: int) -> Floats:
    """Return (96, rank) with basis @ basis.T close to the kernel where prompts happen.

    Nystroem extension of the eigenvectors of the occupancy-weighted kernel (Williams & Seeger
    2001, eq. 4).
    """
    root = np.sqrt(share)
    values, vectors = np.linalg.eigh(root[:, None] * correlation * root[None, :])
    order = np.argsort(values)[::-1][:rank]
    values, vectors = np.maximum(values[order], 1e-12), vectors[:, order]
    # Eigenvectors have no sign of their own; fixing it makes equal data give equal bytes.
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    return np.asarray(correlation @ (root[:, None] * vectors) / np.sqrt(values), dtype=np.float64)


def deviation_variance(history: History, logit: Floats, correlation: Floats) -> float:
    """Return the variance (logit squared) of persons' deviations, shrunk towards 0.

    logit: (m,) of each outcome without deviations. Residual products of one person on two
    different days have an expectation linear in the variance; the same day is left out, because a
    bad day makes neighbours alike without any lasting preference. A weighted least-squares
    U-statistic (Hoeffding 1948; for covariance functions Yao, Mueller & Wang 2005) with a constant
    beside it for what is left of base rates; then shrunk by its own standard error (James & Stein
    1961), so little data give almost no deviation.
    """
    if history.person.size == 0:
        return 0.0
    chance = expit(logit)
    working = chance * (1.0 - chance)
    weight = history.weight[history.person]
    pairs = _different_days(history, weight * working**2)
    products = _different_days(history, weight * working * (history.label - chance))
    normal = np.array(
        [
            [pairs.sum(), (pairs * correlation).sum()],
            [(pairs * correlation).sum(), (pairs * correlation**2).sum()],
        ]
    )
    right = np.array([products.sum(), (products * correlation).sum()])
    if np.linalg.det(normal) <= 1e-9 * normal[0, 0] * normal[1, 1] or normal[1, 1] <= 0.0:
        return 0.0
    estimate = float(np.linalg.solve(normal, right)[1])
    noise = _different_days(history, weight**2 * working**3)
    error2 = 2.0 * float((noise * correlation**2).sum()) / float(normal[1, 1]) ** 2
    keep = VARIANCE_SPREAD**2 / (VARIANCE_SPREAD**2 + error2)
    return max(0.0, estimate) * keep


def _different_days(history: History, value: Floats) -> Floats:
    """Return (96, 96) sums of products of value over pairs of a person's different days."""
    by_person, by_visit = history.tally(value), history.tally_visits(value)
    return np.asarray(by_person.T @ by_person - by_visit.T @ by_visit, dtype=np.float64)


def posterior(counts: Counts, prior: Prior) -> Floats:
    """Return posterior modes (n, 1 + r) of base rate and deviation, in prior SD units.

    Newton's method with bounded steps, one small solve a person and step (Laplace approximation,
    Tierney & Kadane 1986). Starts from the prior mean, so it depends on the counts alone.
    """
    design, start = prior.design, counts.logit(prior)
    modes = np.zeros((start.shape[0], design.shape[1]))
    active = np.flatnonzero(counts.seen.any(axis=1))
    for _ in range(MAX_STEPS):
        if active.size == 0:
            break
        seen = counts.seen[active]
        chance = expit(start[active] + modes[active] @ design.T)
        slope = (counts.answered[active] - seen * chance) @ design - modes[active]
        precision = _precision(seen * chance * (1.0 - chance), design)
        step = np.linalg.solve(precision, slope[..., None])[..., 0]
        reach = np.abs(step @ design.T).max(axis=1)
        modes[active] += step * np.minimum(1.0, MAX_STEP / np.maximum(reach, 1e-300))[:, None]
        active = active[reach > TOLERANCE]
    return modes


def deviation_spread(counts: Counts, modes: Floats, prior: Prior) -> Floats:
    """Return the posterior SD (n, 96) of persons' deviations on the logit scale."""
    design = prior.design
    chance = expit(counts.logit(prior) + modes @ design.T)
    precision = _precision(counts.seen * chance * (1.0 - chance), design)
    covariance = np.linalg.inv(precision)[:, 1:, 1:]
    own = design[:, 1:]
    variance = ((own @ covariance) * own).sum(axis=2)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def spread(counts: Counts, modes: Floats, cells: Ints, prior: Prior) -> Floats:
    """Return the posterior variance (n, k) of the logit in each person's cells (n, k)."""
    design = prior.design
    chance = expit(counts.logit(prior) + modes @ design.T)
    precision = _precision(counts.seen * chance * (1.0 - chance), design)
    rows = design[cells]
    solved = np.linalg.solve(precision, np.swapaxes(rows, 1, 2))
    return np.asarray(np.einsum("nkr,nrk->nk", rows, solved), dtype=np.float64)


def _precision(working: Floats, design: Floats) -> Floats:
    """Return (n, r, r) posterior precisions from working weights (n, 96)."""
    r = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(-1, r * r)
    return np.asarray((working @ products).reshape(-1, r, r) + np.eye(r), dtype=np.float64)
