"""What is kept of each person: sums of outcomes by cell, declared zones, and the cached posterior.

About 1.1 kB a person at the largest rank, keys apart; an outcome is taken in at a cost that does
not depend on how many came before.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models import person as personal
from models.bins import CELLS, Floats, Ints
from models.context import Codes
from models.person import Counts, Prior

MOST = 2000.0  # outcomes kept in one cell of one person; half precision counts exactly up to 2048
TYPICAL = np.arange(18, 44, 4)  # cells spread over the waking hours of a work day
CHUNK = 4096  # persons at once, which bounds the memory a refresh takes


class Ledger:
    """Persons in rows, and their sums.

    seen, answered: (n, 96) prompts and answers; offset: (n, 96) sums of what the running level and
    the prompt before added to the logit; level: (n,) logit from now on; zones: (n, 96) codes of
    models.context; boost: (n,) factor on the optimism, above 1 for persons who changed; trust: (n,)
    weight of what the person declared (models.trust).
    """

    def __init__(self, names: Iterable[str], rank: int) -> None:
        self.row: dict[str, int] = {name: row for row, name in enumerate(names)}
        n = len(self.row)
        self.seen = np.zeros((n, CELLS), dtype=np.float16)
        self.answered = np.zeros((n, CELLS), dtype=np.float16)
        self.offset = np.zeros((n, CELLS), dtype=np.float32)
        self.zones = np.zeros((n, CELLS), dtype=np.uint8)
        self.level = np.zeros(n, dtype=np.float32)
        self.boost = np.ones(n, dtype=np.float32)
        self.trust = np.ones(n, dtype=np.float32)
        self.modes = np.zeros((n, 1 + rank), dtype=np.float32)
        self.covariance = np.zeros((n, (1 + rank) * (2 + rank) // 2), dtype=np.float32)
        self.stale = np.ones(n, dtype=np.bool_)

    @property
    def size(self) -> int:
        """Return how many persons there are."""
        return len(self.row)

    @property
    def nbytes(self) -> int:
        """Return the bytes of all arrays; the keys come on top."""
        return sum(getattr(self, name).nbytes for name in _ARRAYS)

    def names(self) -> NDArray[np.str_]:
        """Return the persons' keys in the order of rows."""
        return np.array(list(self.row), dtype=np.str_)

    def rows(self, keys: Iterable[str]) -> Ints:
        """Return the row of each key, -1 where unknown."""
        find = self.row.get
        return np.array([find(key, -1) for key in keys], dtype=np.int64)

    def add(self, names: Iterable[str]) -> None:
        """Give each of these persons who is new an empty row."""
        new = [name for name in dict.fromkeys(names) if name not in self.row]
        if not new:
            return
        self.row.update({name: self.size + at for at, name in enumerate(new)})
        for name in _ARRAYS:
            table = getattr(self, name)
            grow = ((0, len(new)),) + ((0, 0),) * (table.ndim - 1)
            setattr(self, name, np.pad(table, grow))
        self.boost[-len(new) :] = self.trust[-len(new) :] = 1.0
        self.stale[-len(new) :] = True

    def declare(self, rows: Ints, zones: Codes) -> None:
        """Note the zones (m, 96) of these persons, where any are known."""
        changed = (self.zones[rows] != zones).any(axis=1) & zones.any(axis=1)
        self.zones[rows[changed]] = zones[changed]
        self.stale[rows[changed]] = True

    def fill(self, seen: Floats, answered: Floats, offset: Floats) -> None:
        """Replace all sums by these (n, 96), each cell scaled down to what can be kept."""
        keep = np.minimum(1.0, MOST / np.maximum(seen, 1.0))
        self.seen[:], self.answered[:], self.offset[:] = seen * keep, answered * keep, offset * keep
        self.stale[:] = True

    def take_in(
        self, rows: Ints, cells: Ints, labels: Floats, offset: Floats, weight: Floats
    ) -> None:
        """Add outcomes (m,) to the sums; beyond `MOST` in a cell they are not counted any more."""
        key, at = np.unique(rows * CELLS + cells, return_inverse=True)
        row, cell = key // CELLS, key % CELLS
        more = np.bincount(at, weights=weight, minlength=key.size)
        room = MOST - self.seen[row, cell].astype(np.float64)
        keep = np.clip(room / np.maximum(more, 1e-12), 0.0, 1.0)
        self.seen[row, cell] += (more * keep).astype(np.float16)
        yes = np.bincount(at, weights=weight * labels, minlength=key.size) * keep
        self.answered[row, cell] += yes.astype(np.float16)
        extra = np.bincount(at, weights=weight * offset, minlength=key.size) * keep
        self.offset[row, cell] += extra.astype(np.float32)
        self.stale[row] = True

    def zones_at(self, rows: Ints, cells: Ints) -> Codes:
        """Return the zone codes (n, k) of these persons in these cells, 0 for row -1."""
        zones = np.zeros(cells.shape, dtype=np.uint8)
        known = np.flatnonzero(rows >= 0)
        zones[known] = self.zones[rows[known, None], cells[known]]
        return zones

    def counts(self, rows: Ints, prior: Prior) -> Counts:
        """Return the sums of these persons, and what is expected of them."""
        seen = self.seen[rows].astype(np.float64)
        known = prior.context[np.arange(CELLS), self.zones[rows]] * self.trust[rows, None]
        mean = self.offset[rows] / np.maximum(seen, 1e-3)
        logit = prior.logit + known + mean
        return Counts(seen, self.answered[rows].astype(np.float64), logit)

    def terms(self, rows: Ints, cells: Ints, prior: Prior) -> tuple[Floats, Floats, Floats]:
        """Return what persons add to the population in these cells, each (n, k).

        The mean of deviations and their SD; and level, base rate and mean deviation together have
        the logit variance that comes third. Nothing and the prior's variance for row -1. Brings
        posteriors up to date first.
        """
        self.refresh(rows, prior)
        design = prior.design
        own, doubt = np.zeros(cells.shape), np.zeros(cells.shape)
        variance = (design**2).sum(axis=1)[cells]
        known = np.flatnonzero(rows >= 0)
        for start in range(0, known.size, CHUNK):
            some = known[start : start + CHUNK]
            columns, modes = design[cells[some]], self.modes[rows[some]].astype(np.float64)
            spread = personal.unpacked(self.covariance[rows[some]], design.shape[1])
            variance[some] = personal.spread(columns, spread)
            columns = columns[:, :, 1:]
            own[some] = (columns * modes[:, None, 1:]).sum(axis=2)
            squares = personal.spread(columns, spread[:, 1:, 1:])
            doubt[some] = np.sqrt(np.maximum(squares, 0.0))
        return own, doubt, variance

    def bases(self, rows: Ints, prior: Prior) -> Floats:
        """Return level and base rate (n,) together in logit, 0 for row -1."""
        logit = self.level.astype(np.float64) + self.modes[:, 0] * prior.base_sd
        return np.where(rows >= 0, np.r_[logit, 0.0][rows], 0.0)

    def trusted(self, rows: Ints) -> Floats:
        """Return the weight (n,) of what persons declared, 1 for row -1."""
        return np.where(rows >= 0, np.r_[self.trust, 1.0][rows], 1.0)

    def boldness(self, rows: Ints) -> Floats:
        """Return the factor (n,) on the optimism, 0 for row -1."""
        return np.where(rows >= 0, np.r_[self.boost, 0.0][rows], 0.0)

    def set_level(self, logit: Floats, prior: Prior) -> None:
        """Set levels such that persons' odds are at these logits (n,) plus the population's.

        Base rates count from where they stand now, and the averaging over uncertainty that comes
        later is made up for at the average hour.
        """
        columns = prior.design[TYPICAL]
        middle = float(prior.logit[TYPICAL].mean())
        base = self.modes[:, 0] * prior.base_sd
        for start in range(0, self.size, CHUNK):
            some = slice(start, start + CHUNK)
            spread = personal.unpacked(self.covariance[some], columns.shape[1])
            variance = personal.spread(columns[None], spread).mean(axis=1)
            stretch = np.sqrt(1.0 + np.pi * variance / 8.0)
            self.level[some] = stretch * (logit[some] + middle) - middle - base[some]

    def refresh(self, rows: Ints, prior: Prior) -> None:
        """Bring the posteriors of these persons up to date with their sums."""
        wanted = np.unique(rows[rows >= 0])
        stale = wanted[self.stale[wanted]]
        design = prior.design
        for start in range(0, stale.size, CHUNK):
            some = stale[start : start + CHUNK]
            modes, covariance = personal.posterior(self.counts(some, prior), design)
            self.modes[some] = modes
            self.covariance[some] = personal.packed(covariance)
            self.stale[some] = False


_ARRAYS = (
    "seen", "answered", "offset", "zones", "level", "boost", "trust", "modes", "covariance",
    "stale",
)  # fmt: skip
