"""Prompts of a finished study, in order, as a replay sees them.

A replay walks through what happened and asks at each prompt what could have been said beforehand.
So the order within a person is part of the data, and what is not known is NaN, never a guess.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.bins import Floats, Ints

Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

LONGEST_DAY = 48
"""More different prompt numbers than this are a running count, not numbers within a day."""


@dataclass(frozen=True)
class Prompts:
    """One study's prompts, sorted by person and then by time; every field is (n,).

    person: 0, 1, ... in order; answered: 0/1; at: local time in hours since any origin; hour: of
    the day, 0..24; weekday: 0 Monday to 6; day: of the study; beep: as the study numbered it;
    position: how many prompts the person had before on that day; delay: minutes from prompt to
    answer; clock: how the time is known, "exact" or a study's own word. NaN where unknown.
    """

    person: Ints
    answered: Floats
    at: Floats
    hour: Floats
    weekday: Floats
    day: Floats
    beep: Floats
    position: Floats
    delay: Floats
    clock: Texts

    @property
    def persons(self) -> int:
        """Return the number of persons."""
        return int(self.person[-1]) + 1 if self.person.size else 0

    @cached_property
    def slot(self) -> Floats:
        """Return what stands for the time of day without a clock: the prompt's number in its day.

        The study's own number, unless it is missing or runs on over the days.
        """
        known = self.beep[~np.isnan(self.beep)]
        usable = known.size == self.beep.size and np.unique(known).size <= LONGEST_DAY
        return self.beep if usable else self.position


def arrange(
    columns: dict[str, Floats], person: NDArray[np.generic], clock: NDArray[np.generic]
) -> Prompts:
    """Return the prompts sorted by person and time.

    columns: (n,) arrays `answered`, `at`, `hour`, `weekday`, `day`, `beep`, `delay` and `order`,
    named as in Prompts, NaN where unknown; `order` is the running number within the person. Where
    it is unknown or the same, `at` orders, else the order given. Raises ValueError for an outcome
    other than 0 and 1 and for columns of different length.
    """
    sizes = {name: values.shape for name, values in columns.items()}
    if set(sizes.values()) | {person.shape, clock.shape} != {person.shape}:
        raise ValueError(f"columns: must all have shape {person.shape}, got {sizes}")
    if not np.isin(columns["answered"], (0.0, 1.0)).all():
        raise ValueError("answered: must be 0 or 1")
    _, row = np.unique(person, return_inverse=True)
    row = row.reshape(-1).astype(np.int64)
    order, at = columns["order"], columns["at"]
    key = order if not np.isnan(order).any() else at
    key = np.zeros_like(key) if np.isnan(key).any() else key
    sort = np.lexsort((at, key, row)) if not np.isnan(at).any() else np.lexsort((key, row))
    table = {name: values[sort] for name, values in columns.items() if name != "order"}
    row = row[sort]
    return Prompts(
        person=row,
        position=_position(row, table["day"]),
        clock=clock[sort].astype(np.str_),
        **table,
    )


def spans(person: Ints) -> list[tuple[int, int]]:
    """Return the half-open range of rows of each person, persons being in order."""
    edges = np.flatnonzero(np.r_[True, np.diff(person) != 0, True])
    return (
        [] if person.size == 0 else list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    )


def rank(person: Ints) -> Floats:
    """Return how many prompts the person had before each prompt (n,)."""
    start = np.flatnonzero(np.r_[True, np.diff(person) != 0])[: person.size]
    number = np.cumsum(np.r_[True, np.diff(person) != 0][: person.size]) - 1
    return np.asarray(np.arange(person.size) - start[number], dtype=np.float64)


def first(person: Ints, share: float) -> Bools:
    """Return which prompts (n,) are among the first share of their person's, rounded up."""
    size = np.bincount(person)[person] if person.size else np.empty(0)
    # A hair less, so that 0.6 of 5 is 3 in spite of binary fractions.
    return np.asarray(rank(person) < np.ceil(share * size - 1e-9), dtype=np.bool_)


def labels(prompts: Prompts, within: float | None) -> Floats:
    """Return the outcome (n,): answered at all, or answered within this many minutes.

    NaN for an answer whose delay is not recorded, because nobody knows whether it was in time. An
    answer before its prompt (negative delay) counts as at once.
    """
    if within is None:
        return prompts.answered
    in_time = np.where(np.isnan(prompts.delay), np.nan, prompts.delay <= within)
    return np.asarray(np.where(prompts.answered == 1.0, in_time, 0.0), dtype=np.float64)


def _position(row: Ints, day: Floats) -> Floats:
    """Return how many prompts of the same person on the same day came before (n,)."""
    if row.size == 0:
        return np.empty(0)
    # NaN differs from itself, so a prompt without a day is a day of its own.
    new = np.r_[True, (np.diff(row) != 0) | (day[1:] != day[:-1])]
    start = np.maximum.accumulate(np.where(new, np.arange(row.size), 0))
    return np.asarray(np.arange(row.size) - start, dtype=np.float64)
