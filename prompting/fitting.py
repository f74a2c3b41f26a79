"""Fitting the models: of answers in time, and of good moments."""

from collections.abc import Mapping, Sequence

import numpy as np

from content.library import Library
from engine.learning_records import Hours, Outcome, Sign
from engine.localtime import zone
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.features import day_type, declared_array, local_hour
from prompting.knowing import arrays

FEWEST_SIGNS = 30
"""With fewer signs of good moments nothing is learned of them."""


def fit(outcomes: Sequence[Outcome], declared: Mapping[str, Hours]) -> Receptivity:
    """Return a model of these outcomes, given the hours that persons declared."""
    X, y, person, day = arrays(outcomes)
    own = declared_array([declared.get(one.person) for one in outcomes])
    return Receptivity().fit(X, y, person=person, day=day, declared=own)


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
