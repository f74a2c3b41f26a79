"""What an answer to a content tells in numbers: its items and scores, and how far they reach."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from content.elements import InfoItem, Item, Score, numeric_bounds
from content.item import ContentItem

Bounds = tuple[float, float]
"""Lowest and highest number, both ends included."""


@dataclass(frozen=True, slots=True)
class Values:
    """The items that take an answer (None where it counts for no number), and the scores."""

    items: Mapping[str, Bounds | None]
    scores: Mapping[str, Bounds]


def values_of(content: ContentItem) -> Values:
    """Return the names of the content's items and scores with the range of each."""
    items = {item.id: item for item in content.items if not isinstance(item, InfoItem)}
    return Values(
        items={name: numeric_bounds(item) for name, item in items.items()},
        scores={score.id: score_bounds(score, items) for score in content.scores},
    )


def score_bounds(score: Score, items: Mapping[str, Item]) -> Bounds:
    """Return the lowest and highest value the score can have, prorated ones included."""
    bounds = [numeric_bounds(items[name]) or (0, 0) for name in score.items]
    if score.kind == "difference":
        return bounds[0][0] - bounds[1][1], bounds[0][1] - bounds[1][0]
    times = 1 if score.kind == "mean" else len(bounds)
    lows, highs = [low for low, _ in bounds], [high for _, high in bounds]
    if score.missing == "prorate":  # the mean of those answered stands for all
        return times * min(lows), times * max(highs)
    return times * math.fsum(lows) / len(lows), times * math.fsum(highs) / len(highs)
