"""From a posterior to exact probabilities: how published systems randomise, and their slot forms.

Two-action forms give the probability of sending as the system's own code does. Slot forms give one
probability a slot where exactly one prompt falls in a window; they are exact laws, not estimates:
posterior draws enter as a finite mixture, and the slot is then drawn from that mixture's shares.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, ndtr, softmax

from models.propensity import Floats

REACH = 9.0  # posterior SDs covered by the quadrature; beyond lies less than 1e-18
STEPS = 601  # of the trapezoid rule, which converges geometrically for such integrands


@dataclass(frozen=True)
class Smooth:
    """A smooth posterior allocation: lower + (upper - lower) expit(steepness x - ln odds).

    Averaged over the posterior of the advantage x, it never is 0 or 1, and changes little where
    the posterior changes little, which keeps inference after the study possible.
    """

    steepness: float
    odds: float
    lower: float = 0.2
    upper: float = 0.8

    def __call__(self, mean: ArrayLike, sd: ArrayLike) -> Floats:
        """Return the probability of sending for advantages x ~ N(mean, sd squared), elementwise.

        Raises ValueError for a negative or not finite sd or mean.
        """
        centre, spread = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
        if not (np.isfinite(centre).all() and np.isfinite(spread).all() and (spread >= 0).all()):
            raise ValueError("mean, sd: must be finite, and sd not negative")
        z = np.linspace(-REACH, REACH, STEPS)
        weight = np.exp(-0.5 * z**2)
        x = centre[..., None] + spread[..., None] * z
        share = expit(self.steepness * x - np.log(self.odds)) @ (weight / weight.sum())
        return np.asarray(self.lower + (self.upper - self.lower) * share, dtype=np.float64)


ORALYTICS = Smooth(steepness=0.515, odds=3.0)
"""Oralytics: Trella et al. (2022, 2024), allocation of the deployed service."""
MIWAVES = Smooth(steepness=10.0 / 0.95, odds=5.0)
"""MiWaves: Ghosh et al. (2024), allocation of the deployed service."""


def heartsteps(raw: ArrayLike, lower: float = 0.2, upper: float = 0.8) -> Floats:
    """Return the clipped probability of sending from that of a positive advantage, elementwise.

    min(upper, lower + max(raw - 1/2, 0) upper / (1/2)); HeartSteps V2, Liao et al. (2020), final
    map of the deployed service. Raises ValueError for raw outside 0..1 or bounds out of order.
    """
    chance = np.asarray(raw, dtype=np.float64)
    if not ((chance >= 0.0) & (chance <= 1.0)).all():
        raise ValueError("raw: must be between 0 and 1")
    if not 0.0 <= lower <= upper <= 1.0:
        raise ValueError(f"lower, upper: must be in order within 0..1, got {lower} and {upper}")
    mapped = lower + np.maximum(chance - 0.5, 0.0) * upper / 0.5
    return np.asarray(np.minimum(upper, mapped), dtype=np.float64)


def advantage_probability(mean: ArrayLike, sd: ArrayLike, cost: ArrayLike = 0.0) -> Floats:
    """Return the probability that an advantage N(mean, sd squared) exceeds its cost, elementwise.

    Raises ValueError for an sd that is not above 0.
    """
    spread = np.asarray(sd, dtype=np.float64)
    if not (spread > 0.0).all():
        raise ValueError("sd: must be above 0")
    return np.asarray(ndtr((np.asarray(mean) - np.asarray(cost)) / spread), dtype=np.float64)


def smooth_slots(scores: ArrayLike, steepness: float) -> Floats:
    """Return (n, k) probabilities: the softmax of steepness x score, averaged over draws.

    scores: (draws, n, k) of equally weighted posterior draws. With two slots this is the smooth
    allocation of their difference with even odds and no clipping.
    Raises ValueError for a shape other than three dimensions, no draw, or values not finite.
    """
    return np.asarray(softmax(steepness * _draws(scores), axis=2).mean(axis=0), dtype=np.float64)


def thompson_slots(scores: ArrayLike) -> Floats:
    """Return (n, k) probabilities: the share of draws in which each slot is best.

    scores as in smooth_slots; draws that tie share evenly. Thompson (1933), with the finite set of
    draws in place of the posterior, so the probabilities are exact.
    """
    values = _draws(scores)
    best = values == values.max(axis=2, keepdims=True)
    return np.asarray((best / best.sum(axis=2, keepdims=True)).mean(axis=0), dtype=np.float64)


def mixed(probability: ArrayLike, epsilon: float) -> Floats:
    """Return (n, k) probabilities with a uniform share epsilon mixed in.

    Raises ValueError for an epsilon outside 0..1.
    """
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon: must be between 0 and 1, got {epsilon}")
    law = np.asarray(probability, dtype=np.float64)
    return np.asarray((1.0 - epsilon) * law + epsilon / law.shape[-1], dtype=np.float64)


def budgeted(slots: int, budget: int, lower: float, upper: float) -> Floats:
    """Return the probabilities (budget + 1, slots) of sending at each slot in turn.

    Row b holds them while b prompts of the budget are left: what is left over the slots that are
    left, clipped to lower..upper, and 0 without any left. Stratified micro-randomisation after
    Dempsey et al. (2020), with slots as decision points.
    Raises ValueError for no slots, a budget below 0, or clips outside
    0..1 or out of order.
    """
    if slots < 1:
        raise ValueError(f"slots: must be at least 1, got {slots}")
    if budget < 0:
        raise ValueError(f"budget: must not be negative, got {budget}")
    if not 0.0 <= lower <= upper <= 1.0:
        raise ValueError(f"lower, upper: must be in order within 0..1, got {lower} and {upper}")
    left = np.arange(budget + 1, dtype=np.float64)[:, None]
    rates = np.clip(left / np.arange(slots, 0, -1), lower, upper)
    return np.asarray(np.where(left > 0.0, rates, 0.0), dtype=np.float64)


def first_sent(rates: ArrayLike) -> Floats:
    """Return the probabilities (slots + 1,) that a run of Bernoulli draws first sends at each slot.

    rates: (slots,) probabilities of sending at each slot if nothing was sent before; the last
    entry is that of sending nothing. Raises ValueError for rates outside 0..1.
    """
    chance = np.asarray(rates, dtype=np.float64)
    if chance.ndim != 1 or not ((chance >= 0.0) & (chance <= 1.0)).all():
        raise ValueError("rates: must be (slots,) values between 0 and 1")
    unsent = np.concatenate([[1.0], np.cumprod(1.0 - chance)])
    return np.concatenate([unsent[:-1] * chance, unsent[-1:]])


def _draws(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 3 or values.shape[0] == 0 or values.shape[2] == 0:
        raise ValueError(f"scores: must be (draws, n, k), got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("scores: must be finite")
    return values
