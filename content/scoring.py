"""Scores from answers: sum, mean and difference, with a stated rule for missing answers."""

import math
from collections.abc import Mapping

from content.elements import (
    ChoiceItem,
    Item,
    NumberItem,
    Score,
    SliderItem,
    YesNoItem,
    numeric_bounds,
)
from content.fields import Answer
from content.item import ContentItem


def score(content: ContentItem, answers: Mapping[str, Answer]) -> dict[str, float | None]:
    """Return every score of the content by id, None where too many answers are missing.

    `answers` are normalised (see `content.answers.check_answers`); an item that was not shown
    counts as missing. Scores are in the units of their items.
    """
    items = {item.id: item for item in content.items}
    return {one.id: _one(one, items, answers) for one in content.scores}


def numbers(content: ContentItem, answers: Mapping[str, Answer]) -> dict[str, float | None]:
    """Return the number that each item's answer counts for, None where it is missing or has none.

    `answers` are normalised, as for `score`.
    """
    return {item.id: _counted(item, answers.get(item.id), reverse=False) for item in content.items}


def band(content: ContentItem, score_id: str, value: float | None) -> str | None:
    """Return the name of the band the value lies in, or None outside all bands.

    A value between two bands, which prorating can give (4.5 between 0-4 and 5-9), belongs to the
    lower one. Raises KeyError if the content has no such score.
    """
    found = next((one for one in content.scores if one.id == score_id), None)
    if found is None:
        raise KeyError(f"{content.id} has no score {score_id!r}")
    if value is None or not found.bands or value > found.bands[-1].to:
        return None
    return next((one.name for one in reversed(found.bands) if one.from_ <= value), None)


def _one(rule: Score, items: Mapping[str, Item], answers: Mapping[str, Answer]) -> float | None:
    values = [
        _counted(items[name], answers.get(name), reverse=name in rule.reverse)
        for name in rule.items
    ]
    present = [value for value in values if value is not None]
    allowed = rule.max_missing or 0
    if not present or len(values) - len(present) > allowed:
        return None
    if rule.kind == "difference":
        return present[0] - present[1]
    mean = math.fsum(present) / len(present)
    if rule.kind == "mean":
        return mean
    # Without gaps the plain sum is exact; with gaps each missing answer counts as the mean.
    return math.fsum(present) if len(present) == len(values) else mean * len(values)


def _counted(item: Item, answer: Answer | None, *, reverse: bool) -> float | None:
    """Return the number an answer counts for, or None if it is missing or has no number."""
    value = _value(item, answer)
    bounds = numeric_bounds(item)
    if value is None or bounds is None:
        return None
    return bounds[0] + bounds[1] - value if reverse else value


def _value(item: Item, answer: Answer | None) -> float | None:
    if isinstance(item, ChoiceItem):
        chosen = next((option for option in item.options if option.code == answer), None)
        return None if chosen is None or chosen.value is None else float(chosen.value)
    if isinstance(item, YesNoItem):
        return float(answer) if isinstance(answer, bool) else None
    if isinstance(item, SliderItem | NumberItem):
        is_number = isinstance(answer, int | float) and not isinstance(answer, bool)
        return float(answer) if is_number and isinstance(answer, int | float) else None
    return None
