"""Rules between the parts of a document: what names what, and whether it can be computed.

Each rule yields `(place, message)` pairs; nothing here raises. The shape of the single parts has
been validated before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from content.conditions import Condition, comparisons
from content.elements import (
    ChoiceItem,
    InfoItem,
    Item,
    MultiItem,
    NumberItem,
    Score,
    SliderItem,
    numeric_bounds,
)
from content.stepping import on_step
from content.value_rules import comparison_fault, score_fault

if TYPE_CHECKING:
    from content.item import ContentItem

Place = tuple[str | int, ...]
PlacedFault = tuple[Place, str]


def faults_of(content: ContentItem) -> list[PlacedFault]:
    """Return every breach of the rules between parts, in the order of the document."""
    return [
        *_names(content),
        *_items(content.items),
        *_branching(content.items),
        *_scores(content),
        *_outcomes(content),
        *_texts(content),
    ]


def _repeated(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield index, value
        seen.add(value)


def _names(content: ContentItem) -> Iterator[PlacedFault]:
    """Yield ids used twice; items and scores share one space as they share export columns."""
    count = len(content.items)
    both = [item.id for item in content.items] + [score.id for score in content.scores]
    for index, name in _repeated(both):
        place: Place = ("items", index) if index < count else ("scores", index - count)
        yield (*place, "id"), f"{name!r} is already used; ids of items and scores must be unique"


def _items(items: Sequence[Item]) -> Iterator[PlacedFault]:
    for index, item in enumerate(items):
        place = ("items", index)
        if isinstance(item, ChoiceItem | MultiItem):
            for option, code in _repeated(option.code for option in item.options):
                yield (
                    (*place, "options", option, "code"),
                    f"{code!r} is already used; option codes must be unique within an item",
                )
        if isinstance(item, SliderItem | NumberItem):
            if item.min >= item.max:
                yield (*place, "max"), f"must be greater than min, which is {item.min}"
            elif item.step is not None and not on_step(item.max, item.min, item.step):
                yield (*place, "step"), "must divide the distance from min to max into whole steps"


def _branching(items: Sequence[Item]) -> Iterator[PlacedFault]:
    before: dict[str, Item] = {}
    for index, item in enumerate(items):
        if item.show_if is not None:
            yield from _condition(("items", index, "show_if"), item.show_if, before, None)
        before.setdefault(item.id, item)


def _condition(
    place: Place,
    condition: Condition,
    items: dict[str, Item],
    scores: set[str] | None,
) -> Iterator[PlacedFault]:
    """Yield what is wrong with a condition; `scores` is None where only items may be named."""
    for inner, leaf in comparisons(condition):
        where = (*place, *inner)
        if leaf.score is not None:
            if scores is None:
                yield (*where, "score"), "show_if may name items only, as scores come at the end"
            elif leaf.score not in scores:
                yield (*where, "score"), f"there is no score {leaf.score!r}{_known(scores)}"
            elif unlike := score_fault(leaf):
                yield (*where, "value"), unlike
            continue
        item = items.get(leaf.item or "")
        if item is None or isinstance(item, InfoItem):
            when = "asked before it" if scores is None else "asked in this content"
            known = [name for name, one in items.items() if not isinstance(one, InfoItem)]
            yield (*where, "item"), f"{leaf.item!r} is not an item {when}{_known(known)}"
        elif fault := comparison_fault(leaf, item):
            yield (*where, fault[0]), fault[1]


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(sorted(names))
    return f"; known: {listed}" if listed else ""


def _scores(content: ContentItem) -> Iterator[PlacedFault]:
    items = {item.id: item for item in content.items}
    for index, score in enumerate(content.scores):
        place = ("scores", index)
        yield from _score_shape(place, score)
        known = True
        for position, name in enumerate(score.items):
            if name not in items:
                known = False
                yield (*place, "items", position), f"there is no item {name!r}{_known(items)}"
            elif numeric_bounds(items[name]) is None:
                known = False
                yield (
                    (*place, "items", position),
                    f"{name!r} has no number to count: name a slider, number or yesno item, "
                    "or a choice whose options all have a value",
                )
        if known:
            yield from _bands(place, score, items)


def _score_shape(place: Place, score: Score) -> Iterator[PlacedFault]:
    for position, name in _repeated(score.items):
        yield (*place, "items", position), f"{name!r} is named twice"
    for position, name in enumerate(score.reverse):
        if name not in score.items:
            yield (*place, "reverse", position), f"{name!r} is not among the items of this score"
    if score.kind == "difference":
        if len(score.items) != 2:
            yield (*place, "items"), "a difference takes exactly two items"
        if score.missing == "prorate":
            yield (*place, "missing"), "a difference cannot be prorated; use skip"
    if score.missing == "skip" and score.max_missing is not None:
        yield (*place, "max_missing"), "is only allowed with missing: prorate"
    if score.missing == "prorate":
        if score.max_missing is None:
            yield (*place, "max_missing"), "is missing; prorate needs it"
        elif score.max_missing >= len(score.items):
            yield (*place, "max_missing"), "must be smaller than the number of items"


def _bands(place: Place, score: Score, items: dict[str, Item]) -> Iterator[PlacedFault]:
    """Yield bands out of order, overlapping or outside what the score can reach."""
    bounds = [numeric_bounds(items[name]) or (0, 0) for name in score.items]
    low, high = sum(b[0] for b in bounds), sum(b[1] for b in bounds)
    if score.kind == "mean":
        low, high = low / len(bounds), high / len(bounds)
    elif score.kind == "difference":
        low, high = bounds[0][0] - bounds[-1][1], bounds[0][1] - bounds[-1][0]
    last: float | None = None
    for index, band in enumerate(score.bands):
        where = (*place, "bands", index)
        if band.to < band.from_:
            yield (*where, "to"), f"must be at least from, which is {band.from_}"
        if last is not None and band.from_ <= last:
            yield (*where, "from"), f"must be greater than {last}, where the band before ends"
        if band.from_ < low or band.to > high:
            yield where, f"is outside the range of the score, {low} to {high}"
        last = band.to


def _outcomes(content: ContentItem) -> Iterator[PlacedFault]:
    items = {item.id: item for item in content.items}
    scores = {score.id for score in content.scores}
    for index, feedback in enumerate(content.feedback):
        if feedback.when is not None:
            yield from _condition(("feedback", index, "when"), feedback.when, items, scores)
    for index, risk in enumerate(content.safety.risk if content.safety else ()):
        yield from _condition(("safety", "risk", index, "when"), risk.when, items, scores)


def _texts(content: ContentItem) -> Iterator[PlacedFault]:
    """Yield texts that a restricted instrument must not carry, or that others lack."""
    restricted = content.licence.restricted
    for place, text in _all_texts(content):
        if restricted and text is not None:
            yield place, "must be left out: licence.restricted content carries no texts"
        if not restricted and text is None:
            yield place, "is missing (only licence.restricted content may leave texts out)"
    if restricted:
        for index, item in enumerate(content.items):
            for key in ("ends", "unit"):
                if getattr(item, key, None) is not None:
                    yield (
                        ("items", index, key),
                        "must be left out: licence.restricted content carries no texts",
                    )
        if content.instruction is not None:
            yield ("instruction",), "must be left out: licence.restricted content carries no texts"


def _all_texts(content: ContentItem) -> Iterator[tuple[Place, str | None]]:
    for index, item in enumerate(content.items):
        if isinstance(item, InfoItem):
            yield ("items", index, "text"), item.text
            continue
        yield ("items", index, "ask"), item.ask
        if isinstance(item, ChoiceItem | MultiItem):
            for option, one in enumerate(item.options):
                yield ("items", index, "options", option, "text"), one.text
