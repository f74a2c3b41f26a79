"""How likely a person is to answer at all these days, whatever the hour: the recent state.

Who answers is far easier to tell than when: what counts is how the last days went. Here that state
is summed up by a few numbers that only ever look back, and a logistic regression learns from all
persons in order of time what they mean. So its probabilities are those of the next day, which is
what keeps them calibrated for people who are fading out or already gone. They never choose a time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.special import logit as log_odds

from models.bins import Floats, Ints
from models.history import History

HALF_LIVES = (1.5, 60.0)  # days, beside the estimator's own
PRIOR_PROMPTS = 10.0  # how many prompts the population's rate is worth in a person's state
RECENT_DAYS = 5.0  # by which what a day teaches of states loses half its weight
FEATURES = len(HALF_LIVES) + 3
MAX_STEP = 1.5  # logit; Newton steps no longer than this always climb for a logistic likelihood
MAX_STEPS = 40
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Engagement:
    """What the state of each person makes of their odds.

    level: (n,) logit to add to the population's on the day after the person's last;
    weights: (FEATURES,) of the state; intercept: logit.
    """

    level: Floats
    weights: Floats
    intercept: float


def fit_engagement(history: History, slot: Floats, half_life: float) -> Engagement:
    """Return the engagement of each person, from a history and the logits `slot` (m,) of its hours.

    Without order of time nothing can be said of the next day, and levels are 0.
    """
    persons = history.weight.size
    if not history.timed or history.label.size == 0:
        return Engagement(np.zeros(persons), np.zeros(FEATURES), 0.0)
    before, after = states(history, expit(slot), half_life)
    day = history.visit_day[history.visit]
    recent = np.exp2((day - day.max()) / RECENT_DAYS)
    weights, intercept = _regress(before[history.visit], history.label, history.pull * recent, slot)
    return Engagement(intercept + after @ weights, weights, intercept)


def states(history: History, expected: Floats, half_life: float) -> tuple[Floats, Floats]:
    """Return the state before each visit (visits, FEATURES), and after the last one (n, FEATURES).

    expected: (m,) chance of an average person at the hour of each outcome. Features: the log odds
    ratio of answered to expected, discounted at three speeds (Brown 1956) and shrunk as a
    beta-binomial mean (Efron & Morris 1975); misses since the last answer; days since the first
    prompt, the last two as log(1 + x). A visit counts from the day after it on.
    """
    persons, visits = history.weight.size, history.visit_person.size
    sums = np.column_stack(
        [
            np.bincount(history.visit, weights=history.fresh * value, minlength=visits)
            for value in (np.ones_like(expected), history.label, expected)
        ]
    )
    usual = (float(history.label.sum()) + 0.5) / (history.label.size + 1.0)
    rates = np.log(0.5) / np.array([half_life, *HALF_LIVES])
    starts = np.searchsorted(history.visit_person, np.arange(persons))
    lengths = np.diff(np.r_[starts, visits])
    first = history.visit_day[np.minimum(starts, visits - 1)]
    table, misses, day = np.zeros((persons, rates.size, 3)), np.zeros(persons), first.copy()
    before = np.empty((visits, FEATURES))
    for turn in range(int(lengths.max(initial=0))):
        who = np.flatnonzero(lengths > turn)
        at = starts[who] + turn
        today = history.visit_day[at]
        table[who] *= np.exp(rates * (today - day[who])[:, None])[:, :, None]
        before[at] = _features(table[who], misses[who], today - first[who], usual)
        table[who] += sums[at, None, :]
        misses[who] = np.where(sums[at, 1] > 0.0, 0.0, misses[who] + sums[at, 0])
        day[who] = today
    table *= np.exp(rates)[:, None]
    return before, _features(table, misses, day + 1 - first, usual)


def _features(table: Floats, misses: Floats, days: Ints, usual: float) -> Floats:
    seen, answered, expected = np.moveaxis(table, 2, 0)
    prior = PRIOR_PROMPTS
    own = (answered + prior * usual) / (seen + prior)
    due = (expected + prior * usual) / (seen + prior)
    return np.column_stack([log_odds(own) - log_odds(due), np.log1p(misses), np.log1p(days)])


def _regress(X: Floats, y: Floats, pull: Floats, offset: Floats) -> tuple[Floats, float]:
    """Return weights with a standard normal prior, and the intercept, of logit = offset + X w + b.

    Newton's method with bounded steps; scikit-learn's regression knows no offset. Two half
    observations keep the intercept finite (Haldane 1956).
    """
    ends = np.zeros((2, X.shape[1]))
    columns = np.column_stack([np.vstack([X, ends]), np.ones(y.size + 2)])
    y, pull = np.r_[y, 0.0, 1.0], np.r_[pull, 0.5, 0.5]
    offset = np.r_[offset, 0.0, 0.0]
    prior = np.r_[np.ones(X.shape[1]), 0.0]
    weights = np.zeros(columns.shape[1])
    for _ in range(MAX_STEPS):
        chance = expit(offset + columns @ weights)
        slope = columns.T @ (pull * (y - chance)) - prior * weights
        working = pull * chance * (1.0 - chance)
        step = np.linalg.solve((columns * working[:, None]).T @ columns + np.diag(prior), slope)
        reach = float(np.abs(columns @ step).max())
        weights = weights + step * min(1.0, MAX_STEP / max(reach, 1e-300))
        if reach < TOLERANCE:
            break
    return weights[:-1], float(weights[-1])
