"""Signs that a data set tells outcomes by the way it was recorded, not by what persons do.

A missed prompt often leaves no time behind, and whoever cleans the data puts one in. A model then
learns the put-in times, not the persons. None of these signs is a proof; each names what to look at
before believing a figure.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from models.bins import Floats
from models.evaluation.replay_data import Bools, Prompts, spans
from models.evaluation.replay_models import Part, varying
from models.evaluation.replay_scores import auc, auc_within

EXACT = "exact"
DIFFERENCE = 0.1  # by how much answered and missed prompts may differ in how they are recorded
SURE = 4.0  # standard errors a difference must be away from chance
TOO_GOOD_CONTEXT, TOO_GOOD_HISTORY = 0.75, 0.9  # AUCs nobody has seen honestly
EXCESS = 0.06  # AUC within persons by which times may beat a smooth curve through them
PADDED = 0.25  # share of days without any answer from which a full grid looks filled up
REPEATED = 0.01  # share of prompts recorded twice from which the second copy tells too much
FEWEST = 20  # prompts of each kind below which nothing is said about recording


@dataclass(frozen=True)
class Sign:
    """One sign: its code, a sentence for people, and whether it casts doubt on the figures."""

    code: str
    text: str
    leak: bool

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def recording(prompts: Prompts) -> list[Sign]:
    """Return what is odd about how the prompts were recorded, before any model is fitted."""
    found = [
        *_clock_kind(prompts),
        *_differs(prompts, "clock-missing", "have no hour", np.isnan(prompts.hour)),
        *_precision(prompts),
        *_imputed(prompts),
        *_padded(prompts),
        *_order(prompts),
        *_twice(prompts),
    ]
    early = int((prompts.delay < 0.0).sum())
    if early:
        found.append(Sign("delay-negative", f"{early} answers came before their prompt", False))
    return found


def from_context(smooth: Floats, prompts: Prompts, part: Part) -> list[Sign]:
    """Return a warning if the calendar tells outcomes better than it honestly can.

    smooth: (n,) forecasts from the context by a smooth curve. A tree on the raw times, fitted on
    training prompts, is compared with it inside persons: what persons do changes slowly over the
    day, what a recording does need not.
    """
    held = ~part.train & ~np.isnan(part.outcome)
    if np.unique(part.outcome[part.learn]).size < 2 or not held.any():
        return []
    y, person = part.outcome[held], part.person[held]
    sharp = _sharp_forecast(prompts, part)[held]
    smooth = smooth[held]
    within, curve = auc_within(y, sharp, person), auc_within(y, smooth, person)
    best = max((auc(y, s, person).value or 0.0) for s in (sharp, smooth))
    if within.value is not None and within.error and curve.value is not None:
        gain = within.value - curve.value
        if gain > EXCESS and within.value - SURE * within.error > max(0.5, curve.value - EXCESS):
            text = f"raw times tell outcomes inside persons, AUC {within.value:.2f}, where a"
            return [Sign("context-sharp", f"{text} smooth curve gets {curve.value:.2f}", True)]
    if best > TOO_GOOD_CONTEXT:
        return [Sign("context-too-good", f"AUC {best:.2f} without any history", True)]
    return []


def from_history(area: float | None) -> list[Sign]:
    """Return a warning if the AUC with history is better than any honest one on record."""
    if area is None or area <= TOO_GOOD_HISTORY:
        return []
    return [Sign("history-too-good", f"AUC {area:.2f} is better than persons are", True)]


def _clock_kind(prompts: Prompts) -> list[Sign]:
    hours = np.unique(prompts.hour[~np.isnan(prompts.hour)]).size
    if hours < 2:
        text = "all hours are the same" if hours else "no hours at all"
        return [Sign("no-clock", f"{text}: no timing lift, slots only", False)]
    kinds = sorted({kind for kind in prompts.clock.tolist() if kind not in ("", EXACT)})
    if not kinds:
        return []
    text = f"clock is {', '.join(kinds)}: hours stand for slots, a lift compares slots, not times"
    return [Sign("clock-not-exact", text, False)]


def _precision(prompts: Prompts) -> list[Sign]:
    """Return a warning if missed prompts' times are rounder than answered ones', or less round."""
    minutes = np.where(np.isnan(prompts.at), prompts.hour, prompts.at) * 60.0
    timed = ~np.isnan(minutes)
    for step, name in ((1, "whole minutes"), (5, "whole five minutes"), (60, "whole hours")):
        whole = np.abs(minutes / step - np.round(minutes / step)) * step < 1e-3
        text = f"are recorded in {name}"
        if found := _differs(prompts, "clock-precision", text, whole, timed):
            return found
    return []


def _differs(
    prompts: Prompts, code: str, text: str, sign: Bools, among: Bools | None = None
) -> list[Sign]:
    """Return a warning if a sign (n,) is seen at other shares of missed and answered prompts."""
    among = np.ones(sign.size, dtype=np.bool_) if among is None else among
    missed, answered = (sign[among & (prompts.answered == kind)] for kind in (0.0, 1.0))
    if min(missed.size, answered.size) < FEWEST:
        return []
    low, high = float(missed.mean()), float(answered.mean())
    usual = float(sign[among].mean())
    error = np.sqrt(usual * (1.0 - usual) * (1.0 / missed.size + 1.0 / answered.size))
    if abs(low - high) <= max(DIFFERENCE, SURE * error):
        return []
    told = f"{100.0 * low:.1f} % of missed and {100.0 * high:.1f} % of answered prompts {text}"
    return [Sign(code, told, True)]


def _imputed(prompts: Prompts) -> list[Sign]:
    """Return a warning if missed prompts repeat each other's hours more than answered ones do.

    The other way round is no sign: where times are fixed, few missed prompts repeat few hours.
    """
    missed = prompts.answered == 0.0
    repeated = _repeated(prompts)
    if missed.all() or not missed.any() or repeated[missed].mean() < repeated[~missed].mean():
        return []
    return _differs(prompts, "clock-imputed", "have the hour of another one", repeated)


def _repeated(prompts: Prompts) -> Bools:
    """Return which hours (n,) another prompt of the same person and outcome has exactly too."""
    keys = np.column_stack([prompts.person, prompts.answered, np.round(prompts.hour, 6)])
    known = ~np.isnan(prompts.hour)
    repeated = np.zeros(prompts.hour.size, dtype=np.bool_)
    _, group, size = np.unique(keys[known], axis=0, return_inverse=True, return_counts=True)
    repeated[known] = size[group.reshape(-1)] > 1
    return repeated


def _padded(prompts: Prompts) -> list[Sign]:
    """Return a warning if everybody has a full grid of prompts and many days without an answer."""
    if prompts.persons < 2 or np.isnan(prompts.day).any():
        return []
    sizes = np.bincount(prompts.person)
    _, day = np.unique(np.column_stack([prompts.person, prompts.day]), axis=0, return_inverse=True)
    silent = float((np.bincount(day.reshape(-1), weights=prompts.answered) == 0.0).mean())
    if (sizes != sizes[0]).mean() > 0.05 or silent <= PADDED:
        return []
    told = f"all have {sizes[0]} prompts and {100.0 * silent:.0f} % of days have no answer"
    return [Sign("grid-padded", f"{told}: prompts may never have been sent", True)]


def _order(prompts: Prompts) -> list[Sign]:
    back = sum(
        int((np.diff(prompts.at[start:stop]) < 0.0).sum()) for start, stop in spans(prompts.person)
    )
    if back == 0:
        return []
    return [Sign("order", f"{back} prompts are numbered after later ones", True)]


def _twice(prompts: Prompts) -> list[Sign]:
    """Return a sign if prompts stand there twice, a leak if many: the first tells the second.

    Only clocks can tell: without one, or with dates alone, prompts of a day look the same anyway.
    """
    if np.unique(prompts.at % 24.0).size < 2:
        return []
    columns = (prompts.person, prompts.answered, prompts.at, prompts.beep, prompts.delay)
    rows = np.column_stack([np.nan_to_num(column, nan=np.inf) for column in columns])
    same = (rows[1:] == rows[:-1]).all(axis=1) & ~np.isnan(prompts.at[1:])
    twice = int(same.sum())
    if twice == 0:
        return []
    text = f"{twice} prompts are recorded as the one before, time and outcome alike"
    return [Sign("repeated", text, twice > REPEATED * prompts.person.size)]


def _sharp_forecast(prompts: Prompts, part: Part) -> Floats:
    """Return scores (n,) of boosted trees on times as they are recorded, fine detail included."""
    minute = (prompts.hour * 60.0) % 1.0
    X = np.column_stack(
        [
            prompts.hour,
            np.round(minute, 3),
            np.round((prompts.at * 60.0) % 1.0, 3),
            np.floor(prompts.hour * 60.0 + 1e-6) % 60.0,
            prompts.weekday,
            prompts.day,
            prompts.beep,
            prompts.position,
        ]
    )
    learn = part.learn
    X = X[:, varying(X, learn)]
    if X.shape[1] == 0:
        return np.zeros(part.outcome.size)
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=8, min_samples_leaf=20, early_stopping=False, random_state=0
    )
    model.fit(X[learn], part.outcome[learn])
    return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)
