"""The population curve: how likely the average person answers, by half hour and type of day.

A logistic regression on a periodic cubic spline with a ridge penalty (Eilers & Marx 1996), averaged
over its strength by marginal likelihood. The person's level that week is in the model, so a change
in who is prompted when does not bend the curve.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import SplineTransformer

from models.bins import BINS, CELLS, Floats, Ints, centres
from models.history import History, levels, units
from models.levels import unit_effects

CURVE_SDS = (0.05, 0.1, 0.2, 0.4, 0.8)  # candidate prior SDs of a spline coefficient, logit
ROUGH_SD = 0.1  # while levels are worked out, hours get the benefit of the doubt last
CONTRAST = 0.5  # the same for work minus off, as a share: types of day differ less than hours do
LEVEL_SD = 3.0  # weak: the coefficient of the level should come out near 1
LEVEL_STEP = 0.2  # levels are grouped this finely, which keeps the regression small
PRIOR_BASE_SD = 0.8  # typical SD of base rates on the logit scale in 18 public data sets
PRIOR_PERSONS = 5.0  # how many persons that typical value is worth


@dataclass(frozen=True)
class Curve:
    """The fitted population.

    logit: (96,) of an average person; base_sd: SD of persons' base rates (logit); offset: (m,)
    what the person's level that week added to the logit of each outcome; level: (n,) the same
    from now on.
    """

    logit: Floats
    base_sd: float
    offset: Floats
    level: Floats


def fit_curve(history: History, half_life: float) -> Curve:
    """Return the population curve of a history; half_life of persons' levels in days.

    Levels come first, as random intercepts estimated jointly with a rough curve (models.levels);
    then the curve given levels. Two half observations keep it finite for constant labels or none
    at all (Haldane 1956).
    """
    unit = units(history)
    effect = unit_effects(history, unit, DESIGN * ROUGH_SD)[unit]
    logit, slope = _regression(history, effect)
    level = levels(history, expit(logit)[history.cell], half_life)
    return Curve(logit, _base_sd(history, logit), slope * effect, level)


def _spline() -> Floats:
    """Return the (96, 24) design: a shared periodic spline and a work/off contrast."""
    knots = np.linspace(0.0, 24.0, 13)[:, None]
    spline = SplineTransformer(degree=3, knots=knots, extrapolation="periodic")
    hours = np.asarray(spline.fit_transform(centres()[:, None]), dtype=np.float64)
    shared = np.vstack([hours, hours])
    sign = np.repeat([-1.0, 1.0], BINS)[:, None]
    return np.hstack([shared, shared * sign * CONTRAST])


DESIGN = _spline()


def _regression(history: History, effect: Floats) -> tuple[Floats, float]:
    """Return the curve (96,) and the slope of the level (m,), averaged over prior SDs.

    Each candidate SD counts by its marginal likelihood (Hoeting et al. 1999), so few data give a
    nearly flat curve.
    """
    cell, level, yes, total = _grouped(history, effect)
    fits: list[tuple[float, Floats, float]] = []
    for curve_sd in CURVE_SDS:
        features = np.column_stack([DESIGN[cell] * curve_sd, level * LEVEL_SD])
        intercept, weights = _regress(features, yes, total)
        evidence = _evidence(features, yes, total, intercept, weights)
        curve = intercept + curve_sd * (DESIGN @ weights[:-1])
        fits.append((evidence, curve, max(0.0, float(weights[-1]) * LEVEL_SD)))
    share = softmax(np.array([evidence for evidence, _, _ in fits]))
    curve = share @ np.array([curve for _, curve, _ in fits])
    return curve, float(share @ np.array([slope for _, _, slope in fits]))


def _grouped(history: History, effect: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    """Return cell, level, weighted answers and weighted prompts of each cell and grouped level."""
    steps = np.round(effect / LEVEL_STEP).astype(np.int64)
    lowest = int(steps.min(initial=0))
    code = (steps - lowest) * CELLS + history.cell
    weight = history.weight[history.person]
    total = np.bincount(code, weights=weight)
    yes = np.bincount(code, weights=weight * history.label)
    used = np.flatnonzero(total)
    return (
        np.asarray(used % CELLS, dtype=np.int64),
        (used // CELLS + lowest).astype(np.float64) * LEVEL_STEP,
        np.asarray(yes[used], dtype=np.float64),
        np.asarray(total[used], dtype=np.float64),
    )


def _regress(features: Floats, yes: Floats, total: Floats) -> tuple[float, Floats]:
    """Return intercept and coefficients.

    Columns come scaled by their prior SD, so the ridge penalty with C = 1 is exactly the prior.
    """
    nothing = np.zeros((2, features.shape[1]))
    X = np.vstack([features, features, nothing])
    y = np.concatenate([np.ones(yes.size), np.zeros(yes.size), [1.0, 0.0]])
    weights = np.concatenate([yes, np.maximum(total - yes, 0.0), [0.5, 0.5]])
    used = weights > 0
    model = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=100)
    model.fit(X[used], y[used], sample_weight=weights[used])
    return float(model.intercept_[0]), np.asarray(model.coef_, dtype=np.float64)[0]


def _evidence(
    features: Floats, yes: Floats, total: Floats, intercept: float, weights: Floats
) -> float:
    """Return the log marginal likelihood of the prior up to a constant (MacKay 1992, Laplace)."""
    logit = intercept + features @ weights
    chance = expit(logit)
    fit = float((yes * logit - total * np.logaddexp(0.0, logit)).sum())
    X = np.column_stack([features, np.ones(logit.size)])
    precision = (X * (total * chance * (1.0 - chance))[:, None]).T @ X
    precision += np.diag(np.r_[np.ones(weights.size), 0.25])
    return fit - 0.5 * float(weights @ weights) - 0.5 * float(np.linalg.slogdet(precision)[1])


def _base_sd(history: History, logit: Floats) -> float:
    """Return the SD of persons' base rates (logit), by a few rounds of EM.

    Dempster, Laird & Rubin (1977); a handful of imaginary persons with the typical SD steady it.
    """
    seen, answered = history.tally(np.ones_like(history.label)), history.tally(history.label)
    active = history.weight * (seen.sum(axis=1) > 0)
    base_sd = PRIOR_BASE_SD
    for _ in range(4):
        base, variance = _base_rates(seen, answered, logit, base_sd)
        spread = float((active * (base**2 + variance)).sum()) + PRIOR_PERSONS * PRIOR_BASE_SD**2
        base_sd = float(np.sqrt(spread / (float(active.sum()) + PRIOR_PERSONS)))
    return base_sd


def _base_rates(
    seen: Floats, answered: Floats, logit: Floats, base_sd: float
) -> tuple[Floats, Floats]:
    """Return the posterior mode and variance (n,) of each person's base rate on the logit scale."""
    base = np.zeros(seen.shape[0])
    curvature = np.full_like(base, base_sd**-2)
    for _ in range(30):
        chance = expit(logit[None, :] + base[:, None])
        slope = (answered - seen * chance).sum(axis=1) - base / base_sd**2
        curvature = (seen * chance * (1.0 - chance)).sum(axis=1) + base_sd**-2
        step = np.clip(slope / curvature, -1.5, 1.5)
        base = base + step
        if base.size == 0 or float(np.abs(step).max()) < 1e-6:
            break
    return base, 1.0 / curvature
