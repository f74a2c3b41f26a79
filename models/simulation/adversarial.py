"""A world against learners: each patient's rhythm flips once, so what was learned turns wrong.

On a day of each person's own, the person's curve and their part in the shared curve change sign:
the best hours become the worst. Sleep and work stay. Everything else is as in `ema`.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.simulation import ema
from models.simulation.lives import NEVER, Life, declare, weekly
from models.simulation.patients import PatientWorld
from models.simulation.rhythms import draw_rhythm
from models.simulation.tuning import Tuning

TUNING = replace(ema.TUNING, change_share=0.0)


@dataclass(frozen=True)
class Flips:
    """Which share of persons flips, and the first and last day on which one may.

    Raises ValueError, naming the field, for a share outside 0..1 or days out of order.
    """

    share: float = 1.0
    from_day: int = 14
    to_day: int = 28

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"share: must be between 0 and 1, got {self.share}")
        if not 0 <= self.from_day <= self.to_day:
            raise ValueError(f"to_day: must not be before from_day, got {self.to_day}")


def make(persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return make_with(Flips(), persons, days, seed)


def make_with(flips: Flips, persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world with these flips."""

    def life(rng: np.random.Generator, persons: int, days: int, tuning: Tuning) -> Life:
        return _life(flips, rng, persons, tuning)

    return PatientWorld(persons, days, seed, TUNING, life)


def _life(flips: Flips, rng: np.random.Generator, persons: int, tuning: Tuning) -> Life:
    """Return a life whose second rhythm is the first with its curves upside down."""
    before = draw_rhythm(rng, persons, tuning)
    after = replace(before, own=-before.own, off=-before.off, wave=-before.wave)
    flipping = rng.random(persons) < flips.share
    day = rng.integers(flips.from_day, flips.to_day + 1, persons)
    flip = np.where(flipping, day, NEVER)
    declared = declare(rng, before)
    everyday = np.zeros(persons, dtype=np.int64)
    return Life(
        (before, after),
        lambda day: (day >= flip).astype(np.int64),
        lambda day: weekly(day, everyday),
        declared,
    )
