"""Features of slots and of persons' recent past for the regression policies."""

import numpy as np

from models import context
from models.bins import cell_of
from models.simulation.policy import Asked, Setting
from models.simulation.world import Floats, Ints

WIDTH = 1.6  # hours, of a radial basis function
OFF_SHARE = 0.6  # by how much off days may differ, next to what all days share
STATES = 4
CLOSE_HOURS = (1.0, 2.0)
MEMORY = 13.0 / 14.0  # of the exponential mean of recent answers
DECLARED = ("wake", "bed", "work_start", "work_end")
# Zones of models.context: asleep, the half hours around waking, up to two hours after it, and the
# last two hours before bed.
TOLD_SLEEP = ((context.ASLEEP,), (3, 4), (5, 6), (7, 8, 9))
TOLD_WORK = ((context.AT_WORK,), (context.EARLY_BREAK, context.LATE_BREAK))


class SlotFeatures:
    """Features of every slot: radial basis functions of the hour, and closeness to the last prompt.

    The functions come once for all days and once for the off-day contrast; the last two features
    say whether the person's prompt before on that day is less than one or two hours ago, the slot
    form of the dose that the published systems watch. With `told`, indicators of sleep and work at
    the hours that the person declared come on top.
    """

    def __init__(self, setting: Setting, spacing: float, *, told: bool = False) -> None:
        low, high = float(setting.slot_hours.min()), float(setting.slot_hours.max())
        centres = np.linspace(low, high, int(np.ceil((high - low) / spacing)) + 1)
        hours = setting.slot_hours[:, None] - centres
        values = np.exp(-0.5 * (hours / WIDTH) ** 2)
        work = np.hstack([values, -OFF_SHARE * values])
        off = np.hstack([values, OFF_SHARE * values])
        self._table = np.stack([work, off])
        self._setting = setting
        self._told = _told(setting) if told and setting.declared is not None else None

    @property
    def size(self) -> int:
        """Return the number f of features of a slot."""
        own = 0 if self._told is None else self._told.shape[3]
        return int(self._table.shape[2]) + len(CLOSE_HOURS) + own

    @property
    def personal(self) -> bool:
        """Return whether persons with the same day and prompt before may have other features."""
        return self._told is not None

    def of(self, block: int, day_type: Ints, last_hour: Floats) -> Floats:
        """Return the features (n, k, f) of the block's slots for each person.

        day_type: (n,); last_hour: (n,) hour of the prompt before on that day, NaN for none. For
        fewer persons than there are, the features must not be personal.
        """
        basis = self._table[:, self._setting.blocks[block]][day_type]
        gap = self._setting.hours(block) - last_hour[:, None]
        close = [np.asarray(gap < hours, dtype=np.float64) for hours in CLOSE_HOURS]
        parts = [basis, np.stack(close, axis=2)]
        if self._told is not None:
            everybody = np.arange(day_type.size)
            parts.append(self._told[day_type, everybody][:, self._setting.blocks[block]])
        return np.concatenate(parts, axis=2)


def declared_hours(setting: Setting) -> Floats | None:
    """Return the hours (n, 4) that persons declared, None in a world without declarations."""
    if setting.declared is None:
        return None
    return np.column_stack([setting.declared[name] for name in DECLARED])


def _told(setting: Setting) -> Floats:
    """Return indicators (2, n, slots, 6) by type of day of zones of declared sleep and work."""
    declared = declared_hours(setting)
    zones = context.zones_of(
        np.full((setting.persons, 4), np.nan) if declared is None else declared
    )
    cells = np.stack([cell_of(setting.slot_hours, kind) for kind in (0, 1)])
    here = np.moveaxis(zones[:, cells], 1, 0)
    sleep, work = here % context.SLEEPS, here // context.SLEEPS
    told = [np.isin(sleep, some) for some in TOLD_SLEEP] + [np.isin(work, w) for w in TOLD_WORK]
    return np.stack(told, axis=3).astype(np.float64)


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
