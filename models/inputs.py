"""Checked inputs of the receptivity estimator, with errors that name the argument."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models import bins, context
from models.bins import Floats, Ints
from models.context import CODES, Codes
from models.history import History
from models.pilot import EFFECTS, Arrays
from models.trust import HIGHEST, LOWEST

Keys = NDArray[np.str_]
LEDGER = ("seen", "answered", "offset", "level", "zones", "boost", "trust")


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


def rows_of(keys: Keys) -> tuple[list[str], Ints]:
    """Return the distinct keys in order, and the place (m,) of each key among them."""
    named = keys.tolist()
    names = sorted(set(named))
    place = {name: row for row, name in enumerate(names)}
    return names, np.array([place[name] for name in named], dtype=np.int64)


def days_of(day: ArrayLike | None, count: int) -> Ints | None:
    """Return days (count,) as integers.

    Raises ValueError if day is not integers, one an outcome.
    """
    if day is None:
        return None
    days = np.asarray(day)
    if days.shape != (count,) or (days.size and days.dtype.kind not in "iu"):
        raise ValueError(
            f"day: must be integers of shape ({count},), got {days.dtype} of {days.shape}"
        )
    return days.astype(np.int64)


def last_hours(last_hour: ArrayLike | None, count: int) -> Floats:
    """Return hours (count,) of the prompt before on the same day, NaN where there was none.

    Raises ValueError for another shape or hours outside 0..24.
    """
    if last_hour is None:
        return np.full(count, np.nan)
    hours = np.asarray(last_hour, dtype=np.float64)
    if hours.shape != (count,) or ((hours < 0.0) | (hours > 24.0)).any():
        raise ValueError(f"last_hour: must be ({count},) hours 0..24 or NaN, got {hours.shape}")
    return hours


def weights(sample_weight: ArrayLike | None, count: int) -> Floats:
    """Return the weights (count,), 1 by default.

    Raises ValueError for another shape or weights outside 0..1.
    """
    if sample_weight is None:
        return np.ones(count)
    values = np.asarray(sample_weight, dtype=np.float64)
    if values.shape != (count,) or not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError(f"sample_weight: must be ({count},) between 0 and 1, got {values.shape}")
    return values


def history_of(
    rows: Ints, cells: Ints, labels: Floats, days: Ints | None, weight: Floats
) -> History:
    """Return a history without context; without days every outcome is a visit of its own."""
    known, number = np.unique(np.arange(rows.size) if days is None else days, return_inverse=True)
    stride = max(known.size, 1)
    visits, visit = np.unique(rows * stride + number.reshape(-1), return_inverse=True)
    return History(
        person=rows,
        cell=cells,
        label=labels,
        visit=np.asarray(visit, dtype=np.int64).reshape(-1),
        visit_person=visits // stride,
        visit_day=known[visits % stride],
        weight=weight,
        timed=days is not None,
        zone=np.zeros(rows.size, dtype=np.int64),
        gap=np.zeros(rows.size, dtype=np.int64),
        fresh=np.ones(rows.size),
    )


def placed(history: History, zones: Codes, clock: Floats, forgetting: float) -> History:
    """Return the history with zones, prompts before (hours in clock), and what forgetting leaves.

    zones: (n, 96) of persons. Without order of time there is nothing before and nothing old.
    """
    zone = zones[history.person, history.cell].astype(np.int64)
    if not history.timed:
        return replace(history, zone=zone)
    day = history.visit_day[history.visit]
    gap = context.gap_zone(context.gaps_before(history.person, day, clock))
    fresh = forgetting ** (day.max(initial=0) - day).astype(np.float64)
    return replace(history, zone=zone, gap=gap, fresh=fresh)


def check_params(model: object, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raise ValueError for a parameter out of its range, or not whole where the range is."""
    for name, (low, high) in ranges.items():
        value = getattr(model, name)
        if not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name}: must be between {low} and {high}, got {value!r}")
        if isinstance(low, int) and not isinstance(value, int):
            raise ValueError(f"{name}: must be a whole number, got {value!r}")


def checked_state(arrays: Arrays) -> tuple[dict[str, Floats], list[str]]:
    """Return the arrays of a fitted estimator as numbers, and the persons' keys.

    What older artifacts lack is filled in as nothing known. Raises ValueError unless the arrays fit
    each other, KeyError for a missing one.
    """
    names = np.array(arrays["persons"])
    if names.ndim != 1 or names.dtype.kind != "U" or np.unique(names).size != names.size:
        raise ValueError("persons: must be distinct strings")
    n = names.size
    basis = np.asarray(arrays["basis"])
    cells, r = (n, bins.CELLS), basis.shape[-1] if basis.ndim else 0
    shapes = {
        "population": (bins.CELLS,), "basis": (bins.CELLS, r), "scales": (2,), "level": (n,),
        "seen": cells, "answered": cells, "offset": cells, "effects": (EFFECTS,),
        "means": (2, bins.CELLS), "zones": cells, "boost": (n,), "trust": (n,),
    }  # fmt: skip
    empty = {"effects": 0.0, "means": 0.0, "zones": 0.0, "boost": 1.0, "trust": 1.0}
    state: dict[str, Floats] = {}
    for name, shape in shapes.items():
        lacking = name in empty and name not in arrays
        state[name] = np.array(np.full(shape, empty[name]) if lacking else arrays[name], np.float64)
        if state[name].shape != shape:
            raise ValueError(f"{name}: must have shape {shape}, got {state[name].shape}")
        if not np.isfinite(state[name]).all():
            raise ValueError(f"{name}: holds values that are not finite")
    _check_ranges(state)
    return state, names.tolist()


def _check_ranges(state: dict[str, Floats]) -> None:
    """Raise ValueError for values that no fit produces."""
    if (state["scales"] < 0).any() or state["scales"][0] == 0:
        raise ValueError("scales: must not be negative, and the first above 0")
    if (state["answered"] < 0).any() or (state["answered"] > state["seen"]).any():
        raise ValueError("answered: must lie between 0 and seen")
    zones = state["zones"]
    if (zones != zones.round()).any() or not ((zones >= 0) & (zones < CODES)).all():
        raise ValueError(f"zones: must be whole numbers below {CODES}")
    if (state["boost"] < 1.0).any():
        raise ValueError("boost: must be at least 1")
    if (state["trust"] < LOWEST).any() or (state["trust"] > HIGHEST).any():
        raise ValueError(f"trust: must lie between {LOWEST:g} and {HIGHEST:g}")
