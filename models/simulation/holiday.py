"""A world in which most patients go on a holiday of two weeks and then return to their old life.

On holiday there is no work, people get up and go to bed later, and answer less. The calendar goes
on telling work days from weekends, so no policy is told. Everything else is as in `ema`.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.simulation import ema
from models.simulation.lives import NEVER, Life, declare, weekly
from models.simulation.patients import PatientWorld
from models.simulation.rhythms import draw_curves, draw_rhythm
from models.simulation.tuning import Tuning
from models.simulation.world import Ints

TUNING = replace(ema.TUNING, change_share=0.0)


@dataclass(frozen=True)
class Holiday:
    """Who goes when, and how it differs.

    share: of persons; from_day, to_day: first and last day on which a holiday may begin; length in
    days; later: by how many hours sleep moves; drop: by which the logit falls; curve_share: of the
    person's own curve that is another one while away. Raises ValueError, naming the field, for
    shares outside 0..1 or days out of order.
    """

    share: float = 0.8
    from_day: int = 14
    to_day: int = 21
    length: int = 14
    later: float = 1.5
    drop: float = 0.3
    curve_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("share", "curve_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: must be between 0 and 1, got {getattr(self, name)}")
        if not 0 <= self.from_day <= self.to_day:
            raise ValueError(f"to_day: must not be before from_day, got {self.to_day}")
        if self.length < 1:
            raise ValueError(f"length: must be at least 1, got {self.length}")


def make(persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return make_with(Holiday(), persons, days, seed)


def make_with(holiday: Holiday, persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world with these holidays."""

    def life(rng: np.random.Generator, persons: int, days: int, tuning: Tuning) -> Life:
        return _life(holiday, rng, persons, tuning)

    return PatientWorld(persons, days, seed, TUNING, life)


def _life(holiday: Holiday, rng: np.random.Generator, persons: int, tuning: Tuning) -> Life:
    """Return a life with one holiday for most."""
    home = draw_rhythm(rng, persons, tuning)
    other, _ = draw_curves(rng, persons, tuning)
    share = holiday.curve_share
    away = replace(
        home,
        wake=home.wake + holiday.later,
        bed=home.bed + holiday.later,
        work_start=np.full(persons, np.nan),
        own=np.sqrt(1.0 - share) * home.own + np.sqrt(share) * other - holiday.drop,
    )
    goes = rng.random(persons) < holiday.share
    begins = rng.integers(holiday.from_day, holiday.to_day + 1, persons)
    begins = np.where(goes, begins, NEVER)
    declared = declare(rng, home)
    everyday = np.zeros(persons, dtype=np.int64)

    def version(day: int) -> Ints:
        return ((day >= begins) & (day < begins + holiday.length)).astype(np.int64)

    return Life((home, away), version, lambda day: weekly(day, everyday), declared)
