"""How good forecasts were: discrimination, calibration, skill, and what the choice of time gains.

Prompts of one person are no independent observations, so every standard error is clustered by
person: the influences of a person's prompts are summed before they are squared (Liang & Zeger
1986), with the factor G/(G-1) for G persons.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata

from models.bins import Floats, Ints

THIRD = 1.0 / 3.0
EDGE = 1e-6  # forecasts are kept this far from 0 and 1 before logits are taken
TIE = 9  # decimals to which scores count as equal


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error; None where the data do not allow one."""

    value: float | None
    error: float | None


NOTHING = Estimate(None, None)


def auc(outcome: Floats, score: Floats, person: Ints) -> Estimate:
    """Return the area under the ROC curve of (n,) scores, its error by Obuchowski (1997).

    The chance that an answered prompt was scored above a missed one, ties counting half. None
    without prompts of both kinds.
    """
    yes = outcome == 1.0
    ones, zeros = int(yes.sum()), int((~yes).sum())
    if ones == 0 or zeros == 0:
        return NOTHING
    ranks = rankdata(score)
    influence = np.empty(outcome.size)
    influence[yes] = (ranks[yes] - rankdata(score[yes])) / zeros
    influence[~yes] = 1.0 - (ranks[~yes] - rankdata(score[~yes])) / ones
    area = float(influence[yes].mean())
    influence = (influence - area) / np.where(yes, ones, zeros)
    return Estimate(area, _clustered(influence, person))


def auc_within(outcome: Floats, score: Floats, person: Ints) -> Estimate:
    """Return the AUC inside persons, averaged by their numbers of prompts.

    Who answers much does not help here; only when. Persons with one kind of outcome say nothing.
    """
    areas, sizes = [], []
    for own in _rows(person):
        area = auc(outcome[own], score[own], person[own]).value
        if area is not None:
            areas.append(area)
            sizes.append(own.size)
    return _weighted(np.array(areas), np.array(sizes, dtype=np.float64))


def calibration_slope(outcome: Floats, forecast: Floats, person: Ints) -> Estimate:
    """Return the slope of a logistic regression of (n,) outcomes on the forecasts' logits.

    1 is right, below 1 the forecasts are too extreme, above 1 too timid (Cox 1958). None where the
    outcomes or the forecasts do not vary, or the forecasts separate the outcomes.
    """
    x = logit(np.clip(forecast, EDGE, 1.0 - EDGE))
    if np.unique(outcome).size < 2 or np.ptp(x) < EDGE:
        return NOTHING
    X = np.column_stack([np.ones_like(x), x])
    weights = np.array([0.0, 1.0])
    for _ in range(50):
        chance = expit(X @ weights)
        hessian = (X * (chance * (1.0 - chance))[:, None]).T @ X
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), X.T @ (outcome - chance))
        weights = weights + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-8:
            influence = X * (outcome - chance)[:, None] @ np.linalg.inv(hessian)
            return Estimate(float(weights[1]), _clustered(influence[:, 1], person))
    return NOTHING


def brier_skill(outcome: Floats, forecast: Floats) -> float | None:
    """Return by what share the squared error is smaller than that of the held-out rate itself.

    Brier (1950); the reference is the best constant there could have been. None if it has no error.
    """
    if outcome.size == 0 or float(outcome.var()) == 0.0:
        return None
    return 1.0 - float(((outcome - forecast) ** 2).mean() / outcome.var())


def timing_lift(outcome: Floats, score: Floats, person: Ints) -> Estimate:
    """Return what each person's best third of prompts by (n,) scores has above the person's mean.

    In percentage points, averaged over prompts; the error is that of a ratio clustered by person.
    Prompts with equal scores share their places, so their order cannot matter: a person whose
    scores are all equal counts with a lift of 0. Persons with fewer than three prompts have no
    third and are left out.
    """
    gains, sizes = [], []
    for own in _rows(person):
        if own.size >= 3:
            share = _best_third(score[own])
            gains.append(float(share @ (outcome[own] - outcome[own].mean())))
            sizes.append(float(share.sum()))
    size = np.array(sizes)
    lift = _weighted(np.array(gains) / size if sizes else np.empty(0), size)
    return Estimate(*(None if part is None else 100.0 * part for part in (lift.value, lift.error)))


def inverse_variance(parts: list[Estimate]) -> Estimate:
    """Return the mean weighted by inverse variance; parts without a positive error are left out."""
    known = [(part.value, part.error) for part in parts if part.value is not None and part.error]
    if not known:
        return NOTHING
    weight = np.array([error**-2.0 for _, error in known])
    value = float(weight @ np.array([value for value, _ in known]) / weight.sum())
    return Estimate(value, float(weight.sum() ** -0.5))


def plain_mean(parts: list[Estimate]) -> Estimate:
    """Return the unweighted mean over parts with a value, its error if all of them have one."""
    known = [part for part in parts if part.value is not None]
    if not known:
        return NOTHING
    errors = [part.error for part in known if part.error is not None]
    mean = sum(part.value for part in known if part.value is not None) / len(known)
    whole = len(errors) == len(known)
    return Estimate(mean, float(np.linalg.norm(errors)) / len(known) if whole else None)


def _best_third(score: Floats) -> Floats:
    """Return how much (n,) of each prompt belongs to the best third, equal scores sharing."""
    _, group, size = np.unique(np.round(-score, TIE), return_inverse=True, return_counts=True)
    better = np.cumsum(size) - size
    share = np.clip((score.size * THIRD - better) / size, 0.0, 1.0)
    return np.asarray(share[group.reshape(-1)], dtype=np.float64)


def _rows(person: Ints) -> list[Ints]:
    """Return the rows of each person."""
    order = np.argsort(person, kind="stable")
    edges = np.flatnonzero(np.diff(person[order])) + 1
    return [part for part in np.split(order, edges) if part.size]


def _weighted(values: Floats, weights: Floats) -> Estimate:
    """Return the weighted mean of persons' values with its error over persons."""
    if values.size == 0:
        return NOTHING
    mean = float(weights @ values / weights.sum())
    return Estimate(
        mean, _clustered(weights * (values - mean) / weights.sum(), np.arange(values.size))
    )


def _clustered(influence: Floats, person: Ints) -> float | None:
    """Return the standard error from influences (n,), None for fewer than two persons."""
    sums = np.array([float(influence[own].sum()) for own in _rows(person)])
    if sums.size < 2:
        return None
    return float(np.sqrt(sums.size / (sums.size - 1.0) * float((sums**2).sum())))
