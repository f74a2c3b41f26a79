"""Lift: the adaptive arm's answer rate minus that of the permanent uniform control share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lift:
    """Rates (0..1) and sizes of both arms, and their difference in percentage points.

    None where an arm is empty; the interval is also None with fewer than two persons. lift_ci95
    holds the interval at the level asked for, 95 % unless told otherwise.
    """

    uniform_rate: float | None
    adaptive_rate: float | None
    lift_pp: float | None
    lift_ci95: tuple[float, float] | None
    n_uniform: int
    n_adaptive: int


def arm_lift(y: ArrayLike, arm: ArrayLike, person: ArrayLike, level: float = 0.95) -> Lift:
    """Return the difference of mean outcomes between the arms with an interval.

    y: (n,) 0/1; arm: (n,) "uniform" or "adaptive"; person: (n,) keys. A person may be in both
    arms. The variance is the linearised one clustered by person (Liang & Zeger 1986), with the
    factor G/(G-1) (N-1)/(N-2) and a t quantile on G-1 degrees of freedom, G persons (Cameron &
    Miller 2015, section 6); where each person is in one arm only, degrees of freedom are those of
    Welch (1947) over persons, because one small arm then decides the precision.
    Raises ValueError naming the argument for shapes, labels, arms or a level out of range.
    """
    outcome, group, keys = np.asarray(y, dtype=np.float64), np.asarray(arm), np.asarray(person)
    _check(outcome, group, keys, level)
    adaptive = group == "adaptive"
    n_adaptive = int(adaptive.sum())
    n_uniform = outcome.size - n_adaptive
    uniform_rate = float(outcome[~adaptive].mean()) if n_uniform else None
    adaptive_rate = float(outcome[adaptive].mean()) if n_adaptive else None
    if uniform_rate is None or adaptive_rate is None:
        return Lift(uniform_rate, adaptive_rate, None, None, n_uniform, n_adaptive)
    lift = adaptive_rate - uniform_rate
    influence = np.where(
        adaptive, (outcome - adaptive_rate) / n_adaptive, -(outcome - uniform_rate) / n_uniform
    )
    half = _half_width(influence, adaptive, keys, level)
    interval = None if half is None else (100.0 * (lift - half), 100.0 * (lift + half))
    return Lift(uniform_rate, adaptive_rate, 100.0 * lift, interval, n_uniform, n_adaptive)


def _half_width(
    influence: Floats, adaptive: NDArray[np.bool_], keys: NDArray[np.generic], level: float
) -> float | None:
    """Return half the width of the interval, or None if there are too few persons for one."""
    _, row = np.unique(keys, return_inverse=True)
    row = row.reshape(-1)
    sums = np.bincount(row, weights=influence)
    persons, n = sums.size, influence.size
    if persons < 2 or n < 3:
        return None
    factor = persons / (persons - 1.0) * (n - 1.0) / (n - 2.0)
    share = np.bincount(row, weights=adaptive) / np.bincount(row)
    freedom = persons - 1.0
    if ((share == 0.0) | (share == 1.0)).all():
        parts = [(sums[share == side] ** 2, int((share == side).sum())) for side in (0.0, 1.0)]
        if min(size for _, size in parts) < 2:
            return None
        total = sum(float(part.sum()) for part, _ in parts)
        spread = sum(float(part.sum()) ** 2 / (size - 1.0) for part, size in parts)
        freedom = total**2 / spread if spread > 0.0 else freedom
    error = np.sqrt(factor * float((sums**2).sum()))
    return float(student.ppf(0.5 + level / 2.0, freedom) * error)


def _check(
    outcome: Floats, group: NDArray[np.generic], keys: NDArray[np.generic], level: float
) -> None:
    if outcome.ndim != 1:
        raise ValueError(f"y: must have one dimension, got shape {outcome.shape}")
    if group.shape != outcome.shape or keys.shape != outcome.shape:
        raise ValueError(
            f"arm, person: must have shape {outcome.shape} as y, got {group.shape}, {keys.shape}"
        )
    if not ((outcome == 0.0) | (outcome == 1.0)).all():
        raise ValueError("y: must be 0 or 1")
    if not np.isin(group, ["uniform", "adaptive"]).all():
        raise ValueError('arm: must be "uniform" or "adaptive"')
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: must be between 0 and 1, got {level}")
