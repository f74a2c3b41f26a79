"""A world of shift workers: most rotate through early, late and night shifts, week by week.

What an hour is good for depends on this week's shift, which no policy is told: the calendar knows
work days and days off, and at onboarding persons declare the shift of their first week. After a
night shift the morning is for sleep. Everything else is as in `ema`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.simulation import ema
from models.simulation.lives import Life, declare, weekly
from models.simulation.patients import PatientWorld
from models.simulation.rhythms import Rhythm, draw_rhythm
from models.simulation.tuning import Tuning
from models.simulation.world import Floats, Ints

TUNING = replace(ema.TUNING, employed_share=1.0, shift_share=0.0, work_drop=1.0, change_share=0.0)
CYCLE = 6  # days; the last two are off


@dataclass(frozen=True)
class Shift:
    """When a shift starts, and when its worker gets up and goes to bed, in hours."""

    start: float
    wake: float
    bed: float


@dataclass(frozen=True)
class Rota:
    """How shifts rotate: the share of persons on a rota, days per shift, and the shifts in turn.

    Raises ValueError for a share outside 0..1, a rotation below one day, or no shifts.
    """

    share: float = 0.7
    rotation_days: int = 7
    shifts: tuple[Shift, ...] = (
        Shift(start=6.0, wake=5.0, bed=21.5),
        Shift(start=14.0, wake=8.5, bed=24.5),
        Shift(start=22.0, wake=14.0, bed=30.0),
    )

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"share: must be between 0 and 1, got {self.share}")
        if self.rotation_days < 1:
            raise ValueError(f"rotation_days: must be at least 1, got {self.rotation_days}")
        if not self.shifts:
            raise ValueError("shifts: must hold at least one")


def make(persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return make_with(Rota(), persons, days, seed)


def make_with(rota: Rota, persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world with this rota."""

    def life(rng: np.random.Generator, persons: int, days: int, tuning: Tuning) -> Life:
        return _life(rota, rng, persons, tuning)

    return PatientWorld(persons, days, seed, TUNING, life)


def _life(rota: Rota, rng: np.random.Generator, persons: int, tuning: Tuning) -> Life:
    """Return a life in which rota workers begin anywhere in the rotation and in its cycle."""
    usual = draw_rhythm(rng, persons, tuning)
    on_rota = rng.random(persons) < rota.share
    first = rng.integers(0, len(rota.shifts), persons)
    turn = rng.integers(0, CYCLE, persons)
    everyday = np.zeros(persons, dtype=np.int64)
    wobble = 0.4 * rng.standard_normal(persons)
    rhythms = tuple(_on_shift(usual, shift, on_rota, wobble) for shift in rota.shifts)

    def version(day: int) -> Ints:
        return np.asarray((first + day // rota.rotation_days) % len(rota.shifts), dtype=np.int64)

    def day_type(day: int) -> Ints:
        rotating = (day + turn) % CYCLE >= CYCLE - 2
        return np.where(on_rota, rotating, weekly(day, everyday)).astype(np.int64)

    said = [declare(np.random.default_rng(rng.integers(2**32)), rhythm) for rhythm in rhythms]
    declared = {name: _pick([one[name] for one in said], first) for name in said[0]}
    return Life(rhythms, version, day_type, declared)


def _on_shift(usual: Rhythm, shift: Shift, on_rota: NDArray[np.bool_], wobble: Floats) -> Rhythm:
    """Return the rhythm of a shift for who is on the rota, and the usual one for the others."""
    wake, bed = usual.wake.copy(), usual.bed.copy()
    wake[0] = np.where(on_rota, shift.wake + wobble, wake[0])
    bed[0] = np.where(on_rota, shift.bed + wobble, bed[0])
    start = np.where(on_rota, shift.start, usual.work_start)
    return replace(usual, wake=wake, bed=bed, work_start=np.asarray(start, dtype=np.float64))


def _pick(options: list[Floats], which: Ints) -> Floats:
    return np.asarray(np.stack(options)[which, np.arange(which.size)], dtype=np.float64)
