"""Moments of prompt-level data that decide what timing can do, for worlds and real sets alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.simulation.world import Floats, Ints

TIMES_OF_DAY = 4
SWEEPS = 20  # of removing means by time of day and by day in turn


@dataclass(frozen=True)
class Moments:
    """The answer rate, and SDs of the true probability on the scale of probabilities.

    s_person: between persons; s_person_tod: between a person's times of day, above what all share;
    s_person_day: between a person's days, the same. NaN where no pair of prompts tells.
    """

    rate: float
    s_person: float
    s_person_tod: float
    s_person_day: float


def moments(person: ArrayLike, day: ArrayLike, tod: ArrayLike, y: ArrayLike) -> Moments:
    """Return the moments of outcomes y (m,) 0/1 by person, day and time of day (m,) each.

    Covariances are averages of products over pairs of different prompts, so no noise of single
    outcomes enters (U-statistics, Hoeffding 1948): pairs on different days at different times of
    day give the variance between persons; those at the same time of day, or on the same day, what
    is on top. Means by time of day and by day over all persons are taken out first.
    Raises ValueError for shapes that differ or no outcomes.
    """
    outcome = np.asarray(y, dtype=np.float64)
    p, d, t = (_codes(column, outcome) for column in (person, day, tod))
    residual = outcome - outcome.mean()
    for _ in range(SWEEPS):
        for code in (t, d):
            means = np.bincount(code, weights=residual) / np.bincount(code)
            residual = residual - means[code]
    sums, counts = _pairs(residual, p, d, t), _pairs(np.ones_like(outcome), p, d, t)
    apart, same_tod, same_day = np.divide(
        sums, counts, out=np.full(3, np.nan), where=counts > 0.0
    ).tolist()
    return Moments(
        rate=float(outcome.mean()),
        s_person=_sd(apart),
        s_person_tod=_sd(same_tod - apart),
        s_person_day=_sd(same_day - apart),
    )


def after_answer_and_miss(answered: NDArray[np.bool_]) -> tuple[float, float]:
    """Return how often an answer follows an answer, and a miss, in outcomes (m, n) by time."""
    before, after = answered[:-1], answered[1:]
    return float(after[before].mean()), float(after[~before].mean())


def quarters(value: ArrayLike) -> Ints:
    """Return the quarter (m,) 0..3 of each hour of day or beep, by quartiles of its distribution.

    Raises ValueError for values that are not finite.
    """
    hours = np.asarray(value, dtype=np.float64)
    if not np.isfinite(hours).all():
        raise ValueError("value: must be finite")
    edges = np.quantile(hours, np.arange(1, TIMES_OF_DAY) / TIMES_OF_DAY)
    return np.asarray(np.digitize(hours, edges), dtype=np.int64)


def _codes(column: ArrayLike, outcome: Floats) -> Ints:
    values = np.asarray(column)
    if values.shape != outcome.shape or outcome.ndim != 1 or outcome.size == 0:
        raise ValueError(f"person, day, tod: must have shape {outcome.shape} as y, not empty")
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def _pairs(value: Floats, p: Ints, d: Ints, t: Ints) -> Floats:
    """Return sums of products over pairs of a person's prompts (3,).

    Different day and time of day; different day, same time of day; same day, different time.
    """
    days, times = int(d.max()) + 1, int(t.max()) + 1
    by_person = _squares(value, p)
    by_day, by_tod = _squares(value, p * days + d), _squares(value, p * times + t)
    by_both = _squares(value, (p * days + d) * times + t)
    return np.array([by_person - by_day - by_tod + by_both, by_tod - by_both, by_day - by_both])


def _squares(value: Floats, code: Ints) -> float:
    _, group = np.unique(code, return_inverse=True)
    return float((np.bincount(group.reshape(-1), weights=value) ** 2).sum())


def _sd(variance: float) -> float:
    """Return the root of an estimated variance, 0 where chance made it negative."""
    return float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else float("nan")
