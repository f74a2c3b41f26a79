"""Checked inputs of the receptivity estimator, with errors that name the argument."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models import bins
from models.bins import Floats, Ints
from models.history import History, influence

Keys = NDArray[np.str_]


def keys_of(person: ArrayLike) -> Keys:
    """Return person keys as text, so 7 and "7" are the same person.

    Raises ValueError for anything but strings and integers.
    """
    keys = np.asarray(person)
    if keys.size and keys.dtype.kind not in "iuUO":
        raise ValueError(f"person: must hold strings or integers, got {keys.dtype}")
    return np.asarray(keys.astype(np.str_))


def checked(X: ArrayLike, y: ArrayLike, person: ArrayLike) -> tuple[Ints, Floats, Keys]:
    """Return cells, labels and keys of a training set, all (m,).

    Raises ValueError for shapes that do not match or values outside their range.
    """
    table, labels = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keys = keys_of(person)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"X: must be (n, 2 or more), hour and day type, got {table.shape}")
    if labels.shape != table.shape[:1]:
        raise ValueError(f"y: must have shape {table.shape[:1]} as X has rows, got {labels.shape}")
    if keys.shape != labels.shape:
        raise ValueError(f"person: must have shape {labels.shape} as y, got {keys.shape}")
    if not ((labels == 0.0) | (labels == 1.0)).all():
        raise ValueError("y: must be 0 or 1")
    return bins.cell_of(table[:, 0], table[:, 1]), labels, keys


def history_of(
    rows: Ints, cells: Ints, labels: Floats, day: ArrayLike | None, persons: int, cap: float
) -> History:
    """Return the history of a training set; without days every outcome is a visit of its own.

    Raises ValueError if day is not integers, one an outcome.
    """
    if day is None:
        days = np.arange(rows.size, dtype=np.int64)
    else:
        days = np.asarray(day)
        if days.shape != rows.shape or (days.size and days.dtype.kind not in "iu"):
            raise ValueError(
                f"day: must be integers of shape {rows.shape}, got {days.dtype} of {days.shape}"
            )
    known, number = np.unique(days.astype(np.int64), return_inverse=True)
    stride = max(known.size, 1)
    visits, visit = np.unique(rows * stride + number.reshape(-1), return_inverse=True)
    return History(
        person=rows,
        cell=cells,
        label=labels,
        visit=np.asarray(visit, dtype=np.int64).reshape(-1),
        visit_person=visits // stride,
        visit_day=known[visits % stride],
        weight=influence(rows, persons, cap),
        timed=day is not None,
    )


def check_state(state: dict[str, Floats], names: NDArray[np.generic]) -> None:
    """Raise ValueError unless the arrays of a fitted estimator fit each other."""
    n, r = names.size, state["basis"].shape[-1] if state["basis"].ndim else 0
    cells = (n, bins.CELLS)
    shapes = {
        "population": (bins.CELLS,),
        "basis": (bins.CELLS, r),
        "scales": (2,),
        "level": (n,),
        "seen": cells,
        "answered": cells,
        "offset": cells,
    }
    for name, shape in shapes.items():
        if state[name].shape != shape:
            raise ValueError(f"{name}: must have shape {shape}, got {state[name].shape}")
        if not np.isfinite(state[name]).all():
            raise ValueError(f"{name}: holds values that are not finite")
    if names.ndim != 1 or names.dtype.kind != "U" or np.unique(names).size != n:
        raise ValueError("persons: must be distinct strings")
    if (state["scales"] < 0).any() or state["scales"][0] == 0:
        raise ValueError("scales: must not be negative, and the first above 0")
    if (state["answered"] < 0).any() or (state["answered"] > state["seen"]).any():
        raise ValueError("answered: must lie between 0 and seen")
