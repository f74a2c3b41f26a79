"""The grid all receptivity is learned on: half-hour bins of the day, once per type of day.

A cell is one of 96: 0..47 are the half hours of a work day, 48..95 those of an off day. Given the
population curve, a person's answers enter the likelihood only through their counts per cell, so
these counts are sufficient statistics.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 48
CELLS = 2 * BINS
BIN_HOURS = 24.0 / BINS


def centres() -> Floats:
    """Return the (48,) hours of day at the middle of the bins."""
    return np.asarray((np.arange(BINS) + 0.5) * BIN_HOURS, dtype=np.float64)


def cell_of(hour: ArrayLike, day_type: ArrayLike) -> Ints:
    """Return the cell of each hour of day (decimal, 0..24) on its day type (0 work, 1 off).

    The two arrays are broadcast against each other. Hour 24 counts as hour 0.
    Raises ValueError for values outside these ranges, including NaN.
    """
    hours = np.asarray(hour, dtype=np.float64)
    kinds = np.asarray(day_type, dtype=np.float64)
    if not ((hours >= 0.0) & (hours <= 24.0)).all():
        raise ValueError("hour: must be between 0 and 24 without NaN")
    if not ((kinds == 0.0) | (kinds == 1.0)).all():
        raise ValueError("day_type: must be 0 (work) or 1 (off)")
    # Instants a floating-point hair before a boundary belong to the bin they mean.
    bins = np.floor(hours / BIN_HOURS + 1e-9).astype(np.int64) % BINS
    return np.asarray(bins + BINS * kinds.astype(np.int64), dtype=np.int64)


def tally(row: Ints, cell: Ints, value: Floats, rows: int) -> Floats:
    """Return the (rows, 96) sums of value by row and cell."""
    flat = np.bincount(row * CELLS + cell, weights=value, minlength=rows * CELLS)
    return np.asarray(flat, dtype=np.float64).reshape(rows, CELLS)
