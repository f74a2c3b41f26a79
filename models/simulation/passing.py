"""What chance does to a day: its mood hour by hour, phones that are off, and luck.

All of it is drawn before and independently of any prompt (common random numbers), so that two
policies run with the same seed meet the same days.
"""

import numpy as np
from numpy.typing import NDArray

from models.simulation.tuning import Tuning
from models.simulation.world import Floats

DAY_MEMORY = 0.35
HOUR_MEMORY = 0.75
STAYS_OFF = 0.5  # chance that a phone that is off is still off a block later


class Passing:
    """The days of n persons as they pass; `begin` each in turn.

    mood: (n, slots) logit that today adds in each slot; offline: (n, blocks) phones that are off;
    luck: (n, blocks, 2) uniform numbers that decide answer and delay.
    """

    mood: Floats
    offline: NDArray[np.bool_]
    luck: Floats

    def __init__(self, persons: int, shape: tuple[int, int], seed: int, tuning: Tuning) -> None:
        self._persons, self._seed, self._tuning = persons, seed, tuning
        self._slots, self._blocks = shape
        start = np.random.default_rng([seed, 2])
        self._level = np.zeros(persons)
        self._off = start.random(persons) < tuning.offline_share

    def begin(self, day: int) -> None:
        """Draw the day."""
        rng = np.random.default_rng([self._seed, 1, day])
        n, t = self._persons, self._tuning
        memory = DAY_MEMORY if day else 0.0
        fresh = np.sqrt(1.0 - memory**2) * t.day_sd * rng.standard_normal(n)
        self._level = memory * self._level + fresh
        self.luck = rng.random((n, self._blocks, 2))
        self.mood = self._level[:, None] + self._hours(rng)
        self.offline = self._phones(rng)

    def _hours(self, rng: np.random.Generator) -> Floats:
        """Return an autoregressive course (n, slots) over the day's slots."""
        noise = self._tuning.hour_sd * rng.standard_normal((self._persons, self._slots))
        innovation = np.sqrt(1.0 - HOUR_MEMORY**2)
        for slot in range(1, self._slots):
            noise[:, slot] = HOUR_MEMORY * noise[:, slot - 1] + innovation * noise[:, slot]
        return np.asarray(noise, dtype=np.float64)

    def _phones(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return phones that are off (n, blocks), a Markov chain with the tuned share."""
        share = self._tuning.offline_share
        begins = STAYS_OFF * share / (1.0 - share) if share < 1.0 else 1.0
        draws = rng.random((self._persons, self._blocks))
        off = np.empty(draws.shape, dtype=np.bool_)
        for block in range(self._blocks):
            self._off = draws[:, block] < np.where(self._off, max(STAYS_OFF, share == 1.0), begins)
            off[:, block] = self._off
        return off
