"""Whether a new model may decide: not unless it is as good as the one that stands, give or take.

One in ten outcomes of the last two weeks is held out of every fit, always the same ones, so both
models are weighed by outcomes that neither has seen. Three figures are compared: the Brier score
of their probabilities, how far the slope of calibration is from 1, and what share of prompts would
have been answered had each chosen the slots, estimated from the logged propensities.

Models of good moments and of exercises done are weighed likewise, the former by marks alone: one
in five marks, or exercises, of the last four weeks is held out. What the times that a model prefers
would have brought is not estimated: marks and exercises are too few, and marks are given by choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.special import logit as log_odds

from engine.draws import uniform
from engine.learning_records import ANSWERED, Hours, JudgedPrompt, Outcome, Sign
from models.objective import Heads
from models.receptivity import Receptivity
from prompting.features import Around, declared_array, number_array, padded
from prompting.fitting import sign_times
from prompting.policies import AdaptivePolicy, SlotBatch

Floats = NDArray[np.float64]

HELD_OUT = 0.1
RECENT_DAYS = 14
FEWEST = 100
"""With fewer held-out outcomes nothing can be told apart, and the new model is taken."""
MOST = 50_000
SIGNS_HELD_OUT = 0.2
RECENT_SIGNS = timedelta(days=28)
FEWEST_WEIGHED = 50
"""With fewer held-out signs a model that is learned from signs is not weighed, and taken."""
NOISE = 2.33
"""Standard errors by which a model must be worse to be kept back: by chance 1 night in 100."""
EDGE = 1e-4  # probabilities are kept this far from 0 and 1 before their log odds are taken


@dataclass(frozen=True, slots=True)
class Figures:
    """How a model did on held-out outcomes: Brier score, calibration slope, share answered.

    `value`, the share, is None of a model that is learned from signs.
    """

    brier: float
    slope: float
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new model may decide; `reasons` say why not, `note` why it was not weighed."""

    promoted: bool
    reasons: tuple[str, ...]
    n: int
    new: Figures | None = None
    standing: Figures | None = None
    note: str | None = None

    def detail(self) -> dict[str, Any]:
        """Return it as the log of learning keeps it."""
        return asdict(self) | {"reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A model's figures, and what each outcome adds to their means, for the error of a difference.

    `value` is None where the share answered is not estimated.
    """

    figures: Figures
    brier: Floats
    slope_error: float
    value: Floats | None = None


def held_out(prompt_id: UUID) -> bool:
    """Return whether this prompt's outcome is kept for weighing models while it is recent."""
    return uniform(0, prompt_id, "held out") < HELD_OUT


def for_fitting(outcomes: Sequence[Outcome], last_day: int) -> list[Outcome]:
    """Return the outcomes to fit a model to: all but the recent ones that are held out."""
    since = recent_since(last_day)
    return [one for one in outcomes if one.day < since or not held_out(one.prompt_id)]


def recent_since(last_day: int) -> int:
    """Return the first day (an ordinal) that counts as recent where this is the last."""
    return last_day - RECENT_DAYS + 1


def judge(
    new: Receptivity,
    standing: Receptivity | None,
    prompts: Sequence[JudgedPrompt],
    *,
    epsilon: float,
) -> Verdict:
    """Return whether `new` may replace `standing`, by recent prompts of which some are held out.

    Raises what a broken model raises: nothing that fails here must decide.
    """
    kept = [one for one in prompts if held_out(one.outcome.prompt_id) and sum(one.available) > 1]
    if not kept:
        return _unweighed(0, FEWEST, standing)
    person = np.array([one.outcome.person for one in kept], dtype=np.str_)
    mine = _weigh(new, kept, epsilon)
    if standing is None or len(kept) < FEWEST:
        return _unweighed(len(kept), FEWEST, standing, mine.figures)
    theirs = _weigh(standing, kept, epsilon)
    reasons = tuple(_worse(mine, theirs, person))
    return Verdict(not reasons, reasons, len(kept), mine.figures, theirs.figures)


def held_out_signs(signs: Sequence[Sign], kind: str, *, now: datetime) -> list[Sign]:
    """Return the signs of this kind and the last four weeks that models are weighed by.

    Which they are follows from their prompts' ids, so no model of these weeks was fitted to them.
    """
    since = now - RECENT_SIGNS
    return [
        one
        for one in signs
        if one.kind == kind
        and one.prompt_id is not None
        and one.at >= since
        and uniform(0, one.prompt_id, "mark held out") < SIGNS_HELD_OUT
    ]


def judge_signs(
    new: Receptivity,
    standing: Receptivity | None,
    kept: Sequence[Sign],
    declared: Mapping[str, Hours],
) -> Verdict:
    """Return whether `new`, learned from signs, may replace `standing`, by signs held out.

    Raises what a broken model raises: nothing that fails here must decide.
    """
    if not kept:
        return _unweighed(0, FEWEST_WEIGHED, standing)
    mine = _weigh_signs(new, kept, declared)
    if standing is None or len(kept) < FEWEST_WEIGHED:
        return _unweighed(len(kept), FEWEST_WEIGHED, standing, mine.figures)
    theirs = _weigh_signs(standing, kept, declared)
    person = np.array([one.person for one in kept], dtype=np.str_)
    reasons = tuple(_worse(mine, theirs, person))
    return Verdict(not reasons, reasons, len(kept), mine.figures, theirs.figures)


def _unweighed(
    n: int, fewest: int, standing: Receptivity | None, new: Figures | None = None
) -> Verdict:
    """Return that a model is taken without being weighed, and why."""
    few = f"not weighed: {n} held out, and fewer than {fewest} tell nothing"
    note = "not weighed: no model stands" if standing is None else few
    return Verdict(promoted=True, reasons=(), n=n, new=new, note=note)


def _worse(mine: _Weighed, theirs: _Weighed, person: NDArray[np.str_]) -> list[str]:
    """Return in words what is worse beyond noise."""
    found = []
    if _excess(mine.brier - theirs.brier, person) > NOISE:
        found.append("its probabilities are further from what happened")
    off = abs(mine.figures.slope - 1.0) - abs(theirs.figures.slope - 1.0)
    if off > NOISE * float(np.hypot(mine.slope_error, theirs.slope_error)):
        found.append("its probabilities are worse calibrated")
    if mine.value is None or theirs.value is None:
        return found
    if _excess(theirs.value - mine.value, person) > NOISE:
        found.append("fewer prompts would have been answered at the times it prefers")
    return found


def _excess(values: Floats, person: NDArray[np.str_]) -> float:
    """Return the mean of values (n,) in standard errors, clustered by person."""
    mean = float(values.mean())
    _, row = np.unique(person, return_inverse=True)
    sums = np.bincount(row.reshape(-1), weights=values - mean)
    error = float(np.sqrt((sums**2).sum())) / values.size
    return mean / max(error, 1e-12)


def _weigh(model: Receptivity, prompts: Sequence[JudgedPrompt], epsilon: float) -> _Weighed:
    """Return the figures of one model."""
    y = np.array([one.outcome.y for one in prompts], dtype=np.float64)
    around = [Around(one.declared, one.last_hour) for one in prompts]
    batch = padded(
        [one.hours for one in prompts],
        [one.available for one in prompts],
        day_types=[one.outcome.day_type for one in prompts],
        persons=[one.outcome.person for one in prompts],
        objectives=[ANSWERED] * len(prompts),
        around=around,
    )
    chance = _chance(model, prompts, batch)
    slope, error = _slope(chance, y)
    ratio = _ratios(model, prompts, batch, epsilon)
    value = float((ratio * y).sum() / ratio.sum())
    return _Weighed(
        Figures(float(((chance - y) ** 2).mean()), slope, value),
        (chance - y) ** 2,
        error,
        value + ratio * (y - value) / ratio.mean(),
    )


def _weigh_signs(
    model: Receptivity, kept: Sequence[Sign], declared: Mapping[str, Hours]
) -> _Weighed:
    """Return the figures of one model that is learned from signs."""
    y = np.array([one.good for one in kept], dtype=np.float64)
    when, _ = sign_times(kept)
    found = model.predict_proba(
        when[:, :1],
        when[:, 1],
        np.array([one.person for one in kept], dtype=np.str_),
        declared=declared_array([declared.get(one.person) for one in kept]),
    )[:, 0]
    chance = _clipped(found)
    slope, error = _slope(chance, y)
    brier = (chance - y) ** 2
    return _Weighed(Figures(float(brier.mean()), slope), brier, error)


def _clipped(found: Floats) -> Floats:
    """Return probabilities kept from 0 and 1. Raises ValueError unless they are finite."""
    if not np.isfinite(found).all():
        raise ValueError("probabilities: must be finite")
    return np.clip(found, EDGE, 1.0 - EDGE)


def _chance(model: Receptivity, prompts: Sequence[JudgedPrompt], batch: SlotBatch) -> Floats:
    """Return the model's probability (n,) of an answer at the slot that was drawn."""
    hours = np.array([[one.outcome.hour] for one in prompts])
    found = model.predict_proba(
        hours,
        batch.day_type,
        batch.keys,
        declared=declared_array([one.declared for one in prompts]),
        last_hour=number_array([one.outcome.last_hour for one in prompts]),
    )[:, 0]
    return _clipped(found)


def _ratios(
    model: Receptivity, prompts: Sequence[JudgedPrompt], batch: SlotBatch, epsilon: float
) -> Floats:
    """Return by how much likelier each drawn slot is under the model: the weights of SNIPS.

    Swaminathan & Joachims (2015), eq. 8. Logged propensities have a floor, so weights are bounded.
    """
    law = AdaptivePolicy(Heads(model), "", epsilon).propensities(batch)
    chosen = np.array([one.chosen for one in prompts])
    logged = np.array([one.propensities[one.chosen] for one in prompts])
    return np.asarray(law[np.arange(chosen.size), chosen] / logged, dtype=np.float64)


def _slope(chance: Floats, y: Floats) -> tuple[float, float]:
    """Return the slope of y on the log odds of chance, and its standard error (Cox 1958).

    A weak prior N(1, 1) keeps it finite where all answered or none did.
    """
    x = log_odds(chance)
    columns = np.column_stack([np.ones_like(x), x])
    weights, prior = np.array([0.0, 1.0]), np.diag([0.01, 1.0])
    precision = prior
    for _ in range(25):
        fitted = expit(columns @ weights)
        precision = (columns * (fitted * (1.0 - fitted))[:, None]).T @ columns + prior
        slope = columns.T @ (y - fitted) - prior @ (weights - [0.0, 1.0])
        step = np.linalg.solve(precision, slope)
        weights = weights + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-8:
            break
    return float(weights[1]), float(np.sqrt(np.linalg.inv(precision)[1, 1]))
