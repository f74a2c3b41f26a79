"""Replay of a finished study: how well answers could have been foretold, and times chosen.

Each person's first 60 % of prompts are learned from, the rest are foretold in order. The past of a
prompt is whatever had happened to that person before it, held-out prompts included, as it would be
in use. Models see the training part only; their scale is renewed each night of the calendar by
what has become of earlier forecasts (models.evaluation.replay_renewal).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn's own

from models.bins import Ints
from models.evaluation import replay_leaks as leaks
from models.evaluation import replay_scores as scores
from models.evaluation.replay_data import Bools, Prompts, first, labels, rank
from models.evaluation.replay_features import context, history
from models.evaluation.replay_leaks import Sign
from models.evaluation.replay_models import Part, context_forecast, forecast
from models.evaluation.replay_renewal import renewed
from models.evaluation.replay_scores import NOTHING, Estimate
from models.receptivity import Receptivity

TRAIN = 0.6


@dataclass(frozen=True)
class Replayed:
    """What a replay of one study found on its held-out prompts.

    n, persons: held-out prompts with a known outcome, and their persons; rate: their outcomes';
    auc_context_within: inside persons, where who answers much does not help;
    calibration_slope_fixed: with the scale as it was at the end of training; lift: of the person's
    own curve, lift_population: of the population's curve for everybody, both percentage points;
    signs: what is odd about the data.
    """

    n: int
    persons: int
    rate: float | None
    auc_context: Estimate
    auc_context_within: Estimate
    auc_history: Estimate
    calibration_slope: Estimate
    calibration_slope_fixed: Estimate
    brier_skill: float | None
    lift: Estimate
    lift_population: Estimate
    signs: tuple[Sign, ...]

    @property
    def exact(self) -> bool:
        """Return whether the lift is about times rather than slots."""
        return not any(sign.code in ("no-clock", "clock-not-exact") for sign in self.signs)

    @property
    def suspect(self) -> bool:
        """Return whether the figures may be made by the recording."""
        return any(sign.leak for sign in self.signs)


@dataclass(frozen=True)
class Pooled:
    """Figures over several studies.

    AUCs and Brier skill are plain means over studies, as one would quote them; slope and lifts are
    weighted by inverse variance. lift_studies: those with exact clocks, whose lifts these are.
    """

    studies: int
    lift_studies: int
    n: int
    persons: int
    auc_context: Estimate
    auc_context_within: Estimate
    auc_history: Estimate
    calibration_slope: Estimate
    calibration_slope_fixed: Estimate
    brier_skill: float | None
    lift: Estimate
    lift_population: Estimate


def replay(prompts: Prompts, within: float | None) -> Replayed:
    """Return what one study shows; within: minutes an answer may take, None for any answer.

    Raises ValueError if the outcome needs delays and the study has none.
    """
    if within is not None and np.isnan(prompts.delay).all():
        raise ValueError("delay: is empty, so nobody knows which answers came in time")
    # Trees this small spend their time waiting for each other's threads, up to ten times as long
    # on a busy machine.
    with threadpool_limits(limits=1):
        return _replayed(prompts, within)


def _replayed(prompts: Prompts, within: float | None) -> Replayed:
    """Return what one study shows."""
    outcome = labels(prompts, within)
    train = first(prompts.person, TRAIN)
    part = Part(prompts.person, outcome, train)
    held = ~train & ~np.isnan(outcome)
    signs = [*leaks.recording(prompts), *_outcomes(part, held)]
    calendar = context(prompts)
    plain = context_forecast(calendar, part)
    fixed = forecast(np.hstack([calendar, history(prompts, outcome, train)]), part)
    whole = renewed(fixed, prompts, outcome, held)[held]
    y, person = outcome[held], prompts.person[held]
    area = scores.auc(y, fixed[held], person)  # a new scale must neither help nor harm here
    signs += leaks.from_context(plain, prompts, part) + leaks.from_history(area.value)
    return Replayed(
        n=int(held.sum()),
        persons=int(np.unique(person).size),
        rate=float(y.mean()) if y.size else None,
        auc_context=scores.auc(y, plain[held], person),
        auc_context_within=scores.auc_within(y, plain[held], person),
        auc_history=area,
        calibration_slope=scores.calibration_slope(y, whole, person),
        calibration_slope_fixed=scores.calibration_slope(y, fixed[held], person),
        brier_skill=scores.brier_skill(y, whole),
        lift=_lift(prompts, part, held, Receptivity(optimism=0.0)),
        lift_population=_lift(prompts, part, held, Receptivity(optimism=0.0, rank=0)),
        signs=tuple(signs),
    )


def pooled(studies: Sequence[Replayed]) -> Pooled:
    """Return the figures over these studies; lifts over those with exact clocks."""
    timed = [one for one in studies if one.exact and one.lift.error]
    skills = [one.brier_skill for one in studies if one.brier_skill is not None]

    def mean(of: Callable[[Replayed], Estimate]) -> Estimate:
        return scores.plain_mean([of(one) for one in studies])

    return Pooled(
        studies=len(studies),
        lift_studies=len(timed),
        n=sum(one.n for one in studies),
        persons=sum(one.persons for one in studies),
        auc_context=mean(lambda one: one.auc_context),
        auc_context_within=mean(lambda one: one.auc_context_within),
        auc_history=mean(lambda one: one.auc_history),
        calibration_slope=scores.inverse_variance([one.calibration_slope for one in studies]),
        calibration_slope_fixed=scores.inverse_variance(
            [one.calibration_slope_fixed for one in studies]
        ),
        brier_skill=float(np.mean(skills)) if skills else None,
        lift=scores.inverse_variance([one.lift for one in timed]),
        lift_population=scores.inverse_variance([one.lift_population for one in timed]),
    )


def _outcomes(part: Part, held: Bools) -> list[Sign]:
    """Return what the outcomes themselves do not allow."""
    signs = []
    unknown = int(np.isnan(part.outcome).sum())
    if unknown:
        text = f"{unknown} answers without a delay are left out, nobody knows if they were in time"
        signs.append(Sign("outcome-unknown", text, False))
    for name, rows in (("training", part.learn), ("held-out", held)):
        if np.unique(part.outcome[rows]).size < 2:
            text = f"{name} prompts are all alike or none: there is nothing to tell apart"
            signs.append(Sign("outcome-constant", text, False))
    return signs


def _lift(prompts: Prompts, part: Part, held: Bools, model: Receptivity) -> Estimate:
    """Return the timing-only lift of the slot scores a model learns from the training part.

    Neither the person's level nor recent answers enter, so nothing but the time can gain here.
    """
    timed = ~np.isnan(prompts.hour)
    learn, held = part.learn & timed, held & timed
    kinds = (np.unique(values[learn]).size for values in (part.outcome, prompts.hour))
    if not held.any() or min(kinds) < 2:
        return NOTHING
    kind = np.asarray(prompts.weekday >= 5, dtype=np.int64)  # an unknown weekday is a work day
    day = _whole_days(prompts)
    X = np.column_stack([prompts.hour, kind])
    model.fit(X[learn], part.outcome[learn], person=prompts.person[learn], day=day[learn])
    score = model.slot_scores(prompts.hour[held, None], kind[held], prompts.person[held])
    return scores.timing_lift(part.outcome[held], score[:, 0], prompts.person[held])


def _whole_days(prompts: Prompts) -> Ints:
    """Return the day of each prompt as a whole number, the person's last known one if unknown."""
    known = ~np.isnan(prompts.day)
    place = np.where(known | (rank(prompts.person) == 0), np.arange(known.size), 0)
    last = np.maximum.accumulate(place) if known.size else place
    return np.asarray(np.floor(np.nan_to_num(prompts.day[last])), dtype=np.int64)
