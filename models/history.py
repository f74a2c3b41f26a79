"""A training set in order: whose outcome on which day, and in which context.

Answering fades with time while an adaptive policy moves prompts, so later prompts sit at other
hours than earlier ones. Unless each week is given a level, the fading is blamed on the hours.
"""

from dataclasses import dataclass

import numpy as np

from models.bins import Floats, Ints, tally

UNIT_DAYS = 7


@dataclass(frozen=True)
class History:
    """Outcomes, one entry each, and the days they fall on.

    person, cell, visit: (m,) rows of the person, the cell and the visit; label: (m,) 0/1.
    A visit is one day of one person, numbered by person and then by day; visit_person and
    visit_day say which. weight: (n,) influence of each person, 0..1. timed: whether days are in
    order of time. zone and gap: (m,) codes of models.context; fresh: (m,) what is left of each
    outcome after forgetting, 0..1.
    """

    person: Ints
    cell: Ints
    label: Floats
    visit: Ints
    visit_person: Ints
    visit_day: Ints
    weight: Floats
    timed: bool
    zone: Ints
    gap: Ints
    fresh: Floats

    @property
    def pull(self) -> Floats:
        """Return the weight (m,) of each outcome in everything that is learned of all persons."""
        return np.asarray(self.weight[self.person] * self.fresh, dtype=np.float64)

    def tally(self, value: Floats) -> Floats:
        """Return (n, 96) sums of value (m,) by person and cell."""
        return tally(self.person, self.cell, value, self.weight.size)

    def tally_visits(self, value: Floats) -> Floats:
        """Return (visits, 96) sums of value (m,) by visit and cell."""
        return tally(self.visit, self.cell, value, self.visit_person.size)


def influence(person: Ints, cap: float) -> Floats:
    """Return each person's weight (persons,) in 0..1, bounding what one can do to the population.

    A person counts for at most `cap` times the median number of outcomes, and never is weighed
    down below 50 outcomes.
    """
    totals = np.bincount(person).astype(np.float64)
    if totals.size == 0:
        return totals
    limit = max(50.0, cap * float(np.median(totals)))
    return np.asarray(np.minimum(1.0, limit / np.maximum(totals, 1.0)), dtype=np.float64)


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
