"""What is known of a moment beside the clock: hours a person declared, and the prompt before.

At onboarding people say when they get up, go to bed and work. Each cell then lies in a zone of
sleep and a zone of work. How much a zone changes the odds of an answer is learned from everybody
(models.population), starting from what common sense says here; a declaration that is wrong in one
of seven cases merely weakens what is learned.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.bins import BINS, CELLS, Floats, Ints, centres

Codes = NDArray[np.uint8]
Declared = Mapping[str, ArrayLike] | ArrayLike
"""Hours (wake, bed, work start, work end) by person, or one row for each person given."""

# Logits against an awake and free hour, before any data; the first of each kind is "not known".
SLEEP_PRIOR = (0.0, 0.0, -1.0, -0.8, -0.5, -0.25, -0.1, 0.0, -0.25, -0.5)
WORK_PRIOR = (0.0, 0.0, -0.1, -0.25, 0.0, 0.0, 0.0)
GAP_PRIOR = (0.0, -0.7, -0.1, 0.0)
SLEEPS, WORKS, GAPS = len(SLEEP_PRIOR), len(WORK_PRIOR), len(GAP_PRIOR)
CODES = SLEEPS * WORKS

AWAKE, ASLEEP, ABOUT_TO_WAKE, BED_SOON = 1, 2, 3, 7
FREE, BEFORE_WORK, AT_WORK, EARLY_BREAK, LATE_BREAK, AFTER_WORK = 1, 2, 3, 4, 5, 6
_AFTER_WAKING = (0.5, 1.0, 2.0)  # hours; zones 4, 5 and 6 end there
_BEFORE_BED = (2.0, 1.0, 0.5)  # hours; zones 7, 8 and 9 begin there
_GAPS = (1.0, 2.0, 3.0)  # hours since the prompt before; zones 1, 2 and 3 end there


def declared_rows(declared: Declared, keys: list[str]) -> Floats:
    """Return (n, 4) hours, NaN where not declared, of the persons with these keys.

    Raises ValueError for anything but four hours of day a person (0..24; bed and the end of work
    may count on beyond midnight, up to 36).
    """
    if isinstance(declared, Mapping):
        nothing = (np.nan,) * 4
        rows = [np.asarray(declared.get(key, nothing), dtype=np.float64) for key in keys]
        if any(row.shape != (4,) for row in rows):
            raise ValueError("declared: must hold 4 hours a person (wake, bed, work start and end)")
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    else:
        table = np.asarray(declared, dtype=np.float64)
        if table.shape != (len(keys), 4):
            raise ValueError(f"declared: must have shape ({len(keys)}, 4), got {table.shape}")
    if bool(np.any((table < 0.0) | (table > 36.0))):
        raise ValueError("declared: hours must lie between 0 and 36, or be NaN")
    return table


def declared_of(declared: Declared, names: list[str], rows: Ints) -> Floats:
    """Return (n, 4) hours of these persons from a mapping, or from a row for each outcome (m, 4).

    The last row of a person counts. Raises ValueError as declared_rows does.
    """
    if isinstance(declared, Mapping):
        return declared_rows(declared, names)
    table = declared_rows(declared, [""] * rows.size)
    own = np.full((len(names), 4), np.nan)
    own[rows] = table
    return own


def zones_of(declared: Floats) -> Codes:
    """Return (n, 96) zone codes, sleep + SLEEPS * work, for declared hours (n, 4).

    Where nothing is declared the code is 0. Without a start of work a person who declared
    anything counts as free; on off days everybody is.
    """
    hours = np.tile(centres(), 2)[None, :]
    wake, bed, start, end = (column[:, None] for column in declared.T)
    known = (~np.isnan(declared)).any(axis=1).reshape(-1, 1)
    sleep = _sleep(np.mod(hours - wake, 24.0), np.mod(bed - wake, 24.0))
    work = _work(np.mod(hours - start + 12.0, 24.0) - 12.0, np.mod(end - start, 24.0))
    work[:, BINS:] = FREE
    code = sleep + SLEEPS * np.where(known, work, 0)
    return np.asarray(code, dtype=np.uint8)


def _sleep(up: Floats, span: Floats) -> Ints:
    """Return the zone of sleep from hours since waking and waking hours in a day, 0 if unknown."""
    left = span - up
    zone = np.full(up.shape, AWAKE)
    for code, end in reversed(list(enumerate(_AFTER_WAKING, ABOUT_TO_WAKE + 1))):
        zone[up < end] = code
    for code, begin in enumerate(_BEFORE_BED, BED_SOON):
        zone[left <= begin] = code
    zone[left <= 0.0] = ASLEEP
    zone[(left <= 0.0) & (up >= 23.5)] = ABOUT_TO_WAKE
    zone[~np.isfinite(left)] = 0
    return zone


def _work(since: Floats, span: Floats) -> Ints:
    """Return the zone of work from hours since its start (-12..12) and its length."""
    zone = np.full(since.shape, FREE)
    zone[(since >= -1.0) & (since < 0.0)] = BEFORE_WORK
    zone[(since >= span) & (since < span + 1.0)] = AFTER_WORK
    zone[(since >= 0.0) & (since < span)] = AT_WORK
    middle = since - span / 2.0
    zone[(middle >= -0.5) & (middle < 0.0)] = EARLY_BREAK
    zone[(middle >= 0.0) & (middle < 0.5)] = LATE_BREAK
    return zone


def gap_zone(hours: ArrayLike) -> Ints:
    """Return 1, 2 or 3 for less than 1, 2 or 3 hours since the prompt before, else or for NaN 0."""
    gap = np.nan_to_num(np.asarray(hours, dtype=np.float64), nan=np.inf)
    zone = np.searchsorted(_GAPS, gap, side="right") + 1
    return np.asarray(np.where((gap >= 0.0) & (zone <= len(_GAPS)), zone, 0), dtype=np.int64)


def gaps_before(person: Ints, day: Ints, hour: Floats) -> Floats:
    """Return hours (m,) since the person's prompt before on the same day, NaN for the first."""
    order = np.lexsort((hour, day, person))
    same = (np.diff(person[order]) == 0) & (np.diff(day[order]) == 0)
    gaps = np.full(person.size, np.nan)
    gaps[order[1:][same]] = np.diff(hour[order])[same]
    return gaps


def shares(zones: Codes) -> tuple[Floats, Floats]:
    """Return by cell the shares of zones of sleep (96, SLEEPS) and work (96, WORKS).

    Counts the persons who declared any; they stand in for those who did not.
    """
    sleep, work = zones % SLEEPS, zones // SLEEPS
    return _shares(sleep, SLEEPS), _shares(work, WORKS)


def _shares(codes: Codes, count: int) -> Floats:
    cell = np.arange(CELLS)
    known = codes.any(axis=1)
    flat = (cell * count + codes[known]).reshape(-1)
    table = np.bincount(flat, minlength=CELLS * count).reshape(CELLS, count).astype(np.float64)
    table[:, 0] = 0.0
    return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), 1.0), dtype=np.float64)


def effect_table(sleep: Floats, work: Floats, mean_sleep: Floats, mean_work: Floats) -> Floats:
    """Return (96, SLEEPS * WORKS) logits of each code against the average declared person.

    sleep (SLEEPS,) and work (WORKS,) effects; mean_sleep and mean_work (96,) their averages. What
    is not known adds nothing.
    """
    own_sleep, own_work = sleep - mean_sleep[:, None], work - mean_work[:, None]
    own_sleep[:, 0] = own_work[:, 0] = 0.0
    return np.asarray((own_work[:, :, None] + own_sleep[:, None, :]).reshape(CELLS, -1))
