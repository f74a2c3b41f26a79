"""A world of EMA patients whose moments were set to those of public prompt-level data.

The logit of an answer adds up from a person's base rate, a population curve, the person's own
curve (redrawn once for some), work and sleep, habituation, how the day and the hour happen to go,
burden by recent prompts, phones that are off, and patients who silently stop.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from models.simulation.world import Floats, Ints

SLOTS = 28
FIRST_HOUR = 8.0
PER_BLOCK = 7
EXPIRY_MINUTES = 60.0


@dataclass(frozen=True)
class Tuning:
    """Sizes of the effects on the logit scale unless said otherwise.

    Defaults reproduce, under uniform timing, an answer rate of about .80, a SD of persons' rates
    of about .12, and answers after an answer in .85 and after a miss in .64 of cases.
    """

    level: float = 2.95
    person_sd: float = 0.5
    curve_sd: float = 0.60
    off_curve_sd: float = 0.30
    work_drop: float = 0.6
    sleep_drop: float = 1.5
    habituation: float = 0.2
    day_sd: float = 0.7
    hour_sd: float = 0.8
    burden: float = 0.12
    rushed_drop: float = 1.2  # for prompts less than an hour apart
    offline_share: float = 0.03  # of prompts met by a phone that is off
    dropout_share: float = 0.06  # of persons
    change_share: float = 0.30  # of persons whose curve is redrawn once
    delay_median: float = 9.0  # minutes, at a person's average hour
    delay_sd: float = 1.2  # of the logarithm
    delay_slope: float = 0.6  # of the log median by the systematic logit


def make(persons: int, days: int, seed: int) -> "EmaWorld":
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return EmaWorld(persons, days, seed, Tuning())


class EmaWorld:
    """Patients with 28 half-hour slots from 8 to 22 h in 4 blocks, one prompt each.

    All chance is drawn independently of the policy (common random numbers), so that runs with the
    same seed are paired. Call `respond` once per (day, block), in order; anything else raises
    ValueError. Raises ValueError for persons or days below 1.
    """

    def __init__(self, persons: int, days: int, seed: int, tuning: Tuning) -> None:
        if persons < 1 or days < 1:
            raise ValueError(f"persons, days: must be at least 1, got {persons} and {days}")
        self.slot_hours = np.asarray(FIRST_HOUR + np.arange(SLOTS) * 0.5, dtype=np.float64)
        self.blocks = [slice(at, at + PER_BLOCK) for at in range(0, SLOTS, PER_BLOCK)]
        self._persons, self._days, self._seed, self._tuning = persons, days, seed, tuning
        rng = np.random.default_rng([seed, 0])
        self._draw_temper(rng)
        self._draw_schedule(rng)
        self._draw_curves(rng)
        self.declared: dict[str, Floats] | None = self._declare(rng)
        self._turn = 0
        self._good_day = np.zeros(persons)
        self._was_offline = rng.random(persons) < tuning.offline_share
        self._load = np.zeros(persons)
        self._last_hour = np.full(persons, -np.inf)
        self._start_day(0)

    def day_type(self, day: int) -> Ints:
        """Return each person's type of day (n,): 0 work, 1 off. Day 0 is a Monday."""
        return np.asarray((day + self._week_shift) % 7 >= 5, dtype=np.int64)

    def oracle(self, day: int, block: int) -> Ints:
        """Return the slot (n,) in the block with the highest systematic probability."""
        best = np.argmax(self._systematic(day)[:, self.blocks[block]], axis=1)
        return np.asarray(best, dtype=np.int64)

    def respond(
        self, day: int, block: int, slot: NDArray[np.integer]
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Prompt everybody and return (answered, delay in minutes, true probability), each (n,).

        The probability is that of the draw: it knows the day's state and a phone that is off.
        Delay is NaN where unanswered. Raises ValueError when called out of order or with a slot
        outside the block.
        """
        self._take_turn(day, block, slot)
        n = np.arange(self._persons)
        at = self.blocks[block].start + np.asarray(slot, dtype=np.int64)
        hour = self.slot_hours[at]
        systematic = self._systematic(day)[n, at]
        probability = expit(systematic + self._state(day, hour, at))
        probability = np.where(self._offline[:, block] | (day >= self._dropout), 0.0, probability)
        answered = self._luck[:, block, 0] < probability
        delay = self._delay(day, at, systematic, self._luck[:, block, 1])
        self._load, self._last_hour = self._load_at(hour) + 1.0, hour
        return answered, np.where(answered, delay, np.nan), probability

    def _take_turn(self, day: int, block: int, slot: NDArray[np.integer]) -> None:
        expected = divmod(self._turn, len(self.blocks))
        if (day, block) != expected or day >= self._days:
            raise ValueError(f"day, block: expected {expected}, got {(day, block)}")
        choice = np.asarray(slot)
        if choice.shape != (self._persons,) or not ((choice >= 0) & (choice < PER_BLOCK)).all():
            raise ValueError(f"slot: must be ({self._persons},) values 0..{PER_BLOCK - 1}")
        if block == 0 and day > 0:
            self._start_day(day)
        self._turn += 1

    def _draw_temper(self, rng: np.random.Generator) -> None:
        """Draw base rates, habituation, burden, dropout day and the day of the redrawn curve."""
        n, t = self._persons, self._tuning
        self._base = t.level + t.person_sd * rng.standard_normal(n)
        self._fading = t.habituation * rng.gamma(2.0, 0.5, n)
        self._burden = t.burden * rng.gamma(2.0, 0.5, n)
        leaves = rng.random(n) < t.dropout_share
        self._dropout = np.where(leaves, rng.integers(3, max(self._days, 42), n), 10**6)
        changes = rng.random(n) < t.change_share
        self._change = np.where(changes, rng.integers(7, max(self._days, 42), n), 10**6)

    def _draw_schedule(self, rng: np.random.Generator) -> None:
        """Draw wake, bed and work hours (NaN without work) before and after the change."""
        n = self._persons
        self._wake = 7.6 + rng.standard_normal(n)
        self._bed = 22.6 + 0.9 * rng.standard_normal(n)
        works, shifts = rng.random(n) < 0.7, rng.random(n) < 0.2
        usual = np.clip(9.0 + 1.5 * rng.standard_normal((2, n)), 6.0, 14.0)
        start = np.where(shifts, rng.uniform(6.0, 14.0, (2, n)), usual[0])
        self._work = np.where(works, start, np.nan)
        self._week_shift = np.where(works & shifts, rng.integers(0, 7, n), 0)

    def _draw_curves(self, rng: np.random.Generator) -> None:
        """Compute the systematic logit (version, day type, n, slots) without trend."""
        t, hours = self._tuning, self.slot_hours
        gap = hours[:, None] - hours[None, :]
        root = np.linalg.cholesky(np.exp(-0.5 * (gap / 1.6) ** 2) + 1e-8 * np.eye(SLOTS)).T
        own = t.curve_sd * rng.standard_normal((2, self._persons, SLOTS)) @ root
        off = t.off_curve_sd * rng.standard_normal((2, self._persons, SLOTS)) @ root
        wave = 0.12 * np.cos((hours - 16.0) / 24.0 * 4.0 * np.pi) - 0.1 * (hours < 10.0)
        awake = expit((hours - self._wake[:, None] - 0.3) / 0.25) * expit(
            (self._bed[:, None] - 0.5 - hours) / 0.25
        )
        shared = self._base[:, None] + wave - t.sleep_drop * (1.0 - awake)
        start = np.nan_to_num(self._work, nan=99.0)[:, :, None]
        at_work = (hours >= start) & (hours < start + 8.0) & ~self._lunch(start)
        self._curves = np.empty((2, 2, self._persons, SLOTS))
        self._curves[:, 0] = shared + own - t.work_drop * at_work
        self._curves[:, 1] = shared + own + off
        self._centre = self._curves.mean(axis=3)

    def _lunch(self, start: Floats) -> NDArray[np.bool_]:
        """Return where a person at work has the midday break (version, n, slots)."""
        return np.asarray((self.slot_hours >= start + 4.0) & (self.slot_hours < start + 4.5))

    def _declare(self, rng: np.random.Generator) -> dict[str, Floats]:
        """Return what persons say at onboarding: rounded, and 15 % of work hours wrong."""
        n = self._persons
        wrong = np.where(rng.random(n) < 0.15, rng.choice([-2.0, 2.0], n), 0.0)
        start = np.round(2.0 * (self._work[0] + wrong)) / 2.0
        return {
            "wake": np.round(2.0 * (self._wake + 0.4 * rng.standard_normal(n))) / 2.0,
            "bed": np.round(2.0 * (self._bed + 0.4 * rng.standard_normal(n))) / 2.0,
            "work_start": start,
            "work_end": start + 8.0,
        }

    def _start_day(self, day: int) -> None:
        """Draw how the day goes: level, hours, phones that are off, and luck."""
        n, t = self._persons, self._tuning
        rng = np.random.default_rng([self._seed, 1, day])
        rho = 0.35 if day else 0.0
        fresh = np.sqrt(1.0 - rho**2) * t.day_sd * rng.standard_normal(n)
        self._good_day = rho * self._good_day + fresh
        self._luck = rng.random((n, len(self.blocks), 2))
        noise = t.hour_sd * rng.standard_normal((n, SLOTS))
        self._hours = np.empty((n, SLOTS))
        self._hours[:, 0] = noise[:, 0]
        for slot in range(1, SLOTS):
            self._hours[:, slot] = (
                0.75 * self._hours[:, slot - 1] + np.sqrt(1.0 - 0.75**2) * noise[:, slot]
            )
        stays = rng.random((n, len(self.blocks)))
        self._offline = np.empty((n, len(self.blocks)), dtype=np.bool_)
        before = self._was_offline
        for block in range(len(self.blocks)):
            begins = t.offline_share * 0.5 / (1.0 - t.offline_share)
            before = stays[:, block] < np.where(before, 0.5, begins)
            self._offline[:, block] = before
        self._was_offline = before
        # Overnight the burden of yesterday's prompts fades; hours count on from there.
        self._last_hour = self._last_hour - 24.0

    def _version(self, day: int) -> Ints:
        return (day >= self._change).astype(np.int64)

    def _systematic(self, day: int) -> Floats:
        """Return the logit (n, slots) that is due to person, hour, type of day and trend."""
        n = np.arange(self._persons)
        curve = self._curves[self._version(day), self.day_type(day), n]
        return np.asarray(curve - (self._fading * np.log1p(day / 7.0))[:, None], dtype=np.float64)

    def _load_at(self, hour: Floats) -> Floats:
        """Return the discounted number of prompts so far (time constant 8 hours)."""
        return np.asarray(self._load * np.exp(-(hour - self._last_hour) / 8.0), dtype=np.float64)

    def _state(self, day: int, hour: Floats, at: Ints) -> Floats:
        """Return what today adds to the logit (n,): level, hour, burden, haste."""
        rushed = (hour - self._last_hour) < 1.0
        return np.asarray(
            self._good_day
            + self._hours[np.arange(self._persons), at]
            - self._burden * self._load_at(hour)
            - self._tuning.rushed_drop * rushed,
            dtype=np.float64,
        )

    def _delay(self, day: int, at: Ints, systematic: Floats, luck: Floats) -> Floats:
        """Return minutes to the answer (n,): log-normal, cut off at expiry, shorter at good hours.

        Drawn by inversion from one uniform number each, so paired runs share their luck.
        """
        t = self._tuning
        n = np.arange(self._persons)
        usual = self._centre[self._version(day), self.day_type(day), n]
        trend = self._fading * np.log1p(day / 7.0)
        middle = np.log(t.delay_median) - t.delay_slope * (systematic + trend - usual)
        ceiling = ndtr((np.log(EXPIRY_MINUTES) - middle) / t.delay_sd)
        draw = ndtri(np.clip(luck * ceiling, 1e-12, 1.0 - 1e-12))
        return np.asarray(np.minimum(np.exp(middle + t.delay_sd * draw), EXPIRY_MINUTES))
