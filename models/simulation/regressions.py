"""Policies after published systems: action-centred Bayesian linear regressions on the answer.

Both recast sending or not as which slot of a block, the one question of a world, so they meet the
same budget and exploration as ours. Posteriors are renewed each night, which is at least as often
as the systems themselves do.
"""

import numpy as np

from models.allocation import mixed, smooth_slots, thompson_slots
from models.propensity import uniform
from models.simulation.features import STATES, Recent, SlotFeatures, action_centred
from models.simulation.policy import Asked, Setting
from models.simulation.world import Floats

DRAWS = 128
STATE_SD = 1.0  # prior, of the coefficient of a state, on the scale of probabilities
SLOT_SD = 0.1  # the same of a slot
PERSON_SD = 0.02  # of a person's slot around the pilot's
FIRST_NOISE = 0.2  # variance of an outcome until it is estimated
STEEPNESS = 3.0 * 0.515 * np.sqrt(3878.0)
"""Of the allocation, per noise SD of the outcome: three times Oralytics' (.515 a unit, noise
variance 3878), which serves this baseline better than the deployed value."""


class PooledPolicy:
    """Oralytics-like: one regression over all persons, smooth allocation.

    Features and structure after Trella et al. (2022): state, state expected under the propensity,
    action-centred advantage; noise variance estimated; softmax in place of the logistic for more
    than two actions, its steepness in units of the outcome's noise.
    """

    SPACING = 1.5

    def __init__(self, setting: Setting, *, told: bool = False) -> None:
        self._setting = setting
        self._slots = SlotFeatures(setting, self.SPACING, told=told)
        self._recent = Recent(setting.persons)
        prior = _prior_precision(self._slots.size, SLOT_SD)
        self._precision = prior
        self._gram, self._right = np.zeros((prior.size, prior.size)), np.zeros(prior.size)
        self._square, self._count = 0.0, 0
        self._noise = FIRST_NOISE
        self._coefficients = np.zeros((DRAWS, self._slots.size))
        self.end_day()

    def propensities(self, day: int, block: int) -> Floats:
        """Return the smooth allocation, worked out once for all whose slots look alike."""
        kinds, last = self._setting.day_type(day), self._recent.last_hour
        first = which = np.arange(kinds.size)
        if not self._slots.personal:
            alike = np.column_stack([kinds, np.nan_to_num(last, nan=-1.0)])
            _, first, which = np.unique(alike, axis=0, return_index=True, return_inverse=True)
        slots = self._slots.of(block, kinds[first], last[first])
        scores = np.einsum("mf,nkf->mnk", self._coefficients, slots)
        law = smooth_slots(scores, STEEPNESS / float(np.sqrt(self._noise)))
        return mixed(law, self._setting.epsilon)[which.reshape(-1)]

    def learn(self, asked: Asked) -> None:
        """Add the outcomes to the sums."""
        state = self._recent.features(asked.day_type)
        slots = self._slots.of(asked.block, asked.day_type, self._recent.last_hour)
        X = action_centred(slots, state, asked)
        y = asked.label.astype(np.float64)
        self._gram += X.T @ X
        self._right += X.T @ y
        self._square += float(y @ y)
        self._count += y.size
        self._recent.add(asked)

    def end_day(self) -> None:
        """Renew noise and posterior, and draw from it."""
        self._recent.end_day()
        scaled = self._gram / self._noise + np.diag(self._precision)
        mean = np.linalg.solve(scaled, self._right / self._noise)
        if self._count > self._right.size:
            rest = self._square - 2.0 * mean @ self._right + mean @ self._gram @ mean
            self._noise = max(float(rest) / self._count, 1e-3)
        f = self._slots.size
        root = np.linalg.cholesky(np.linalg.inv(scaled)[-f:, -f:])
        draws = self._setting.rng.standard_normal((DRAWS, f))
        self._coefficients = mean[-f:] + draws @ root.T


class PersonPolicy:
    """HeartSteps-like: a regression for each person alone, Thompson sampling with clipping.

    Structure after Liao et al. (2020): action-centred, a first week at random, one posterior a
    person around a prior from a pilot, which here is everybody's first week. Clipping is the
    uniform share, which bounds every slot's probability from both sides.
    """

    SPACING = 2.0
    WARM_UP_DAYS = 7

    def __init__(self, setting: Setting, *, told: bool = False) -> None:
        self._setting = setting
        self._slots = SlotFeatures(setting, self.SPACING, told=told)
        self._recent = Recent(setting.persons)
        p = _prior_precision(self._slots.size, SLOT_SD).size
        self._gram = np.zeros((setting.persons, p, p))
        self._right = np.zeros((setting.persons, p))
        self._pilot: Floats | None = None
        self._coefficients = np.zeros((setting.persons, 1, self._slots.size))
        self._days = 0

    def propensities(self, day: int, block: int) -> Floats:
        """Return the shares of posterior draws in which each slot is best, uniform mixed in."""
        if day < self.WARM_UP_DAYS:
            k = self._setting.hours(block).size
            return uniform(np.ones((self._setting.persons, k), dtype=np.bool_))
        slots = self._slots.of(block, self._setting.day_type(day), self._recent.last_hour)
        scores = np.moveaxis(self._coefficients @ np.swapaxes(slots, 1, 2), 1, 0)
        return mixed(thompson_slots(scores), self._setting.epsilon)

    def learn(self, asked: Asked) -> None:
        """Add the outcomes to each person's sums."""
        state = self._recent.features(asked.day_type)
        slots = self._slots.of(asked.block, asked.day_type, self._recent.last_hour)
        X = action_centred(slots, state, asked)
        self._gram += X[:, :, None] * X[:, None, :]
        self._right += X * asked.label[:, None]
        self._recent.add(asked)

    def end_day(self) -> None:
        """Renew every person's posterior, and draw from it."""
        self._days += 1
        self._recent.end_day()
        if self._days < self.WARM_UP_DAYS:
            return
        if self._pilot is None:
            precision = np.diag(_prior_precision(self._slots.size, SLOT_SD))
            gram, right = self._gram.sum(axis=0), self._right.sum(axis=0)
            self._pilot = np.linalg.solve(gram / FIRST_NOISE + precision, right / FIRST_NOISE)
        f, n = self._slots.size, self._setting.persons
        prior = _prior_precision(f, PERSON_SD)
        covariance = np.linalg.inv(self._gram / FIRST_NOISE + np.diag(prior))
        right = self._right / FIRST_NOISE + prior * self._pilot
        mean = (covariance @ right[:, :, None])[:, -f:, 0]
        root = np.linalg.cholesky(covariance[:, -f:, -f:])
        draws = self._setting.rng.standard_normal((n, DRAWS, f))
        self._coefficients = mean[:, None, :] + draws @ np.swapaxes(root, 1, 2)


def _prior_precision(slots: int, slot_sd: float) -> Floats:
    """Return prior precisions (states + 2 slots,) in the order of action_centred's columns."""
    return np.concatenate([np.full(STATES, STATE_SD**-2), np.full(2 * slots, slot_sd**-2)])
