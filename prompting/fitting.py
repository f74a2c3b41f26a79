"""Fitting the model of good moments, from all signs there are of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from content.library import Library
from engine.learning_records import Hours, Sign
from engine.localtime import zone
from models.relevance import Relevance
from prompting.features import day_type, declared_array, local_hour

FEWEST_SIGNS = 30
"""With fewer signs of good moments nothing is learned of them."""


def fit_relevance(signs: Sequence[Sign], declared: Mapping[str, Hours]) -> Relevance | None:
    """Return a model of good moments, None while there are too few signs."""
    if len(signs) < FEWEST_SIGNS:
        return None
    local = [(one.at.astimezone(zone(one.zone)).date(), one) for one in signs]
    names = sorted({one.person for one in signs})
    own = declared_array([declared.get(name) for name in names])
    return Relevance().fit(
        np.array([(local_hour(one.at, one.zone), day_type(date)) for date, one in local]),
        np.array([int(one.good) for one in signs]),
        person=np.array([one.person for one in signs]),
        day=np.array([date.toordinal() for date, _ in local]),
        declared=dict(zip(names, own, strict=True)),
        kind=np.array([one.kind for one in signs]),
    )


def exercises() -> frozenset[str]:
    """Return the ids of contents that count as exercises."""
    return frozenset(item.id for item in Library.builtin() if item.kind == "exercise")
