"""Features of slots and of persons' recent past for the regression policies."""

import numpy as np

from models.simulation.policy import Asked, Setting
from models.simulation.world import Floats, Ints

WIDTH = 1.6  # hours, of a radial basis function
OFF_SHARE = 0.6  # by how much off days may differ, next to what all days share
STATES = 4
CLOSE_HOURS = (1.0, 2.0)
MEMORY = 13.0 / 14.0  # of the exponential mean of recent answers


class SlotFeatures:
    """Features of every slot: radial basis functions of the hour, and closeness to the last prompt.

    The functions come once for all days and once for the off-day contrast; the last two features
    say whether the person's prompt before on that day is less than one or two hours ago, the slot
    form of the dose that the published systems watch.
    """

    def __init__(self, setting: Setting, spacing: float) -> None:
        low, high = float(setting.slot_hours.min()), float(setting.slot_hours.max())
        centres = np.linspace(low, high, int(np.ceil((high - low) / spacing)) + 1)
        hours = setting.slot_hours[:, None] - centres
        values = np.exp(-0.5 * (hours / WIDTH) ** 2)
        work = np.hstack([values, -OFF_SHARE * values])
        off = np.hstack([values, OFF_SHARE * values])
        self._table = np.stack([work, off])
        self._setting = setting

    @property
    def size(self) -> int:
        """Return the number f of features of a slot."""
        return int(self._table.shape[2]) + len(CLOSE_HOURS)

    def of(self, block: int, day_type: Ints, last_hour: Floats) -> Floats:
        """Return the features (n, k, f) of the block's slots for each person.

        day_type: (n,); last_hour: (n,) hour of the prompt before on that day, NaN for none.
        """
        basis = self._table[:, self._setting.blocks[block]][day_type]
        gap = self._setting.hours(block) - last_hour[:, None]
        close = [np.asarray(gap < hours, dtype=np.float64) for hours in CLOSE_HOURS]
        return np.concatenate([basis, np.stack(close, axis=2)], axis=2)


class Recent:
    """How persons did lately, and when they were prompted last today."""

    def __init__(self, persons: int) -> None:
        self._mean = np.full(persons, 0.5)
        self._last = np.full(persons, 0.5)
        self.last_hour = np.full(persons, np.nan)

    def features(self, day_type: Ints) -> Floats:
        """Return (n, STATES): one, off day, exponential mean of answers, last answer."""
        return np.column_stack([np.ones_like(self._mean), day_type, self._mean, self._last])

    def add(self, asked: Asked) -> None:
        """Take in a block's outcomes."""
        self._mean = MEMORY * self._mean + (1.0 - MEMORY) * asked.label
        self._last = asked.label.astype(np.float64)
        self.last_hour = asked.hour

    def end_day(self) -> None:
        """Begin a new day, on which nobody was prompted yet."""
        self.last_hour = np.full_like(self.last_hour, np.nan)


def action_centred(slots: Floats, state: Floats, asked: Asked) -> Floats:
    """Return the rows (n, p) of an action-centred regression.

    slots: (n, k, f) features of slots; state: (n, q). Columns are the state, the features expected
    under the propensities, and those of the slot less that expectation: the last f stay unbiased
    where the others are wrong. Greenewald et al. (2017), eq. 6.
    """
    expected = np.einsum("nk,nkf->nf", asked.propensity, slots)
    chosen = slots[np.arange(asked.slot.size), asked.slot]
    return np.hstack([state, expected, chosen - expected])
