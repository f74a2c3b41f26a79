"""The relevance head: was this a good moment for the person, beside whether they answered.

Marks ("good moment?") and exercises done say so directly. Exercises started unasked and reports of
distress only ever say yes: they are set against the person's other waking hours, so that they teach
where good moments lie and not how frequent they are (Phillips et al. 2009).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from models import inputs
from models.bins import Floats, Ints
from models.context import Declared
from models.inputs import Keys
from models.pilot import Arrays, Pilot
from models.receptivity import Receptivity

MARK, EXERCISE, SELF_STARTED, DISTRESS = "mark", "exercise", "self_started", "distress"
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {MARK: 1.0, EXERCISE: 0.5, SELF_STARTED: 0.5, DISTRESS: 0.25}
)
"""What one sign counts, by its kind; a mark is the only one that was asked for."""
ONLY_YES = (SELF_STARTED, DISTRESS)
BACKGROUND_HOURS = np.arange(8.0, 23.0, 2.0)  # waking hours that a yes is set against
PRIOR_MARKS = 4.0  # imaginary marks, half of them good, in the usual rate


class Relevance(Receptivity):
    """P(good moment | slot, person), with the methods of Receptivity.

    Parameters as there; defaults differ, because signs are few: four dimensions of deviation do.
    How a person feels about prompts is not followed over time.
    """

    follows_time = False
    half_life = 7.0  # of levels, which are not followed
    forgetting = 1.0
    alarm = 0.0

    def __init__(  # the parameters that time does not need
        self,
        *,
        length: float = 2.5,
        rank: int = 4,
        day_type_correlation: float = 0.6,
        person_cap: float = 4.0,
        optimism: float = 0.0,
    ) -> None:
        self.length = length
        self.rank = rank
        self.day_type_correlation = day_type_correlation
        self.person_cap = person_cap
        self.optimism = optimism

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
        kind: ArrayLike | None = None,
    ) -> Self:
        """Return self, trained on these signs only; whatever was learned before is forgotten.

        kind: (m,) of WEIGHTS, marks if left out; kinds that only say yes must have y = 1. Other
        arguments as in Receptivity.fit, with X the hour and day type of the sign, except that
        declared must be a mapping by person. Raises ValueError naming the argument that is wrong.
        """
        signs = _Signs.of(X, y, person, day, sample_weight, kind)
        _require_mapping(declared)
        return super().fit(
            signs.X,
            signs.y,
            person=signs.person,
            day=signs.day,
            declared=declared,
            pilot=pilot,
            sample_weight=signs.weight,
        )

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
        kind: ArrayLike | None = None,
    ) -> Self:
        """Return self with these signs added; arguments as in fit, and last_hour is not read."""
        signs = _Signs.of(X, y, person, day, sample_weight, kind)
        _require_mapping(declared)
        return super().partial_fit(
            signs.X, signs.y, person=signs.person, declared=declared, sample_weight=signs.weight
        )


def _require_mapping(declared: Declared | None) -> None:
    if declared is not None and not isinstance(declared, Mapping):
        raise ValueError("declared: must be a mapping by person")


@dataclass(frozen=True)
class _Signs:
    """Signs with the hours that those that only say yes are set against; day says whose."""

    X: Floats
    y: Floats
    person: Keys
    weight: Floats
    day: Ints

    @classmethod
    def of(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        person: ArrayLike,
        day: ArrayLike | None,
        sample_weight: ArrayLike | None,
        kind: ArrayLike | None,
    ) -> "_Signs":
        """Return the checked signs, each with its weight by kind, and their background."""
        _, labels, keys = inputs.checked(X, y, person)
        table = np.asarray(X, dtype=np.float64)[:, :2].reshape(-1, 2)
        kinds = np.full(labels.size, MARK) if kind is None else np.asarray(kind, dtype=np.str_)
        if kinds.shape != labels.shape or not np.isin(kinds, list(WEIGHTS)).all():
            raise ValueError(f"kind: must be one of {', '.join(WEIGHTS)} for each sign")
        only = np.isin(kinds, ONLY_YES)
        if (labels[only] == 0.0).any():
            raise ValueError(f"y: must be 1 for {' and '.join(ONLY_YES)}")
        weight = inputs.weights(sample_weight, labels.size)
        weight = weight * np.array([WEIGHTS[name] for name in kinds.tolist()])
        days = inputs.days_of(day, labels.size)
        days = np.arange(labels.size) if days is None else days
        asked = labels[~only]
        usual = (float(asked.sum()) + PRIOR_MARKS / 2.0) / (asked.size + PRIOR_MARKS)
        background = np.repeat(np.flatnonzero(only), BACKGROUND_HOURS.size)
        hours = np.tile(BACKGROUND_HOURS, int(only.sum()))
        share = min(1.0, (1.0 - usual) / usual / BACKGROUND_HOURS.size)
        return cls(
            X=np.vstack([table, np.column_stack([hours, table[background, 1]])]),
            y=np.r_[labels, np.zeros(background.size)],
            person=np.concatenate([keys, keys[background]]),
            weight=np.r_[weight, weight[background] * share],
            day=np.concatenate([days, days[background]]),
        )
