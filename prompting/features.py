"""From stored windows to the arrays that policies and the learner read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from engine.learning_records import Hours
from engine.localtime import zone
from engine.records import StoredWindow
from prompting.policies import SlotBatch

SATURDAY = 5
PLACES = 4
"""Decimals of an hour: a third of a second. Policies read what the record keeps."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of a window beside the clock: hours declared, and the prompt before it."""

    declared: Hours | None = None
    last_hour: float | None = None

    def features(self) -> dict[str, object]:
        """Return what there is of it, as a decision's record keeps it."""
        found: dict[str, object] = {}
        if self.declared is not None:
            found["declared"] = list(self.declared)
        if self.last_hour is not None:
            found["last_hour"] = self.last_hour
        return found


NOTHING = Around()


def day_type(day: date) -> int:
    """Return 0 for Monday to Friday, 1 for the weekend."""
    return int(day.weekday() >= SATURDAY)


def local_hour(at: datetime, zone_name: str) -> float:
    """Return the hour of day (decimal, 0 to 24) that `at` reads on the patient's clock."""
    local = at.astimezone(zone(zone_name))
    return round(local.hour + local.minute / 60 + local.second / 3600, PLACES)


def batch_of(
    windows: Sequence[StoredWindow],
    available: Sequence[Sequence[bool]],
    around: Sequence[Around] | None = None,
) -> SlotBatch:
    """Return the windows as arrays, padded on the right to the longest."""
    return padded(
        [[local_hour(slot, window.zone) for slot in window.slots] for window in windows],
        available,
        day_types=[day_type(window.local_date) for window in windows],
        persons=[str(window.patient_id) for window in windows],
        objectives=[window.objective for window in windows],
        around=around or [NOTHING] * len(windows),
    )


def padded(
    hours: Sequence[Sequence[float]],
    available: Sequence[Sequence[bool]],
    *,
    day_types: Sequence[int],
    persons: Sequence[str],
    objectives: Sequence[str],
    around: Sequence[Around],
) -> SlotBatch:
    """Return windows, given by the local hours of their slots, as arrays."""
    shape = (len(hours), max(len(row) for row in hours))
    clock, may = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for row, (slots, mask) in enumerate(zip(hours, available, strict=True)):
        clock[row, : len(slots)] = slots
        may[row, : len(slots)] = mask
    return SlotBatch(
        hours=clock,
        available=may,
        day_type=np.array(day_types, dtype=np.int64),
        person=list(persons),
        declared=declared_array([one.declared for one in around]),
        last_hour=number_array([one.last_hour for one in around]),
        objective=list(objectives),
    )


def declared_array(
    hours: Sequence[Hours | None],
) -> NDArray[np.float64]:
    """Return declared hours as (n, 4), NaN where there are none."""
    rows = [one or (None,) * 4 for one in hours]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def number_array(
    values: Sequence[float | None],
) -> NDArray[np.float64]:
    """Return numbers as (n,), NaN where there are none."""
    return np.array(values, dtype=np.float64)
