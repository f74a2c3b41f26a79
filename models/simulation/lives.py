"""How patients' days are laid out: which rhythm holds on which day, and which days are off."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.simulation.rhythms import WORK_HOURS, Rhythm, draw_rhythm, redrawn
from models.simulation.tuning import Tuning
from models.simulation.world import Floats, Ints

NEVER = 10**6
HORIZON = 42  # days; what happens once falls into these, however short the run
WRONG_SHARE = 0.15  # of declared work hours
OFFICE = 5  # work days of the usual week, which starts on a Monday

ByDay = Callable[[int], Ints]


@dataclass(frozen=True)
class Life:
    """The days of n persons.

    rhythms: the ways of life that occur; version(day): (n,) which of them holds; day_type(day):
    (n,) 0 work, 1 off, as a calendar knows it; declared: what persons said at onboarding.
    """

    rhythms: tuple[Rhythm, ...]
    version: ByDay
    day_type: ByDay
    declared: dict[str, Floats]


def usual_life(rng: np.random.Generator, persons: int, days: int, tuning: Tuning) -> Life:
    """Return a life in which some persons' rhythm changes for good once, and nobody says so."""
    before = draw_rhythm(rng, persons, tuning)
    after = redrawn(before, rng, tuning)
    change = once(rng, persons, days, tuning.change_share, first=7)
    works_shifts = ~np.isnan(before.work_start) & (rng.random(persons) < tuning.shift_share)
    turn = np.where(works_shifts, rng.integers(0, 7, persons), 0)
    return Life(
        rhythms=(before, after),
        version=lambda day: (day >= change).astype(np.int64),
        day_type=lambda day: weekly(day, turn),
        declared=declare(rng, before),
    )


def weekly(day: int, turn: Ints) -> Ints:
    """Return the type of day (n,) in a week of five work days and two off, turned by `turn`."""
    return np.asarray((day + turn) % 7 >= OFFICE, dtype=np.int64)


def once(rng: np.random.Generator, persons: int, days: int, share: float, first: int) -> Ints:
    """Return the day (n,) of something that befalls a share of persons once, from `first` on."""
    befalls = rng.random(persons) < share
    day = rng.integers(first, max(days, HORIZON), persons)
    return np.asarray(np.where(befalls, day, NEVER), dtype=np.int64)


def declare(rng: np.random.Generator, rhythm: Rhythm) -> dict[str, Floats]:
    """Return what persons say of a work day: rounded to half hours, and some work hours wrong."""
    n = rhythm.work_start.size
    wrong = np.where(rng.random(n) < WRONG_SHARE, rng.choice([-2.0, 2.0], n), 0.0)
    start = _half_hours(rhythm.work_start + wrong)
    return {
        "wake": _half_hours(rhythm.wake[0] + 0.4 * rng.standard_normal(n)) % 24.0,
        "bed": _half_hours(rhythm.bed[0] + 0.4 * rng.standard_normal(n)) % 24.0,
        "work_start": start % 24.0,
        "work_end": (start + WORK_HOURS) % 24.0,
    }


def _half_hours(hour: Floats) -> Floats:
    return np.asarray(np.round(2.0 * hour) / 2.0, dtype=np.float64)
