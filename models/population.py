"""The population: how likely the average person answers, by half hour, type of day and context.

A logistic regression on a periodic cubic spline with a ridge penalty (Eilers & Marx 1996), averaged
over its strength by marginal likelihood, beside the context of models.context and the person's
level that week, so a change in who is prompted when does not bend the curve. What is known before
the data, common sense or a pilot study, enters as imaginary prompts (Bedrick, Christensen & Johnson
1996) with a level of their own, so it teaches shapes and never how eager these patients are.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import SplineTransformer

from models import context
from models.bins import BINS, CELLS, Floats, Ints, centres
from models.history import History, units
from models.levels import unit_effects
from models.pilot import EFFECTS, Pilot, split_effects

CURVE_SDS = (0.05, 0.1, 0.2, 0.4, 0.8)  # candidate prior SDs of a spline coefficient, logit
ROUGH_SD = 0.1  # while levels are worked out, hours get the benefit of the doubt last
CONTRAST = 0.5  # the same for work minus off, as a share: types of day differ less than hours do
LEVEL_SD = 3.0  # weak: the coefficient of the level should come out near 1
LEVEL_STEP = 0.2  # levels are grouped this finely, which keeps the regression small
CONTEXT_SD = 1.0  # prior SD of what a zone adds, beside the imaginary prompts
CONTEXT_PROMPTS = 30.0  # how many prompts common sense is worth in each zone
PRIOR_BASE_SD = 0.8  # typical SD of base rates on the logit scale in 18 public data sets
PRIOR_PERSONS = 5.0  # how many persons that typical value is worth
PILOT_ZONES = 10.0  # a pilot's prompts are spread over about so many zones


@dataclass(frozen=True)
class Curve:
    """The fitted population.

    logit: (96,) of an average person; base_sd: SD of persons' base rates (logit); offset: (m,)
    what the person's level that week and the prompt before added to the logit of each outcome;
    effects: (21,) of zones of sleep, work and gap;
    means: (2, 96) what sleep and work add to the average person, in logit already; table:
    (96, codes) what each zone adds to that.
    """

    logit: Floats
    base_sd: float
    offset: Floats
    effects: Floats
    means: Floats
    table: Floats


@dataclass(frozen=True)
class _Rows:
    """Grouped outcomes for the regression: cells (96 for none), other features, yes and total."""

    cell: Ints
    features: Floats
    yes: Floats
    total: Floats


def fit_curve(history: History, zones: context.Codes, pilot: Pilot | None) -> Curve:
    """Return the population of a history; zones: (n, 96) of persons.

    Levels come first, as random intercepts estimated jointly with a rough curve (models.levels);
    then the curve given levels. Two half observations keep it finite for constant labels or none
    at all (Haldane 1956).
    """
    unit = units(history)
    effect = unit_effects(history, unit, DESIGN * ROUGH_SD)[unit]
    shares = context.shares(zones)
    bare, weights = _regression(_rows(history, effect, shares, pilot))
    slope = max(0.0, float(weights[0]) * LEVEL_SD)
    effects = weights[1 : 1 + EFFECTS] * CONTEXT_SD
    sleep, work, gap = split_effects(effects)
    means = np.array([shares[0] @ sleep, shares[1] @ work])
    table = context.effect_table(sleep, work, *means)
    logit = bare + means.sum(axis=0)
    extra = table[history.cell, history.zone] + gap[history.gap]
    return Curve(
        logit=logit,
        base_sd=_base_sd(history, logit[history.cell] + extra, pilot),
        offset=slope * effect + gap[history.gap],
        effects=effects,
        means=means,
        table=table,
    )


def _spline() -> Floats:
    """Return the (96, 24) design: a shared periodic spline and a work/off contrast."""
    knots = np.linspace(0.0, 24.0, 13)[:, None]
    spline = SplineTransformer(degree=3, knots=knots, extrapolation="periodic")
    hours = np.asarray(spline.fit_transform(centres()[:, None]), dtype=np.float64)
    shared = np.vstack([hours, hours])
    sign = np.repeat([-1.0, 1.0], BINS)[:, None]
    return np.hstack([shared, shared * sign * CONTRAST])


DESIGN = _spline()


def _rows(
    history: History, effect: Floats, shares: tuple[Floats, Floats], pilot: Pilot | None
) -> _Rows:
    """Return real and imaginary outcomes by cell, level, zones and gap.

    Features: level, zones of sleep and work (the average where not known), gap, and one column
    each for the level of common sense and of the pilot.
    """
    code = np.round(effect / LEVEL_STEP).astype(np.int64)
    lowest = int(code.min(initial=0))
    zones = context.SLEEPS * context.WORKS
    code = ((code - lowest) * context.GAPS + history.gap) * zones + history.zone
    key, group = np.unique(code * CELLS + history.cell, return_inverse=True)
    group, pull = group.reshape(-1), history.pull
    total = np.bincount(group, weights=pull, minlength=key.size).astype(np.float64)
    yes = np.bincount(group, weights=pull * history.label, minlength=key.size).astype(np.float64)
    cell, code = key % CELLS, key // CELLS
    zone, code = code % zones, code // zones
    level = (code // context.GAPS + lowest) * LEVEL_STEP
    columns = [
        level[:, None] * LEVEL_SD,
        _indicators(zone % context.SLEEPS, shares[0][cell]),
        _indicators(zone // context.SLEEPS, shares[1][cell]),
        _indicators(code % context.GAPS, np.zeros((key.size, context.GAPS))),
        np.zeros((key.size, 2)),
    ]
    rows = [_Rows(cell, np.hstack(columns), yes, total), _common_sense(pilot)]
    if pilot is not None:
        rows.append(_pilot_prompts(pilot, shares))
    return _Rows(
        np.concatenate([part.cell for part in rows]),
        np.concatenate([part.features for part in rows]),
        np.concatenate([part.yes for part in rows]),
        np.concatenate([part.total for part in rows]),
    )


def _indicators(code: Ints, average: Floats) -> Floats:
    """Return indicators of codes (m, count), or the average where the code is 0."""
    columns = np.eye(average.shape[1])[code]
    columns[code == 0] = average[code == 0]
    columns[:, 0] = 0.0
    return np.asarray(columns * CONTEXT_SD, dtype=np.float64)


def _common_sense(pilot: Pilot | None) -> _Rows:
    """Return imaginary prompts in each zone, and many outside all of them to compare with."""
    priors = (context.SLEEP_PRIOR, context.WORK_PRIOR, context.GAP_PRIOR)
    effects, worth = np.concatenate(priors), CONTEXT_PROMPTS
    if pilot is not None:
        effects = np.concatenate([pilot.sleep, pilot.work, pilot.gap])
        worth += pilot.prompts / PILOT_ZONES
    starts = np.cumsum([0, context.SLEEPS, context.WORKS])
    kept = np.setdiff1d(np.arange(EFFECTS), starts)
    features = np.zeros((kept.size + 1, 1 + EFFECTS + 2))
    features[np.arange(kept.size), 1 + kept] = CONTEXT_SD
    features[:, -2] = LEVEL_SD
    total = np.r_[np.full(kept.size, worth), worth * kept.size]
    yes = total * expit(np.r_[effects[kept], 0.0])
    return _Rows(np.full(total.size, CELLS), features, yes, total)


def _pilot_prompts(pilot: Pilot, shares: tuple[Floats, Floats]) -> _Rows:
    """Return the pilot's curve as prompts to average persons."""
    nobody = np.zeros(CELLS, dtype=np.int64)
    features = np.hstack(
        [
            np.zeros((CELLS, 1)),
            _indicators(nobody, shares[0]),
            _indicators(nobody, shares[1]),
            np.zeros((CELLS, context.GAPS + 2)),
        ]
    )
    features[:, -1] = LEVEL_SD
    total = pilot.prompts * pilot.share
    return _Rows(np.arange(CELLS), features, total * expit(pilot.logit), total)


def _regression(rows: _Rows) -> tuple[Floats, Floats]:
    """Return the curve (96,) and the other coefficients, averaged over the curve's prior SDs.

    Each candidate SD counts by its marginal likelihood (Hoeting et al. 1999), so few data give a
    nearly flat curve.
    """
    design = np.vstack([DESIGN, np.zeros(DESIGN.shape[1])])[rows.cell]
    fits: list[tuple[float, Floats, Floats]] = []
    for curve_sd in CURVE_SDS:
        features = np.hstack([design * curve_sd, rows.features])
        intercept, weights = _regress(features, rows.yes, rows.total)
        evidence = _evidence(features, rows.yes, rows.total, intercept, weights)
        curve = intercept + curve_sd * (DESIGN @ weights[: DESIGN.shape[1]])
        fits.append((evidence, curve, weights[DESIGN.shape[1] :]))
    share = softmax(np.array([evidence for evidence, _, _ in fits]))
    curve = share @ np.array([curve for _, curve, _ in fits])
    return curve, np.asarray(share @ np.array([other for _, _, other in fits]))


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


def _base_sd(history: History, logit: Floats, pilot: Pilot | None) -> float:
    """Return the SD of persons' base rates (logit), by a few rounds of EM.

    logit: (m,) of each outcome for the average person. Dempster, Laird & Rubin (1977); a handful
    of imaginary persons with the typical SD, or the pilot's, steady it.
    """
    mass, yes = history.tally(history.fresh), history.tally(history.fresh * history.label)
    start = history.tally(history.fresh * logit) / np.maximum(mass, 1e-12)
    active = history.weight * (mass.sum(axis=1) > 0)
    prior_sd = PRIOR_BASE_SD if pilot is None else pilot.base_sd
    worth = PRIOR_PERSONS if pilot is None else PRIOR_PERSONS + pilot.persons
    base_sd = prior_sd
    for _ in range(4):
        base, variance = _base_rates(mass, yes, start, base_sd)
        spread = float((active * (base**2 + variance)).sum()) + worth * prior_sd**2
        base_sd = float(np.sqrt(spread / (float(active.sum()) + worth)))
    return base_sd


def _base_rates(
    seen: Floats, answered: Floats, logit: Floats, base_sd: float
) -> tuple[Floats, Floats]:
    """Return the posterior mode and variance (n,) of each person's base rate on the logit scale."""
    base = np.zeros(seen.shape[0])
    curvature = np.full_like(base, base_sd**-2)
    for _ in range(30):
        chance = expit(logit + base[:, None])
        slope = (answered - seen * chance).sum(axis=1) - base / base_sd**2
        curvature = (seen * chance * (1.0 - chance)).sum(axis=1) + base_sd**-2
        step = np.clip(slope / curvature, -1.5, 1.5)
        base = base + step
        if base.size == 0 or float(np.abs(step).max()) < 1e-6:
            break
    return base, 1.0 / curvature
