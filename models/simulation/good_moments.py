"""A truth about good moments, laid over any built-in world.

Whether a prompt comes at a good moment is another matter than whether it is answered: each person
has a second curve over the hours, correlated with the curve of answering only as much as `Moments`
says. Who answers marks the moment as good or not in a share of cases, as the phone's question does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.simulation.patients import PatientWorld
from models.simulation.rhythms import draw_curves
from models.simulation.world import Floats, Ints, MakeWorld


@dataclass(frozen=True)
class Moments:
    """How good moments lie, logit of "this was a good moment".

    level: of an average person and hour; person_sd: of persons; curve_sd: of a person's curve over
    the hours; correlation: of that curve with the person's systematic curve of answering;
    mark_share: of answers with a mark. Raises ValueError, naming the field, for a share or
    correlation outside 0..1, or a negative size.
    """

    level: float = 0.2
    person_sd: float = 0.6
    curve_sd: float = 0.7
    correlation: float = 0.3
    mark_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("correlation", "mark_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: must be between 0 and 1, got {getattr(self, name)}")
        for name in ("person_sd", "curve_sd"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name}: must not be negative, got {getattr(self, name)}")


class GoodMoments:
    """A built-in world with good moments; everything else is passed through unchanged."""

    def __init__(self, world: PatientWorld, seed: int, moments: Moments) -> None:
        self._world, self._moments = world, moments
        self.slot_hours, self.blocks, self.declared = world.slot_hours, world.blocks, world.declared
        self._persons = world.day_type(0).size
        rng = np.random.default_rng([seed, 5])
        unit, _ = draw_curves(rng, self._persons, world.tuning)
        self._other = unit / max(world.tuning.curve_sd, 1e-9)
        self._person = moments.person_sd * rng.standard_normal(self._persons)
        self._rng = np.random.default_rng([seed, 6])

    def day_type(self, day: int) -> Ints:
        """Return each person's type of day (n,)."""
        return self._world.day_type(day)

    def oracle(self, day: int, block: int) -> Ints:
        """Return the slot (n,) in the block that is answered best."""
        return self._world.oracle(day, block)

    def respond(
        self, day: int, block: int, slot: NDArray[np.integer]
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Return (answered, delay in minutes, true probability of an answer), each (n,)."""
        return self._world.respond(day, block, slot)

    def goodness(self, day: int) -> Floats:
        """Return the chance (n, slots) that a moment is good; for scores only."""
        m = self._moments
        curve = self._world.systematic(day)
        own = curve - curve.mean(axis=1, keepdims=True)
        own /= np.maximum(own.std(axis=1, keepdims=True), 1e-9)
        mixed = m.correlation * own + np.sqrt(1.0 - m.correlation**2) * self._other
        return np.asarray(expit(m.level + self._person[:, None] + m.curve_sd * mixed))

    def mark(
        self, day: int, block: int, slot: NDArray[np.integer], answered: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Return marks (n,), 1 good, 0 not, NaN for none, and the true chance (n,) of good.

        Marks come with answers only, and not with all of them. Call once after each `respond`.
        """
        at = self.blocks[block].start + np.asarray(slot, dtype=np.int64)
        chance = self.goodness(day)[np.arange(self._persons), at]
        luck = self._rng.random((2, self._persons))
        marked = answered & (luck[0] < self._moments.mark_share)
        return np.where(marked, luck[1] < chance, np.nan), chance

    def best(self, day: int, block: int) -> Ints:
        """Return the slot (n,) in the block with most answers at good moments: the yardstick."""
        where = self.blocks[block]
        product = expit(self._world.systematic(day)[:, where]) * self.goodness(day)[:, where]
        return np.asarray(np.argmax(product, axis=1), dtype=np.int64)


def with_good_moments(make: MakeWorld, moments: Moments | None = None) -> MakeWorld:
    """Return the factory of the same worlds with good moments.

    The worlds raise ValueError unless they are built-in ones.
    """

    def made(persons: int, days: int, seed: int) -> GoodMoments:
        world = make(persons, days, seed)
        if not isinstance(world, PatientWorld):
            raise ValueError("world: only built-in worlds can have good moments")
        return GoodMoments(world, seed, moments or Moments())

    return made
