"""Forecasts for held-out prompts by a blend of a linear and a tree model, calibrated.

Nothing of the held-out part is looked at: which settings to use is decided by a split in time
inside the training part, the calibration by training prompts of persons the model was not fitted
on. A forecast is only as good as its scale, so both are needed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.bins import Floats, Ints
from models.evaluation.replay_data import Bools, first, rank
from models.evaluation.replay_scores import EDGE

INNER = 2.0 / 3.0
"""Share of each person's training prompts the settings are fitted on; the rest compares them."""
FOLDS = 4
FEW_PERSONS = 8  # below this many, one person's folds are too uneven to calibrate by
LOOSE = 100.0  # inverse ridge of the calibration, so weak that only separation feels it


def linear(strength: float) -> Any:  # noqa: ANN401  # scikit-learn ships no types
    """Return a logistic regression on standardised columns with C = strength; NaN is the mean."""
    return make_pipeline(
        StandardScaler(),
        FunctionTransformer(np.nan_to_num),
        LogisticRegression(C=strength, max_iter=1000),
    )


def trees(leaves: int, rounds: int, smallest: int, share: float) -> Any:  # noqa: ANN401
    """Return small boosted trees: leaves each, so many rounds, prompts in the smallest leaf."""
    return HistGradientBoostingClassifier(
        max_leaf_nodes=leaves,
        max_iter=rounds,
        min_samples_leaf=smallest,
        max_features=share,
        learning_rate=0.05,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=0,
    )


LINEAR = tuple(linear(strength) for strength in (0.001, 0.01, 0.1, 1.0))
TREES = (trees(3, 60, 50, 1.0), trees(6, 60, 120, 0.2), trees(8, 150, 50, 0.5))
CONTEXT = linear(0.1)


@dataclass(frozen=True)
class Part:
    """Rows of a study: whose, the outcome (NaN where unknown) and which may be learned from."""

    person: Ints
    outcome: Floats
    train: Bools

    @property
    def learn(self) -> Bools:
        """Return the training rows (n,) with a known outcome."""
        return np.asarray(self.train & ~np.isnan(self.outcome), dtype=np.bool_)


@dataclass(frozen=True)
class Scale:
    """A calibration of logits whose slope may grow with what is known of the person.

    At a person's first prompts the same past says less than later, so one slope for all would be
    too timid in the end (Platt 2000, with an interaction). model None: nothing to calibrate by.
    """

    model: Any
    middle: float
    usual: float

    @classmethod
    def of(cls, z: Floats, known: Floats, y: Floats) -> "Scale":
        """Return the calibration of logits z (n,) of outcomes y, known: (n,) log prompts before."""
        if np.unique(y).size < 2:
            return cls(None, 0.0, 0.0)
        scale = cls(
            LogisticRegression(C=LOOSE, max_iter=1000), float(z.mean()), float(known.mean())
        )
        scale.model.fit(scale._columns(z, known), y)
        return scale

    def apply(self, z: Floats, known: Floats) -> Floats:
        """Return the calibrated probabilities (n,)."""
        if self.model is None:
            return np.asarray(expit(z), dtype=np.float64)
        chances = self.model.predict_proba(self._columns(z, known))[:, 1]
        return np.asarray(chances, dtype=np.float64)

    def _columns(self, z: Floats, known: Floats) -> Floats:
        return np.column_stack([z, (z - self.middle) * (known - self.usual)])


def forecast(X: Floats, part: Part) -> Floats:
    """Return calibrated probabilities (n,) for all rows from columns X (n, q), NaN allowed.

    Only those of rows outside part.train are forecasts. With no training row, or one kind of
    outcome, the training rate (Laplace 1774) is all there is to say.
    """
    chosen = [_best(family, X, part) for family in (LINEAR, TREES)]
    everyone = np.ones(part.person.size, dtype=np.bool_)
    blend = np.mean([_logits(model, X, part, part.learn, everyone) for model in chosen], axis=0)
    rows, values = _out_of_fold(chosen, X, part)
    known = np.log1p(rank(part.person))
    return Scale.of(values, known[rows], part.outcome[rows]).apply(blend, known)


def context_forecast(X: Floats, part: Part) -> Floats:
    """Return probabilities (n,) from the columns X of the context by logistic regression alone."""
    everyone = np.ones(part.person.size, dtype=np.bool_)
    return np.asarray(expit(_logits(CONTEXT, X, part, part.learn, everyone)), dtype=np.float64)


def varying(X: Floats, rows: Bools) -> Bools:
    """Return which columns (q,) take at least two known values in these rows."""
    kinds = [np.unique(column[~np.isnan(column)]).size for column in X[rows].T]
    return np.array([number > 1 for number in kinds], dtype=np.bool_)


def _logits(model: Any, X: Floats, part: Part, fit: Bools, rows: Bools) -> Floats:  # noqa: ANN401
    """Return the logits (k,) of some rows from a fresh copy of the model fitted on others."""
    y, keep = part.outcome[fit], varying(X, fit)
    if not rows.any() or not keep.any() or np.unique(y).size < 2:
        return np.full(int(rows.sum()), logit((float(y.sum()) + 1.0) / (y.size + 2.0)))
    chance = clone(model).fit(X[fit][:, keep], y).predict_proba(X[rows][:, keep])[:, 1]
    return np.asarray(logit(np.clip(chance, EDGE, 1.0 - EDGE)), dtype=np.float64)


def _best(family: tuple[Any, ...], X: Floats, part: Part) -> Any:  # noqa: ANN401
    """Return the model whose forecasts of later training prompts lose least once calibrated."""
    early = _inner(part)
    late = part.learn & ~early
    y = part.outcome[late]
    if np.unique(y).size < 2:
        return family[0]
    losses = []
    for model in family:
        z = _logits(model, X, part, early, late)
        same = np.zeros_like(z)
        p = np.clip(Scale.of(z, same, y).apply(z, same), EDGE, 1.0 - EDGE)
        losses.append(-float((y * np.log(p) + (1.0 - y) * np.log1p(-p)).mean()))
    return family[int(np.argmin(losses))]


def _inner(part: Part) -> Bools:
    """Return the earlier rows of each person's training part."""
    early = np.zeros(part.person.size, dtype=np.bool_)
    early[part.train] = first(part.person[part.train], INNER)
    return early & part.learn


def _out_of_fold(models: list[Any], X: Floats, part: Part) -> tuple[Bools, Floats]:
    """Return training rows and their blended logits by models fitted on other persons.

    With few persons: the later training rows, by models fitted on the earlier ones.
    """
    learn = part.learn
    if np.unique(part.person[learn]).size < FEW_PERSONS:
        early = _inner(part)
        late = learn & ~early
        return late, np.mean([_logits(m, X, part, early, late) for m in models], axis=0)
    blend = np.zeros(part.person.size)
    for fold in range(FOLDS):
        out = learn & (part.person % FOLDS == fold)
        blend[out] = np.mean([_logits(m, X, part, learn & ~out, out) for m in models], axis=0)
    return learn, blend[learn]
