"""Levels of persons' weeks: random intercepts beside a population curve, estimated jointly.

Estimating one after the other would not do: where eager persons are prompted at other hours than
reluctant ones, a curve fitted first explains their levels away and never gives them back.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from models.bins import CELLS, Floats, Ints
from models.history import History

PERSON_SD = 0.8  # typical SD of persons' levels on the logit scale, all weeks taken together
WEEK_SD = 0.5  # typical SD of a person's weeks around that
TYPICAL_UNITS = 20.0  # how many weeks that typical value is worth
MAX_STEP = 1.5  # logit; Newton steps no longer than this always climb for a logistic likelihood
MAX_STEPS = 40
TOLERANCE = 1e-3


def unit_effects(history: History, unit: Ints, design: Floats) -> Floats:
    """Return the level (units,) of each unit above the average, in logit.

    unit: (m,) of each outcome; design: (96, q) of the curve with columns scaled by their prior SD.
    Units of a person are drawn to the person's mean, persons to the population's. Penalised joint
    maximum over curve and levels with the variance within persons re-estimated on the way (Schall
    1991), by Newton steps that eliminate the levels first. Persons' weights apply to the curve.
    """
    count = int(unit.max()) + 1 if unit.size else 0
    owner = np.zeros(count, dtype=np.int64)
    owner[unit] = history.person
    key, inverse = np.unique(unit * CELLS + history.cell, return_inverse=True)
    weight = history.pull
    total = np.bincount(inverse.reshape(-1), weights=weight, minlength=key.size)
    yes = np.bincount(inverse.reshape(-1), weights=weight * history.label, minlength=key.size)
    row, cell = key // CELLS, key % CELLS
    columns = np.column_stack([np.ones(CELLS), design])
    curve, effect, centre = np.zeros(columns.shape[1]), np.zeros(count), np.zeros(count)
    variance = WEEK_SD**2 if history.timed else PERSON_SD**2
    for _ in range(MAX_STEPS):
        chance = expit((columns @ curve)[cell] + effect[row])
        residual, working = yes - total * chance, total * chance * (1.0 - chance)
        spread = csr_array((working, (row, cell)), shape=(count, CELLS))
        cross = np.asarray(spread @ columns, dtype=np.float64)
        precision = np.bincount(row, weights=working, minlength=count) + 1.0 / variance
        slope_effect = (centre - effect) / variance
        slope_effect += np.bincount(row, weights=residual, minlength=count)
        slope, hessian = _curve_terms(columns, curve, cell, residual, working)
        hessian -= (cross / precision[:, None]).T @ cross
        step = np.linalg.solve(hessian, slope - cross.T @ (slope_effect / precision))
        step_effect = (slope_effect - cross @ step) / precision
        reach = float(np.abs((columns @ step)[cell] + step_effect[row]).max(initial=0.0))
        scale = min(1.0, MAX_STEP / max(reach, 1e-300))
        curve, effect = curve + scale * step, effect + scale * step_effect
        if history.timed:
            centre = _person_means(effect, owner, variance)
            variance = _shrunken_variance((effect - centre) ** 2 + 1.0 / precision)
        if reach < TOLERANCE:
            break
    return _own_level(unit, history, (columns @ curve)[history.cell], centre, variance)


def _person_means(effect: Floats, owner: Ints, variance: float) -> Floats:
    """Return for each unit the posterior mean of its person's level, from the person's units."""
    if effect.size == 0:
        return effect
    sums = np.bincount(owner, weights=effect) / variance
    means = sums / (np.bincount(owner) / variance + PERSON_SD**-2)
    return np.asarray(means[owner], dtype=np.float64)


def _shrunken_variance(squares: Floats) -> float:
    """Return the variance of units within persons, steadied by a few imaginary typical ones."""
    total = float(squares.sum()) + TYPICAL_UNITS * WEEK_SD**2
    return total / (squares.size + TYPICAL_UNITS)


def _own_level(
    unit: Ints, history: History, logit: Floats, centre: Floats, variance: float
) -> Floats:
    """Return levels (units,) given the curve (m,), from outcomes at the weight they have left.

    A person who is weighed down in the curve still has a level that is fully their own.
    """
    effect = centre.copy()
    for _ in range(MAX_STEPS):
        chance = expit(logit + effect[unit])
        residual = history.fresh * (history.label - chance)
        slope = np.bincount(unit, weights=residual, minlength=centre.size)
        working = history.fresh * chance * (1.0 - chance)
        working = np.bincount(unit, weights=working, minlength=centre.size)
        step = (slope - (effect - centre) / variance) / (working + 1.0 / variance)
        effect = effect + np.clip(step, -MAX_STEP, MAX_STEP)
        if float(np.abs(step).max(initial=0.0)) < TOLERANCE:
            break
    return effect


def _curve_terms(
    columns: Floats, curve: Floats, cell: Ints, residual: Floats, working: Floats
) -> tuple[Floats, Floats]:
    """Return slope and negative Hessian of the curve, with its prior and two half observations."""
    start = expit(curve[0])
    slope = columns.T @ np.bincount(cell, weights=residual, minlength=CELLS) - curve
    by_cell = np.bincount(cell, weights=working, minlength=CELLS)
    hessian = (columns * by_cell[:, None]).T @ columns + np.eye(curve.size)
    # The intercept has no prior but two half observations, one of each kind.
    slope[0] += curve[0] + 0.5 - start
    hessian[0, 0] += start * (1.0 - start) - 1.0
    return np.asarray(slope), np.asarray(hessian)
