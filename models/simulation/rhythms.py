"""What is systematic in a patient's day: sleep, work, and a curve over the hours that is their own.

A rhythm holds one way of life of n persons; a world strings rhythms together (`models.simulation.
lives`). Hours are local and decimal; those after midnight go on from 24.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.simulation.tuning import Tuning
from models.simulation.world import Floats

SLOTS = 28
FIRST_HOUR = 8.0
PER_BLOCK = 7
HOURS: Floats = np.asarray(FIRST_HOUR + np.arange(SLOTS) * 0.5, dtype=np.float64)
CURVE_LENGTH = 1.6  # hours over which a person's readiness is alike
WORK_HOURS = 8.0
EDGE = 0.25  # hours in which waking up and falling asleep happen


@dataclass(frozen=True)
class Rhythm:
    """One way of life of n persons.

    wake, bed: (2, n) hours on work and off days; work_start: (n,), NaN without work; own: (n, 28)
    logit of the person's curve; off: (n, 28) what an off day adds to it; wave: (n,) how much of
    the shared curve the person shows, 1 for all of it.
    """

    wake: Floats
    bed: Floats
    work_start: Floats
    own: Floats
    off: Floats
    wave: Floats

    def curves(self, tuning: Tuning) -> Floats:
        """Return the systematic logit (2, n, 28) on work and off days, without base and trend."""
        shared = tuning.wave * np.cos((HOURS - 16.0) / 24.0 * 4.0 * np.pi) - 0.1 * (HOURS < 10.0)
        awake = expit((HOURS - self.wake[..., None] - 0.3) / EDGE) * expit(
            (self.bed[..., None] - 0.5 - HOURS) / EDGE
        )
        curves = self.own + self.wave[:, None] * shared - tuning.sleep_drop * (1.0 - awake)
        curves[0] -= tuning.work_drop * self._at_work()
        curves[1] += self.off
        return np.asarray(curves, dtype=np.float64)

    def _at_work(self) -> NDArray[np.bool_]:
        """Return where each person is at work (n, 28); the midday break is free."""
        since = HOURS - np.nan_to_num(self.work_start, nan=99.0)[:, None]
        return (since >= 0.0) & (since < WORK_HOURS) & ~((since >= 4.0) & (since < 4.5))


def draw_rhythm(rng: np.random.Generator, persons: int, tuning: Tuning) -> Rhythm:
    """Return rhythms of people who mostly work by day, some in shifts."""
    wake = 7.6 + rng.standard_normal(persons)
    bed = 22.6 + 0.9 * rng.standard_normal(persons)
    own, off = draw_curves(rng, persons, tuning)
    return Rhythm(
        wake=np.stack([wake, wake]),
        bed=np.stack([bed, bed]),
        work_start=draw_work(rng, persons, tuning),
        own=own,
        off=off,
        wave=np.ones(persons),
    )


def draw_curves(rng: np.random.Generator, persons: int, tuning: Tuning) -> tuple[Floats, Floats]:
    """Return persons' own curves and what off days add to them, both (n, 28), logit.

    Gaussian processes with a squared exponential kernel (Rasmussen & Williams 2006, eq. 2.31).
    """
    gap = HOURS[:, None] - HOURS[None, :]
    kernel = np.exp(-0.5 * (gap / CURVE_LENGTH) ** 2) + 1e-8 * np.eye(SLOTS)
    root = np.linalg.cholesky(kernel).T
    own = tuning.curve_sd * rng.standard_normal((persons, SLOTS)) @ root
    off = tuning.off_curve_sd * rng.standard_normal((persons, SLOTS)) @ root
    return np.asarray(own, dtype=np.float64), np.asarray(off, dtype=np.float64)


def draw_work(rng: np.random.Generator, persons: int, tuning: Tuning) -> Floats:
    """Return the hour (n,) at which each person's work starts, NaN for those without work."""
    works = rng.random(persons) < tuning.employed_share
    shifts = rng.random(persons) < tuning.shift_share
    usual = np.clip(9.0 + 1.5 * rng.standard_normal(persons), 6.0, 14.0)
    start = np.where(shifts, rng.uniform(6.0, 14.0, persons), usual)
    return np.asarray(np.where(works, start, np.nan), dtype=np.float64)


def redrawn(rhythm: Rhythm, rng: np.random.Generator, tuning: Tuning) -> Rhythm:
    """Return the rhythm after a change of life: other curves, and other hours for who works."""
    own, off = draw_curves(rng, rhythm.work_start.size, tuning)
    everybody = replace(tuning, employed_share=1.0)
    start = draw_work(rng, rhythm.work_start.size, everybody)
    start = np.where(np.isnan(rhythm.work_start), np.nan, start)
    return replace(rhythm, own=own, off=off, work_start=start)
