"""From stored windows to the arrays that policies and the learner read."""

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from engine.localtime import zone
from engine.records import StoredWindow
from prompting.policies import SlotBatch

SATURDAY = 5


def day_type(day: date) -> int:
    """Return 0 for Monday to Friday, 1 for the weekend."""
    return int(day.weekday() >= SATURDAY)


def local_hour(at: datetime, zone_name: str) -> float:
    """Return the hour of day (decimal, 0 to 24) that `at` reads on the patient's clock."""
    local = at.astimezone(zone(zone_name))
    return local.hour + local.minute / 60 + local.second / 3600


def batch_of(windows: Sequence[StoredWindow], available: Sequence[Sequence[bool]]) -> SlotBatch:
    """Return the windows as arrays, padded on the right to the longest."""
    width = max(len(window.slots) for window in windows)
    hours = np.zeros((len(windows), width))
    may = np.zeros((len(windows), width), dtype=np.bool_)
    for row, (window, mask) in enumerate(zip(windows, available, strict=True)):
        k = len(window.slots)
        hours[row, :k] = [local_hour(slot, window.zone) for slot in window.slots]
        may[row, :k] = mask
    return SlotBatch(
        hours=hours,
        available=may,
        day_type=np.array([day_type(window.local_date) for window in windows], dtype=np.int64),
        person=[str(window.patient_id) for window in windows],
    )
