"""A training set in order: whose outcome on which day, and how well a person was doing by then.

Answering fades with time while an adaptive policy moves prompts, so later prompts sit at other
hours than earlier ones. Without a running level, the fading would be blamed on the hours.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logit as log_odds

from models.bins import Floats, Ints, tally

PRIOR_PROMPTS = 4.0  # how many prompts the population's rate is worth in a person's running level


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


def levels(history: History, expected: Floats, half_life: float) -> tuple[Floats, Floats]:
    """Return the running level before each visit (visits,), and after the last one (n,), in logit.

    The level compares answers with the population's expectation (m,) for the same prompts, both
    discounted by the half-life in days; it is 0 for a person without a past. Only earlier days
    enter, so an outcome never explains itself. Histories without order get 0 throughout.
    Exponential smoothing, Brown (1956), shrunk as a beta-binomial mean (Efron & Morris 1975).
    """
    visits, persons = history.visit_person.size, history.weight.size
    if not history.timed or visits == 0:
        return np.zeros(visits), np.zeros(persons)
    sums = np.column_stack(
        [
            np.bincount(history.visit, weights=value, minlength=visits)
            for value in (np.ones_like(expected), history.label, expected)
        ]
    )
    total = sums.sum(axis=0)
    usual = (total[1] + 0.5) / (total[0] + 1.0)
    before = np.zeros(visits)
    state, last = np.zeros((persons, 3)), np.zeros(persons)
    for visit in _in_step(history.visit_person):
        who, day = history.visit_person[visit], history.visit_day[visit].astype(np.float64)
        state[who] *= np.exp2(-(day - last[who]) / half_life)[:, None]
        before[visit] = _level(state[who], usual)
        state[who] += sums[visit]
        last[who] = day
    return before, _level(state, usual)


def _in_step(visit_person: Ints) -> list[Ints]:
    """Return everybody's first visit, then everybody's second one, and so on."""
    first = np.flatnonzero(np.r_[True, visit_person[1:] != visit_person[:-1]])
    sizes = np.diff(np.r_[first, visit_person.size])
    rank = np.arange(visit_person.size) - np.repeat(first, sizes)
    order = np.argsort(rank, kind="stable")
    return np.split(order, np.cumsum(np.bincount(rank))[:-1])


def _level(state: Floats, usual: float) -> Floats:
    """Return the shrunken log odds ratio of answered to expected (discounted sums in columns)."""
    seen, answered, expected = state.T
    prior = PRIOR_PROMPTS
    own = (answered + prior * usual) / (seen + prior)
    due = (expected + prior * usual) / (seen + prior)
    return np.asarray(log_odds(own) - log_odds(due), dtype=np.float64)
