"""Fitting the heads that are learned from signs: good moments, and exercises done."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from content.library import Library
from engine.learning_records import Hours, Sign
from engine.localtime import zone
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.features import day_type, declared_array, local_hour

FEWEST_SIGNS = 30
"""With fewer signs nothing is learned from them."""


def fit_relevance(signs: Sequence[Sign], declared: Mapping[str, Hours]) -> Relevance | None:
    """Return a model of good moments, None while there are too few signs."""
    if len(signs) < FEWEST_SIGNS:
        return None
    kinds = np.array([one.kind for one in signs])
    return Relevance().fit(**_arguments(signs, declared), kind=kinds)


def fit_completed(signs: Sequence[Sign], declared: Mapping[str, Hours]) -> Receptivity | None:
    """Return a model of exercises done, None while there are too few that were sent.

    It follows persons over time as the model of answers does. The prompt before is here the
    exercise before on the same day; where there are none, common sense says what it adds.
    """
    if len(signs) < FEWEST_SIGNS:
        return None
    return Receptivity().fit(**_arguments(signs, declared))


def _arguments(signs: Sequence[Sign], declared: Mapping[str, Hours]) -> dict[str, Any]:
    """Return X (n, 2: hour, day type), y, person and day (n,), and declared hours by person."""
    when, day = sign_times(signs)
    names = sorted({one.person for one in signs})
    own = declared_array([declared.get(name) for name in names])
    return {
        "X": when,
        "y": np.array([int(one.good) for one in signs]),
        "person": np.array([one.person for one in signs]),
        "day": day,
        "declared": dict(zip(names, own, strict=True)),
    }


def sign_times(signs: Sequence[Sign]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return X (n, 2: local hour, day type) of the signs, and their local day (n,), an ordinal."""
    local = [one.at.astimezone(zone(one.zone)).date() for one in signs]
    hours = [local_hour(one.at, one.zone) for one in signs]
    when = np.column_stack([hours, [day_type(date) for date in local]])
    return when, np.array([date.toordinal() for date in local], dtype=np.int64)


def exercises() -> frozenset[str]:
    """Return the ids of contents that count as exercises."""
    return frozenset(item.id for item in Library.builtin() if item.kind == "exercise")
