"""How far the hours that persons declared still hold, as time goes by.

A declaration is made once; shifts rotate, jobs change. What declared hours add to the odds is
therefore weighed by a trust of its own for each person and day, 1 being what it is worth on
average. Trust is the sum of what all persons share, by days since their first prompt, and of a
part of the person's own that fades; both follow from prompts answered and missed against the
declaration, by Kalman filters (Kalman 1960) whose variances are chosen by likelihood.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from models.bins import Floats, Ints
from models.history import History

MEMORY_DAYS = 7.0  # in which a person's own trust falls to 1/e
OWN_SDS = (0.0, 0.25, 0.5, 0.75, 1.0)  # candidates for a person's own trust
DRIFT_SDS = (0.0, 0.01, 0.03, 0.1, 0.3, 0.5)  # candidates, of a day's change in the shared trust
FIRST_SD = 0.1  # of the shared trust on the first day, around 1
LOWEST, HIGHEST = 0.0, 2.0


@dataclass(frozen=True)
class Trust:
    """How far declarations hold.

    past: (m,) trust at the time of each outcome; now: (n,) on the day after the person's last.
    """

    past: Floats
    now: Floats

    @classmethod
    def full(cls, history: History) -> "Trust":
        """Return the trust of one who never doubts."""
        return cls(np.ones(history.label.size), np.ones(history.weight.size))


def fit_trust(history: History, logit: Floats, told: Floats) -> Trust:
    """Return the trust in what persons declared.

    logit: (m,) of each outcome, with told: (m,) what declared hours add to it. Without order of
    time, or where nothing is declared, trust is 1.
    """
    persons = history.weight.size
    if not history.timed or not told.any():
        return Trust.full(history)
    visits = history.visit_person.size
    starts = np.searchsorted(history.visit_person, np.arange(persons))
    age = (
        history.visit_day - history.visit_day[np.minimum(starts, visits - 1)][history.visit_person]
    )
    shared = _shared(history, logit, told, age)
    tilted = logit + (shared[age[history.visit]] - 1.0) * told
    slope, mass = _score(history, tilted, told, history.visit, visits, history.fresh)
    fits = [_own(history, slope, mass, sd) for sd in OWN_SDS]
    _, own, now = max(fits, key=lambda fit: fit[0])
    last = np.zeros(persons, dtype=np.int64)
    last[history.visit_person] = age
    past = (shared[age] + own)[history.visit]
    ahead = shared[np.minimum(last + 1, shared.size - 1)] + now
    return Trust(np.clip(past, LOWEST, HIGHEST), np.clip(ahead, LOWEST, HIGHEST))


def _score(
    history: History, logit: Floats, told: Floats, group: Ints, groups: int, weight: Floats
) -> tuple[Floats, Floats]:
    """Return slope and curvature (groups,) of the log likelihood in the trust of each group."""
    chance = expit(logit)
    slope = np.bincount(group, weight * told * (history.label - chance), groups)
    mass = np.bincount(group, weight * told**2 * chance * (1.0 - chance), groups)
    return np.asarray(slope, dtype=np.float64), np.asarray(mass, dtype=np.float64)


def _shared(history: History, logit: Floats, told: Floats, age: Ints) -> Floats:
    """Return the trust (ages + 1,) that all persons share, the last for the day to come."""
    days = int(age.max()) + 1
    slope, mass = _score(history, logit, told, age[history.visit], days, history.pull)
    fits = [_smoothed(slope, mass, drift**2) for drift in DRIFT_SDS]
    _, level = max(fits, key=lambda fit: fit[0])
    return np.asarray(1.0 + np.r_[level, level[-1]], dtype=np.float64)


def _smoothed(slope: Floats, mass: Floats, drift: float) -> tuple[float, Floats]:
    """Return the log likelihood and the smoothed random walk (days,) of variance `drift` a day.

    Rauch, Tung & Striebel (1965).
    """
    mean, variance, evidence = np.zeros(()), np.asarray(FIRST_SD**2), 0.0
    means, variances = np.empty(slope.size), np.empty(slope.size)
    for day in range(slope.size):
        before = variance + (drift if day else 0.0)
        gain, mean, variance = _update(mean, before, slope[day], mass[day])
        evidence += float(gain)
        means[day], variances[day] = mean, variance
    for day in range(slope.size - 2, -1, -1):
        back = variances[day] / max(variances[day] + drift, 1e-12)
        means[day] += back * (means[day + 1] - means[day])
    return evidence, means


def _own(history: History, slope: Floats, mass: Floats, sd: float) -> tuple[float, Floats, Floats]:
    """Return log likelihood, own trust at each visit (visits,), and of persons tomorrow (n,)."""
    persons, visits = history.weight.size, history.visit_person.size
    starts = np.searchsorted(history.visit_person, np.arange(persons))
    lengths = np.diff(np.r_[starts, visits])
    mean, variance, evidence = np.zeros(persons), np.full(persons, sd**2), 0.0
    day = history.visit_day[np.minimum(starts, visits - 1)].copy()
    own = np.zeros(visits)
    for turn in range(int(lengths.max(initial=0)) if sd else 0):
        who = np.flatnonzero(lengths > turn)
        at = starts[who] + turn
        fading = np.exp(-(history.visit_day[at] - day[who]) / MEMORY_DAYS)
        before = fading**2 * variance[who] + (1.0 - fading**2) * sd**2
        gain, own[at], variance[who] = _update(fading * mean[who], before, slope[at], mass[at])
        mean[who], day[who] = own[at], history.visit_day[at]
        evidence += float((gain * history.weight[who]).sum())
    return evidence, own, mean * np.exp(-1.0 / MEMORY_DAYS)


def _update(
    mean: Floats, variance: Floats, slope: Floats, mass: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the gain in log likelihood, and mean and variance after an observation.

    The observation is slope / mass with variance 1 / mass; a mass of 0 says nothing.
    """
    spread = 1.0 + variance * mass
    gain = 0.5 * (slope**2 * variance + 2.0 * slope * mean - mass * mean**2) / spread
    after = variance / spread
    return gain - 0.5 * np.log(spread), mean + after * (slope - mass * mean), after
