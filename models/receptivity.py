"""The receptivity estimator: which slot suits a person, and how likely the person answers there.

logit P(answer) = population curve(hour, day type) + level and base rate of the person + the
person's own deviation(hour, day type). Only the curve and the deviation choose a time; level and
base rate enter the probability.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from models import bins, inputs, population
from models import person as personal
from models.bins import Floats, Ints
from models.history import History
from models.inputs import Keys
from models.person import Counts, Prior

MAX_RANK = 10


class Receptivity(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Receptivity per person and half hour, learned from answered and missed prompts.

    Parameters: `length` of the deviation kernel in hours; `rank`, the number of eigenvectors kept
    (0 gives the population curve alone); `day_type_correlation` between a person's work and off
    days; `half_life` of a person's level in days; `person_cap`, the most a person may
    weigh in the population fit, in medians; `optimism`, how many posterior SDs of the deviation
    a slot is given on top, so that a person's untried hours are tried (0 to trust the mean).

    Fitted state: `population_` logit (96,), `base_sd_`, `basis_` (96, rank), `deviation_sd_`,
    `persons_` (n,) keys, `level_` logit (n,), and the sums `seen_`, `answered_` and `offset_`
    (n, 96), cells as in models.bins.
    """

    _stale: NDArray[np.bool_]  # whose cached posterior no longer fits the sums

    def __init__(
        self,
        *,
        length: float = 1.6,
        rank: int = MAX_RANK,
        day_type_correlation: float = 0.6,
        half_life: float = 7.0,
        person_cap: float = 4.0,
        optimism: float = 1.0,
    ) -> None:
        self.length = length
        self.rank = rank
        self.day_type_correlation = day_type_correlation
        self.half_life = half_life
        self.person_cap = person_cap
        self.optimism = optimism

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, person: ArrayLike, day: ArrayLike | None = None
    ) -> Self:
        """Return self, trained on these outcomes only; whatever was learned before is forgotten.

        X: (m, 2+) float, hour of day (0..24) and day type (0 work, 1 off); further columns are
        reserved and not read. y: (m,) 0/1. person: (m,) strings or integers, compared as text.
        day: (m,) integers in order of time; without it outcomes count as different days and no
        level is followed. Raises ValueError naming the argument that is wrong.
        """
        self._check_params()
        cells, labels, keys = inputs.checked(X, y, person)
        names, inverse = np.unique(keys, return_inverse=True)
        rows = np.asarray(inverse, dtype=np.int64)
        history = inputs.history_of(rows, cells, labels, day, names.size, self.person_cap)
        self.n_features_in_ = 2
        self._set_persons(names)
        self.seen_ = history.tally(np.ones_like(labels))
        self.answered_ = history.tally(labels)
        self._fit_prior(history)
        self._derive_posteriors()
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, *, person: ArrayLike, day: ArrayLike | None = None
    ) -> Self:
        """Return self with these outcomes added to the persons' sums; all else stays as it is.

        Batches commute: the order of outcomes does not matter. Arguments as in fit (day is
        accepted and not read; levels move at the next fit). An unfitted estimator starts from a
        flat curve at one half.
        """
        cells, labels, keys = inputs.checked(X, y, person)
        if not self._is_fitted():
            self.fit(np.empty((0, 2)), np.empty(0), person=np.empty(0, dtype=np.str_))
        names, inverse = np.unique(keys, return_inverse=True)
        self._add_persons([name for name in names.tolist() if name not in self._row])
        rows = np.array([self._row[name] for name in names.tolist()], dtype=np.int64)[inverse]
        np.add.at(self.seen_, (rows, cells), 1.0)
        np.add.at(self.answered_, (rows, cells), labels)
        np.add.at(self.offset_, (rows, cells), self.level_[rows])
        self._stale[rows] = True
        return self

    def slot_scores(self, hours: ArrayLike, day_type: ArrayLike, person: ArrayLike) -> Floats:
        """Return (n, k) logit terms that depend on the slot: population curve plus deviation.

        hours: (n, k) hours of day; day_type: (n,) 0/1; person: (n,) keys. Only differences within
        a row mean anything. An unknown person gets the population curve. The deviation is taken
        at its mean plus `optimism` posterior SDs, an upper confidence bound (Auer 2002).
        Raises NotFittedError before any fit, ValueError for bad arguments.
        """
        cells, rows = self._locate(hours, day_type, person)
        self._refresh(rows)
        scores = np.asarray(self.population_[cells], dtype=np.float64)
        known = np.flatnonzero(rows >= 0)
        at, where = rows[known, None], cells[known]
        scores[known] += self._own[at, where] + self.optimism * self._doubt[at, where]
        return scores

    def predict_proba(self, hours: ArrayLike, day_type: ArrayLike, person: ArrayLike) -> Floats:
        """Return (n, k) probabilities of an answer in each slot, uncertainty averaged over.

        Arguments as in slot_scores. Note the shape: one column a slot, not one a class. The
        average of the logistic over the posterior follows MacKay (1992), eq. 10.
        """
        cells, rows = self._locate(hours, day_type, person)
        self._refresh(rows)
        prior = self._prior()
        logits = np.asarray(self.population_[cells], dtype=np.float64)
        variance = (prior.design**2).sum(axis=1)[cells]
        known = np.flatnonzero(rows >= 0)
        if known.size:
            at, where = rows[known], cells[known]
            base = self.level_[at] + self._modes[at, 0] * self.base_sd_
            logits[known] += self._own[at[:, None], where] + base[:, None]
            variance[known] = personal.spread(self._counts().of(at), self._modes[at], where, prior)
        return np.asarray(expit(logits / np.sqrt(1.0 + np.pi * variance / 8.0)), dtype=np.float64)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the fitted state as plain arrays, enough for from_arrays to restore it."""
        self._require_fit()
        return {
            "population": self.population_,
            "basis": self.basis_,
            "scales": np.array([self.base_sd_, self.deviation_sd_]),
            "persons": self.persons_,
            "level": self.level_,
            "seen": self.seen_,
            "answered": self.answered_,
            "offset": self.offset_,
        }

    @classmethod
    def from_arrays(
        cls, params: dict[str, float | int], arrays: dict[str, NDArray[np.generic]]
    ) -> Self:
        """Return an estimator with this fitted state.

        Raises ValueError for shapes or values that no fit can have produced, KeyError for a
        missing array, TypeError for parameters that do not exist.
        """
        model = cls(**params)  # type: ignore[arg-type]  # wrong kinds are refused just below
        model._check_params()
        names = np.array(arrays["persons"])
        numeric = ("population", "basis", "scales", "level", "seen", "answered", "offset")
        state = {name: np.array(arrays[name], dtype=np.float64) for name in numeric}
        inputs.check_state(state, names)
        model.n_features_in_ = 2
        model._set_persons(names.astype(np.str_))
        model.population_, model.basis_ = state["population"], state["basis"]
        model.base_sd_, model.deviation_sd_ = (float(value) for value in state["scales"])
        model.level_, model.offset_ = state["level"], state["offset"]
        model.seen_, model.answered_ = state["seen"], state["answered"]
        model._derive_posteriors()
        return model

    def _check_params(self) -> None:
        allowed: dict[str, tuple[float, float]] = {
            "length": (0.1, 24.0),
            "rank": (0, MAX_RANK),
            "day_type_correlation": (0.0, 1.0),
            "half_life": (0.1, 3650.0),
            "person_cap": (1.0, 1e6),
            "optimism": (0.0, 10.0),
        }
        for name, (low, high) in allowed.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"{name}: must be between {low} and {high}, got {value!r}")
        if not isinstance(self.rank, int):
            raise ValueError(f"rank: must be a whole number, got {self.rank!r}")

    def _is_fitted(self) -> bool:
        return hasattr(self, "population_")

    def _require_fit(self) -> None:
        if not self._is_fitted():
            raise NotFittedError("Receptivity is not fitted; call fit or partial_fit first")

    def _fit_prior(self, history: History) -> None:
        """Estimate the curve, levels, and the spread of base rates and deviations."""
        curve = population.fit_curve(history, self.half_life)
        offset = curve.offset
        share = personal.occupancy(history.tally(history.weight[history.person]))
        correlation = personal.kernel(self.length, self.day_type_correlation)
        correlation = personal.centred(correlation, share)
        logit = curve.logit[history.cell] + offset
        variance = personal.deviation_variance(history, logit, correlation)
        self.population_, self.base_sd_ = curve.logit, curve.base_sd
        self.level_, self.offset_ = curve.level, history.tally(offset)
        self.basis_ = personal.basis(correlation, share, self.rank)
        self.deviation_sd_ = float(np.sqrt(variance))

    def _prior(self) -> Prior:
        return Prior(self.population_, self.base_sd_, self.basis_, self.deviation_sd_)

    def _counts(self) -> Counts:
        return Counts(self.seen_, self.answered_, self.offset_)

    def _set_persons(self, names: Keys) -> None:
        self.persons_ = names
        self._row = {name: row for row, name in enumerate(names.tolist())}

    def _add_persons(self, names: list[str]) -> None:
        if not names:
            return
        self._set_persons(np.concatenate([self.persons_, np.array(names, dtype=np.str_)]))
        grow = (0, len(names))
        self.level_ = np.pad(self.level_, grow)
        self._stale = np.concatenate([self._stale, np.ones(len(names), dtype=np.bool_)])
        for table in ("seen_", "answered_", "offset_", "_modes", "_own", "_doubt"):
            setattr(self, table, np.pad(getattr(self, table), (grow, (0, 0))))

    def _derive_posteriors(self) -> None:
        """Derive everybody's posterior anew, so that the first scoring need not."""
        n = self.persons_.size
        self._stale = np.ones(n, dtype=np.bool_)
        self._modes = np.zeros((n, 1 + self.basis_.shape[1]))
        self._own = np.zeros((n, bins.CELLS))
        self._doubt = np.zeros((n, bins.CELLS))
        self._refresh(np.arange(n))

    def _locate(
        self, hours: ArrayLike, day_type: ArrayLike, person: ArrayLike
    ) -> tuple[Ints, Ints]:
        """Return cells (n, k) and the persons' rows (n,), -1 for unknown ones."""
        self._require_fit()
        clock, kinds = np.asarray(hours, dtype=np.float64), np.asarray(day_type)
        keys = inputs.keys_of(person)
        if clock.ndim != 2 or kinds.shape != clock.shape[:1] or keys.shape != kinds.shape:
            raise ValueError(
                "hours: must be (n, k) with day_type and person (n,), got "
                f"{clock.shape}, {kinds.shape} and {keys.shape}"
            )
        rows = np.array([self._row.get(name, -1) for name in keys.tolist()], dtype=np.int64)
        return bins.cell_of(clock, kinds[:, None]), rows

    def _refresh(self, rows: Ints) -> None:
        """Bring the posteriors of these persons up to date with their sums."""
        wanted = np.unique(rows[rows >= 0])
        stale = wanted[self._stale[wanted]]
        if stale.size == 0:
            return
        prior, counts = self._prior(), self._counts().of(stale)
        modes = personal.posterior(counts, prior)
        self._modes[stale] = modes
        self._doubt[stale] = personal.deviation_spread(counts, modes, prior)
        self._own[stale] = modes[:, 1:] @ prior.design[:, 1:].T
        self._stale[stale] = False
