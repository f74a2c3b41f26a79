"""The mechanics of the built-in worlds: patients who answer, tire, fall silent and change.

The logit of an answer adds up from a person's base rate, the systematic curve of the rhythm that
holds that day, habituation, how the day and the hour happen to go, and burden by recent prompts.
A phone that is off, or a patient who has silently stopped, never answers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from models.simulation.lives import Life, once
from models.simulation.passing import Passing
from models.simulation.rhythms import HOURS, PER_BLOCK, SLOTS
from models.simulation.spacing import RUSHED_HOURS, best_spaced
from models.simulation.tuning import Tuning
from models.simulation.world import Floats, Ints

BURDEN_HOURS = 8.0  # in which the burden of a prompt falls to 1/e
FIRST_DROPOUT = 3

DrawLife = Callable[[np.random.Generator, int, int, Tuning], Life]


class PatientWorld:
    """Patients with 28 half-hour slots from 8 to 22 h in 4 blocks, one prompt each.

    draw_life(rng, persons, days, tuning) lays out the days. All chance is drawn independently of
    the policy (common random numbers), so that runs with the same seed are paired. Call `respond`
    once per (day, block), in order; anything else raises ValueError. Raises ValueError for persons
    or days below 1.
    """

    def __init__(
        self, persons: int, days: int, seed: int, tuning: Tuning, draw_life: DrawLife
    ) -> None:
        if persons < 1 or days < 1:
            raise ValueError(f"persons, days: must be at least 1, got {persons} and {days}")
        self.slot_hours = HOURS.copy()
        self.blocks = [slice(at, at + PER_BLOCK) for at in range(0, SLOTS, PER_BLOCK)]
        self._persons, self._days, self._tuning = persons, days, tuning
        self._all = np.arange(persons)
        rng = np.random.default_rng([seed, 0])
        self._draw_temper(rng)
        self._life = draw_life(rng, persons, days, tuning)
        self.declared: dict[str, Floats] | None = self._life.declared
        self._curves = np.stack([rhythm.curves(tuning) for rhythm in self._life.rhythms])
        self._today: tuple[int, Floats] | None = None
        self._passing = Passing(persons, (SLOTS, len(self.blocks)), seed, tuning)
        self._turn = 0
        self._load = np.zeros(persons)
        self._last_hour = np.full(persons, -np.inf)

    def day_type(self, day: int) -> Ints:
        """Return each person's type of day (n,): 0 work, 1 off. Day 0 is a Monday."""
        return self._life.day_type(day)

    def systematic(self, day: int) -> Floats:
        """Return the logit (n, 28) due to person, hour, type of day and trend; for analysis only.

        Policies under test must not see it.
        """
        if self._today is None or self._today[0] != day:
            curve = self._curves[self._life.version(day), self.day_type(day), self._all]
            base = self._base - self._fading * np.log1p(day / 7.0)
            self._today = day, np.asarray(base[:, None] + curve, dtype=np.float64)
        return self._today[1]

    def oracle(self, day: int, block: int) -> Ints:
        """Return the slot (n,) in the block with the highest systematic probability."""
        best = np.argmax(self.systematic(day)[:, self.blocks[block]], axis=1)
        return np.asarray(best, dtype=np.int64)

    def spaced_oracle(self, day: int, block: int) -> Ints:
        """Return the slot (n,) in the block with which the rest of the day goes best.

        The systematically best slots of two blocks often lie next to each other, and a prompt so
        soon is answered less; the plain oracle does not see that. Beyond the contract.
        """
        last = self._last_hour if block > 0 else np.full(self._persons, -np.inf)
        return best_spaced(
            self.systematic(day)[:, self.blocks[block].start :],
            self.slot_hours[self.blocks[block].start :],
            last,
            self._tuning.rushed_drop,
        )

    @property
    def tuning(self) -> Tuning:
        """Return the sizes of effects in this world."""
        return self._tuning

    def with_spacing_cost(self, cost: float) -> Self:
        """Return this world, unplayed yet, where prompts less than an hour apart cost this logit.

        Everything else stays, to the last draw of luck. Raises ValueError for a negative cost, or
        once the world was prompted.
        """
        if self._turn:
            raise ValueError("world: was prompted already")
        self._tuning = replace(self._tuning, rushed_drop=cost)
        return self

    def respond(
        self, day: int, block: int, slot: NDArray[np.integer]
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Prompt everybody and return (answered, delay in minutes, true probability), each (n,).

        The probability is that of the draw: it knows the day's state and a phone that is off.
        Delay is NaN where unanswered. Raises ValueError when called out of order or with a slot
        outside the block.
        """
        self._take_turn(day, block, slot)
        at = self.blocks[block].start + np.asarray(slot, dtype=np.int64)
        hour = self.slot_hours[at]
        systematic = self.systematic(day)
        logit = systematic[self._all, at] + self._passing.mood[self._all, at] - self._burden(hour)
        silent = self._passing.offline[:, block] | (day >= self._dropout)
        probability = np.where(silent, 0.0, expit(logit))
        luck = self._passing.luck[:, block]
        answered = luck[:, 0] < probability
        delay = self._delay(systematic[self._all, at] - systematic.mean(axis=1), luck[:, 1])
        self._load, self._last_hour = self._load_at(hour) + 1.0, hour
        return answered, np.where(answered, delay, np.nan), probability

    def _take_turn(self, day: int, block: int, slot: NDArray[np.integer]) -> None:
        expected = divmod(self._turn, len(self.blocks))
        if (day, block) != expected or day >= self._days:
            raise ValueError(f"day, block: expected {expected}, got {(day, block)}")
        choice = np.asarray(slot)
        if choice.shape != (self._persons,) or not ((choice >= 0) & (choice < PER_BLOCK)).all():
            raise ValueError(f"slot: must be ({self._persons},) values 0..{PER_BLOCK - 1}")
        if block == 0:
            self._passing.begin(day)
            # Overnight the burden of yesterday's prompts fades; hours count on from there.
            self._last_hour = self._last_hour - 24.0
        self._turn += 1

    def _draw_temper(self, rng: np.random.Generator) -> None:
        """Draw base rates, habituation, burden, speed, and the day of silently stopping."""
        n, t = self._persons, self._tuning
        self._base = t.level + t.person_sd * rng.standard_normal(n)
        self._fading = t.habituation * rng.gamma(2.0, 0.5, n)
        self._burden_each = t.burden * rng.gamma(2.0, 0.5, n)
        self._slowness = t.delay_person_sd * rng.standard_normal(n)
        self._dropout = once(rng, n, self._days, t.dropout_share, FIRST_DROPOUT)

    def _load_at(self, hour: Floats) -> Floats:
        """Return the discounted number of prompts so far."""
        faded = np.exp(-(hour - self._last_hour) / BURDEN_HOURS)
        return np.asarray(self._load * faded, dtype=np.float64)

    def _burden(self, hour: Floats) -> Floats:
        """Return what recent prompts take off the logit (n,)."""
        rushed = (hour - self._last_hour) < RUSHED_HOURS
        burden = self._burden_each * self._load_at(hour) + self._tuning.rushed_drop * rushed
        return np.asarray(burden, dtype=np.float64)

    def _delay(self, advantage: Floats, luck: Floats) -> Floats:
        """Return minutes to the answer (n,): log-normal, cut off at expiry, shorter at good hours.

        advantage: (n,) systematic logit above the person's mean of the day. Drawn by inversion
        from one uniform number each, so paired runs share their luck.
        """
        t = self._tuning
        middle = np.log(t.delay_median) + self._slowness - t.delay_slope * advantage
        ceiling = ndtr((np.log(t.expiry_minutes) - middle) / max(t.delay_sd, 1e-9))
        draw = ndtri(np.clip(luck * ceiling, 1e-12, 1.0 - 1e-12))
        return np.asarray(np.minimum(np.exp(middle + t.delay_sd * draw), t.expiry_minutes))
