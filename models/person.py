"""One person's base rate and deviation: the posterior given sums of outcomes and the population.

Person i answers in cell c with logit population[c] + context_i[c] + base_i + deviation_i[c]. The
deviation has a Gaussian prior of at most ten dimensions whose covariance is estimated over all
persons (models.covariance; empirical Bayes, Robbins 1956).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.bins import Floats

MAX_STEP = 1.5  # logit; Newton steps no longer than this always climb for a logistic likelihood
MAX_STEPS = 60
TOLERANCE = 1e-5  # of a step; convergence is quadratic, so what is left is about 1e-10


@dataclass(frozen=True)
class Counts:
    """Sums (n, 96) of prompts and answers by cell, and the logit they would have on average.

    Within a cell the mean of running levels and prompts before stands for all prompts; given that,
    the sums are sufficient statistics.
    """

    seen: Floats
    answered: Floats
    logit: Floats


@dataclass(frozen=True)
class Prior:
    """The population a person is shrunk to.

    logit: (96,) of the average person; context: (96, codes) what each zone adds; base_sd: SD of
    base rates (logit); basis: (96, r) with deviation = basis @ z, z ~ N(0, deviation_sd squared).
    """

    logit: Floats
    context: Floats
    base_sd: float
    basis: Floats
    deviation_sd: float

    @property
    def design(self) -> Floats:
        """Return the (96, 1 + r) design of base rate and deviation in unit-variance terms."""
        ones = np.full((self.basis.shape[0], 1), self.base_sd)
        return np.hstack([ones, self.basis * self.deviation_sd])


def posterior(counts: Counts, design: Floats) -> tuple[Floats, Floats]:
    """Return posterior modes (n, 1 + r) and covariances (n, 1 + r, 1 + r) in prior SD units.

    Newton's method with bounded steps, one small solve a person and step (Laplace approximation,
    Tierney & Kadane 1986). Starts from the prior mean, so it depends on the counts alone. Cells
    in which none of these persons was prompted are left out.
    """
    used = counts.seen.any(axis=0)
    seen, answered, logit = (
        table[:, used] for table in (counts.seen, counts.answered, counts.logit)
    )
    design = design[used]
    modes = np.zeros((seen.shape[0], design.shape[1]))
    active = np.flatnonzero(seen.any(axis=1))
    for _ in range(MAX_STEPS):
        if active.size == 0:
            break
        mass = seen[active]
        chance = expit(logit[active] + modes[active] @ design.T)
        slope = (answered[active] - mass * chance) @ design - modes[active]
        precision = _precision(mass * chance * (1.0 - chance), design)
        step = np.linalg.solve(precision, slope[..., None])[..., 0]
        reach = np.abs(step @ design.T).max(axis=1)
        modes[active] += step * np.minimum(1.0, MAX_STEP / np.maximum(reach, 1e-300))[:, None]
        active = active[reach > TOLERANCE]
    chance = expit(logit + modes @ design.T)
    covariance = np.linalg.inv(_precision(seen * chance * (1.0 - chance), design))
    return modes, np.asarray(covariance, dtype=np.float64)


def spread(rows: Floats, covariance: Floats) -> Floats:
    """Return variances (n, k) of rows @ z for design rows (n, k, r) and covariances (n, r, r)."""
    return np.asarray(((rows @ covariance) * rows).sum(axis=2), dtype=np.float64)


def packed(covariance: Floats) -> Floats:
    """Return symmetric matrices (n, q, q) as rows (n, q (q + 1) / 2)."""
    return np.asarray(covariance[(slice(None), *np.tril_indices(covariance.shape[1]))])


def unpacked(rows: NDArray[np.floating], size: int) -> Floats:
    """Return the symmetric matrices (n, size, size) that were packed."""
    at = np.tril_indices(size)
    covariance = np.empty((rows.shape[0], size, size))
    covariance[(slice(None), *at)] = rows
    covariance[(slice(None), *at[::-1])] = rows
    return covariance


def _precision(working: Floats, design: Floats) -> Floats:
    """Return (n, r, r) posterior precisions from working weights (n, cells)."""
    r = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(-1, r * r)
    return np.asarray((working @ products).reshape(-1, r, r) + np.eye(r), dtype=np.float64)
