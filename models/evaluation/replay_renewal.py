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
STEPS, SETTLED = 12, 1e-8  # of Newton's method at most, and the step that ends it
START = np.array([0.0, 1.0])  # shift and slope that change nothing
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
    teaching = np.flatnonzero(renewable & ~np.isnan(outcome))
    teaching = teaching[np.argsort(known[teaching], kind="stable")]
    told, seen, came = z[teaching], outcome[teaching], known[teaching]
    found, weights = np.array(forecast, dtype=np.float64), START
    for today in np.unique(day[renewable]):
        now, past = renewable & (day == today), int(np.searchsorted(came, today))
        weights = scale(told[:past], seen[:past], weights)
        found[now] = expit(weights[0] + weights[1] * z[now])
    return found


def scale(z: Floats, y: Floats, near: Floats) -> Floats:
    """Return shift and slope of the logits z (k,) of outcomes y at their posterior mode.

    near: where the search begins, the night before's. The mode is the same from anywhere.
    """
    precision = np.array([SHIFT_SD**-2, SLOPE_SD**-2])
    X, weights = np.column_stack([np.ones_like(z), z]), near
    for _ in range(STEPS):
        chance = expit(X @ weights)
        hessian = (X * (chance * (1.0 - chance))[:, None]).T @ X + np.diag(precision)
        uphill = X.T @ (y - chance) - precision * (weights - START)
        step = np.clip(np.linalg.solve(hessian, uphill), -1.0, 1.0)
        weights = weights + step
        if float(np.abs(step).max()) < SETTLED:
            break
    return np.asarray(weights, dtype=np.float64)
