"""The receptivity estimator: which slot suits a person, and how likely the person answers there.

logit P(answer) = population curve(hour, day type) + context(declared hours, prompt before) + level
and base rate of the person + the person's own deviation(hour, day type). Only curve, context and
deviation choose a time; level and base rate enter the probability.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from models import bins, change, context, covariance, inputs, population
from models.bins import Floats, Ints
from models.context import Declared
from models.engagement import fit_engagement
from models.history import History, influence
from models.inputs import Keys
from models.ledger import Ledger
from models.person import Prior
from models.pilot import Arrays, Pilot, split_effects
from models.trust import Trust, fit_trust

MAX_RANK = 10
RANGES: Mapping[str, tuple[float, float]] = {
    "length": (0.1, 24.0),
    "rank": (0, MAX_RANK),
    "day_type_correlation": (0.0, 1.0),
    "half_life": (0.1, 3650.0),
    "person_cap": (1.0, 1e6),
    "optimism": (0.0, 10.0),
    "forgetting": (0.5, 1.0),
    "alarm": (0.0, 1e6),
}


class Receptivity(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Receptivity per person and half hour, learned from answered and missed prompts.

    Parameters: `length` of the deviation kernel in hours; `rank`, the number of eigenvectors kept
    (0 gives the population curve alone); `day_type_correlation` between a person's work and off
    days; `half_life` of a person's level in days; `person_cap`, the most a person may
    weigh in the population fit, in medians; `optimism`, how many posterior SDs of the deviation
    a slot is given on top, so that a person's untried hours are tried (0 to trust the mean);
    `forgetting`, what is left of an outcome after each day (1 keeps all); `alarm`, the log Bayes
    factor from which a person counts as changed (models.change).

    Fitted state: `population_` logit (96,), `base_sd_`, `basis_` (96, rank), `deviation_sd_`,
    `effects_` (21,) and `context_` (96, codes) of models.context, and `ledger_`, what is kept of
    each person. `changed_` names the persons whose rhythm changed of late.
    """

    follows_time = True  # whether days are in order for levels, forgetting, changes and gaps

    def __init__(
        self,
        *,
        length: float = 1.6,
        rank: int = MAX_RANK,
        day_type_correlation: float = 0.6,
        half_life: float = 7.0,
        person_cap: float = 4.0,
        optimism: float = 1.0,
        forgetting: float = 1.0,
        alarm: float = 3.0,
    ) -> None:
        self.length = length
        self.rank = rank
        self.day_type_correlation = day_type_correlation
        self.half_life = half_life
        self.person_cap = person_cap
        self.optimism = optimism
        self.forgetting = forgetting
        self.alarm = alarm

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        person: ArrayLike,
        day: ArrayLike | None = None,
        declared: Declared | None = None,
        pilot: Arrays | Pilot | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return self, trained on these outcomes only; whatever was learned before is forgotten.

        X: (m, 2+) float, hour of day (0..24) and day type (0 work, 1 off); further columns are
        reserved and not read. y: (m,) 0/1. person: (m,) strings or integers, compared as text.
        day: (m,) integers in order of time; without it outcomes count as different days, a
        person's level is one for all of them, and no forgetting, change or prompt before is
        followed. declared: hours of waking, going to bed, start and end of work, NaN where not
        declared, by person or (m, 4). pilot: to_arrays of a model fitted to another study, a prior
        of finite weight. sample_weight: (m,) between 0 and 1. Raises ValueError naming the argument
        that is wrong.
        """
        inputs.check_params(self, RANGES)
        cells, labels, keys = inputs.checked(X, y, person)
        names, rows = inputs.rows_of(keys)
        days = inputs.days_of(day, rows.size)
        ledger = Ledger(names, self.rank)
        if declared is not None:
            ledger.zones[:] = context.zones_of(context.declared_of(declared, names, rows))
        history = inputs.history_of(rows, cells, labels, days, influence(rows, self.person_cap))
        history = replace(history, timed=history.timed and self.follows_time)
        history = inputs.placed(
            history, ledger.zones, np.asarray(X, dtype=np.float64)[:, 0], self.forgetting
        )
        fresh = history.fresh * inputs.weights(sample_weight, rows.size)
        history = replace(history, fresh=fresh)
        self.n_features_in_ = 2
        self._fit_prior(history, ledger, Pilot.of(pilot) if isinstance(pilot, Mapping) else pilot)
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        person: ArrayLike,
        day: ArrayLike | None = None,
        declared: Declared | None = None,
        last_hour: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return self with these outcomes added to the persons' sums; all else stays as it is.

        Batches commute: the order of outcomes does not matter. Arguments as in fit (day is
        accepted and not read; levels move at the next fit). last_hour: (m,) hour of the person's
        prompt before on that day, NaN where there was none. An unfitted estimator starts from a
        flat curve at one half.
        """
        cells, labels, keys = inputs.checked(X, y, person)
        if not self._is_fitted():
            self.fit(np.empty((0, 2)), np.empty(0), person=np.empty(0, dtype=np.str_))
        ledger, named = self.ledger_, keys.tolist()
        ledger.add(named)
        rows = ledger.rows(named)
        if declared is not None:
            ledger.declare(rows, context.zones_of(context.declared_rows(declared, named)))
        offset = ledger.level[rows].astype(np.float64)
        if last_hour is not None:
            clock = np.asarray(X, dtype=np.float64)[:, 0]
            gap = clock - inputs.last_hours(last_hour, rows.size)
            offset += split_effects(self.effects_)[2][context.gap_zone(gap)]
        weight = inputs.weights(sample_weight, rows.size)
        ledger.take_in(rows, cells, labels, offset, weight)
        return self

    def slot_scores(
        self,
        hours: ArrayLike,
        day_type: ArrayLike,
        person: ArrayLike,
        *,
        declared: Declared | None = None,
        last_hour: ArrayLike | None = None,
    ) -> Floats:
        """Return (n, k) logit terms that depend on the slot: population, context and deviation.

        hours: (n, k) hours of day; day_type: (n,) 0/1; person: (n,) keys. Only differences within
        a row mean anything. An unknown person gets the population curve, for the hours declared if
        any. last_hour: (n,) hour of the person's prompt before on that day, NaN where there was
        none. The deviation is taken at its mean plus `optimism` posterior SDs, an upper confidence
        bound (Auer 2002). Raises NotFittedError before any fit, ValueError for bad arguments.
        """
        cells, rows, scores = self._located(hours, day_type, person, declared, last_hour)
        own, doubt, _ = self.ledger_.terms(rows, cells, self._prior())
        return scores + own + self.optimism * self.ledger_.boldness(rows)[:, None] * doubt

    def predict_proba(
        self,
        hours: ArrayLike,
        day_type: ArrayLike,
        person: ArrayLike,
        *,
        declared: Declared | None = None,
        last_hour: ArrayLike | None = None,
        bold: bool = False,
    ) -> Floats:
        """Return (n, k) probabilities of an answer in each slot, uncertainty averaged over.

        Arguments as in slot_scores; bold adds the same optimism, for choosing and not for showing.
        Note the shape: one column a slot, not one a class. The average of the logistic over the
        posterior follows MacKay (1992), eq. 10.
        """
        cells, rows, logits = self._located(hours, day_type, person, declared, last_hour)
        prior = self._prior()
        own, doubt, variance = self.ledger_.terms(rows, cells, prior)
        logits += own + self.ledger_.bases(rows, prior)[:, None]
        logits /= np.sqrt(1.0 + np.pi * variance / 8.0)
        if bold:
            logits += self.optimism * self.ledger_.boldness(rows)[:, None] * doubt
        return np.asarray(expit(logits), dtype=np.float64)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the fitted state as plain arrays, enough for from_arrays to restore it."""
        self._require_fit()
        ledger = self.ledger_
        return {
            "population": self.population_,
            "basis": self.basis_,
            "scales": np.array([self.base_sd_, self.deviation_sd_]),
            "effects": self.effects_,
            "means": self.means_,
            "persons": ledger.names(),
            **{name: getattr(ledger, name).copy() for name in inputs.LEDGER},
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
        inputs.check_params(model, RANGES)
        state, names = inputs.checked_state(arrays)
        model.n_features_in_ = 2
        model.population_, model.basis_ = state["population"], state["basis"]
        model.base_sd_, model.deviation_sd_ = (float(value) for value in state["scales"])
        model.effects_, model.means_ = state["effects"], state["means"]
        ledger = Ledger(names, model.basis_.shape[1])
        ledger.fill(state["seen"], state["answered"], state["offset"])
        for name in ("zones", "level", "boost", "trust"):
            getattr(ledger, name)[:] = state[name]
        model.ledger_ = ledger
        ledger.refresh(np.arange(ledger.size), model._prior())
        return model

    @property
    def persons_(self) -> Keys:
        """The keys of the persons seen so far (n,), in the order of rows."""
        return self.ledger_.names()

    @property
    def changed_(self) -> Keys:
        """The keys of the persons whose rhythm changed of late, and who are explored anew."""
        return self.ledger_.names()[self.ledger_.boost > 1.0]

    def _is_fitted(self) -> bool:
        return hasattr(self, "ledger_")

    def _require_fit(self) -> None:
        if not self._is_fitted():
            raise NotFittedError("Receptivity is not fitted; call fit or partial_fit first")

    def _fit_prior(self, history: History, ledger: Ledger, pilot: Pilot | None) -> None:
        """Estimate population and spreads, and fill the ledger."""
        curve = population.fit_curve(history, ledger.zones, pilot)
        told = curve.table[history.cell, history.zone]
        slot = curve.logit[history.cell] + told
        held = self._trust(history, slot + curve.offset, told)
        slot = slot + (held.past - 1.0) * told
        offset = curve.offset + (held.past - held.now[history.person]) * told
        correlation = covariance.kernel(self.length, self.day_type_correlation)
        spread = covariance.fit_spread(history, slot + curve.offset, correlation, self.rank, pilot)
        self.population_, self.base_sd_ = curve.logit, curve.base_sd
        self.effects_, self.means_ = curve.effects, curve.means
        self.basis_, self.deviation_sd_ = spread.basis, spread.sd
        prior = self._prior()
        factor, since = change.changes(history, slot + curve.offset, prior.design)
        changed = factor > self.alarm
        early = history.visit_day[history.visit] < since[history.person]
        kept = history.fresh * np.where(early & changed[history.person], change.KEPT, 1.0)
        ledger.boost[:] = np.where(changed, change.BOLDER, 1.0)
        ledger.trust[:] = held.now
        ledger.fill(*(history.tally(kept * value) for value in (1.0, history.label, offset)))
        ledger.refresh(np.arange(ledger.size), prior)
        if history.timed:
            slot = slot + split_effects(curve.effects)[2][history.gap]
            ledger.set_level(fit_engagement(history, slot, self.half_life).level, prior)
        else:
            ledger.level[history.person] = curve.offset  # one for each person, whatever the day
        self.ledger_ = ledger

    def _trust(self, history: History, logit: Floats, told: Floats) -> Trust:
        """Return how far declared hours hold; arguments as in models.trust.fit_trust."""
        return fit_trust(history, logit, told)

    def _prior(self) -> Prior:
        table = context.effect_table(*split_effects(self.effects_)[:2], *self.means_)
        return Prior(self.population_, table, self.base_sd_, self.basis_, self.deviation_sd_)

    def _located(
        self,
        hours: ArrayLike,
        day_type: ArrayLike,
        person: ArrayLike,
        declared: Declared | None,
        last_hour: ArrayLike | None,
    ) -> tuple[Ints, Ints, Floats]:
        """Return cells (n, k), rows (n,), -1 for unknown persons, and the population's logits."""
        self._require_fit()
        clock, kinds = np.asarray(hours, dtype=np.float64), np.asarray(day_type)
        keys = inputs.keys_of(person)
        if clock.ndim != 2 or kinds.shape != clock.shape[:1] or keys.shape != kinds.shape:
            raise ValueError(
                "hours: must be (n, k) with day_type and person (n,), got "
                f"{clock.shape}, {kinds.shape} and {keys.shape}"
            )
        named = keys.tolist()
        rows, cells = self.ledger_.rows(named), bins.cell_of(clock, kinds[:, None])
        zones = self.ledger_.zones_at(rows, cells)
        if declared is not None:
            new = np.flatnonzero(~zones.any(axis=1))
            given = context.zones_of(context.declared_rows(declared, named)[new])
            zones[new] = np.take_along_axis(given, cells[new], axis=1)
        told = self._prior().context[cells, zones] * self.ledger_.trusted(rows)[:, None]
        logits = self.population_[cells] + told
        if last_hour is not None:
            gap = clock - inputs.last_hours(last_hour, rows.size)[:, None]
            logits += split_effects(self.effects_)[2][context.gap_zone(gap)]
        return cells, rows, np.asarray(logits, dtype=np.float64)
