"""Forecasts brought up to date by what has become known since training, as a nightly refit would.

Models and their scale are fixed at the end of each person's training part, weeks before the last
forecasts. In use the scale would be renewed each night; here it is renewed at each midnight by the
forecasts made so far and what became of them, everybody's, in the order of the calendar.
"""

import numpy as np
from scipy.special import expit, logit

from models.bins import Floats
from models.evaluation.replay_data import Bools, Prompts
from models.evaluation.replay_scores import EDGE

SHIFT_SD = 0.3  # of what a renewal may add to the logit
SLOPE_SD = 0.3  # and of its slope around 1: little data leave forecasts as they are
STEPS = 12  # of Newton's method; two coefficients near their start need no more
HOURS = 24.0


def renewed(forecast: Floats, prompts: Prompts, outcome: Floats, held: Bools) -> Floats:
    """Return the forecasts (n,) of held-out prompts under the scale of the night before each.

    outcome: (n,) 0/1, NaN where unknown. A prompt counts from the day after its answer came, or
    after the prompt itself where none did. Each night's scale is a logistic regression of the
    outcomes so far on their forecasts' logits (Platt 2000) with a normal prior around no change.
    Where instants are unknown nobody can say what came first, and forecasts stay as they are.
    """
    z = logit(np.clip(forecast, EDGE, 1.0 - EDGE))
    day = np.floor(prompts.at / HOURS)
    waited = np.maximum(np.nan_to_num(prompts.delay), 0.0) / 60.0
    known = np.floor((prompts.at + waited) / HOURS)
    renewable = held & ~np.isnan(day)
    teaching = renewable & ~np.isnan(outcome)
    found = np.array(forecast, dtype=np.float64)
    for today in np.unique(day[renewable]):
        past, now = teaching & (known < today), renewable & (day == today)
        shift, slope = _scale(z[past], outcome[past])
        found[now] = expit(shift + slope * z[now])
    return found


def _scale(z: Floats, y: Floats) -> tuple[float, float]:
    """Return shift and slope of the logits z (k,) of outcomes y at their posterior mode."""
    start, precision = np.array([0.0, 1.0]), np.array([SHIFT_SD**-2, SLOPE_SD**-2])
    X, weights = np.column_stack([np.ones_like(z), z]), start.copy()
    for _ in range(STEPS):
        chance = expit(X @ weights)
        hessian = (X * (chance * (1.0 - chance))[:, None]).T @ X + np.diag(precision)
        slope = X.T @ (y - chance) - precision * (weights - start)
        weights = weights + np.clip(np.linalg.solve(hessian, slope), -1.0, 1.0)
    return float(weights[0]), float(weights[1])
