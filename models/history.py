"""A training set in order: whose outcome on which day, and how well a person was doing by then.

Answering fades with time while an adaptive policy moves prompts, so later prompts sit at other
hours than earlier ones. Unless each week is given a level, the fading is blamed on the hours.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logit as log_odds

from models.bins import Floats, Ints, tally

UNIT_DAYS = 7
PRIOR_PROMPTS = 4.0  # how many prompts the population's rate is worth in a person's level


@dataclass(frozen=True)
class History:
    """Outcomes, one entry each, and the days they fall on.

    person, cell, visit: (m,) rows of the person, the cell and the visit; label: (m,) 0/1.
    A visit is one day of one person, numbered by person and then by day; visit_person and
    visit_day say which. weight: (n,) influence of each person, 0..1. timed: whether days are in
    order of time.
    """

    person: Ints
    cell: Ints
    label: Floats
    visit: Ints
    visit_person: Ints
    visit_day: Ints
    weight: Floats
    timed: bool

    def tally(self, value: Floats) -> Floats:
        """Return (n, 96) sums of value (m,) by person and cell."""
        return tally(self.person, self.cell, value, self.weight.size)

    def tally_visits(self, value: Floats) -> Floats:
        """Return (visits, 96) sums of value (m,) by visit and cell."""
        return tally(self.visit, self.cell, value, self.visit_person.size)


def influence(person: Ints, persons: int, cap: float) -> Floats:
    """Return each person's weight (persons,) in 0..1, bounding what one can do to the population.

    A person counts for at most `cap` times the median number of outcomes, and never is weighed
    down below 50 outcomes.
    """
    totals = np.bincount(person, minlength=persons).astype(np.float64)
    active = totals[totals > 0]
    if active.size == 0:
        return np.ones(persons)
    limit = max(50.0, cap * float(np.median(active)))
    return np.asarray(np.minimum(1.0, limit / np.maximum(totals, 1.0)), dtype=np.float64)


def levels(history: History, expected: Floats, half_life: float) -> Floats:
    """Return how each person does of late (n,), in logit above what is expected of anybody.

    Compares answers with the population's expectation (m,) for the same prompts, both discounted
    by the half-life in days before the person's last day (not at all without order of time);
    shrunk to 0 for a person with little past. Exponential smoothing, Brown (1956), shrunk as a
    beta-binomial mean (Efron & Morris 1975).
    """
    persons = history.weight.size
    if history.label.size == 0:
        return np.zeros(persons)
    day = history.visit_day[history.visit].astype(np.float64)
    last = np.zeros(persons)
    last[history.visit_person] = history.visit_day  # visits are in order, so the last one stays
    age = last[history.person] - day
    recent = np.exp2(-age / half_life) if history.timed else np.ones_like(age)
    state = np.column_stack(
        [
            np.bincount(history.person, weights=recent * value, minlength=persons)
            for value in (np.ones_like(expected), history.label, expected)
        ]
    )
    usual = (float(history.label.sum()) + 0.5) / (history.label.size + 1.0)
    return _level(np.asarray(state, dtype=np.float64), usual)


def units(history: History) -> Ints:
    """Return the unit (m,) of each outcome: a person's week, or the person without order of time.

    Within a unit a person's readiness to answer counts as constant.
    """
    if not history.timed:
        return history.person
    week = history.visit_day // UNIT_DAYS
    starts = np.r_[True, (np.diff(history.visit_person) != 0) | (np.diff(week) != 0)]
    number = np.cumsum(starts[: history.visit_person.size]) - 1
    return np.asarray(number[history.visit], dtype=np.int64)


def _level(state: Floats, usual: float) -> Floats:
    """Return the shrunken log odds ratio of answered to expected (discounted sums in columns)."""
    seen, answered, expected = state.T
    prior = PRIOR_PROMPTS
    own = (answered + prior * usual) / (seen + prior)
    due = (expected + prior * usual) / (seen + prior)
    return np.asarray(log_odds(own) - log_odds(due), dtype=np.float64)
