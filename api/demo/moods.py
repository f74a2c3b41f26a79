"""What simulated patients answer: plausible values for any content, drifting over the weeks."""

from random import Random
from typing import Any

from content.conditions import comparisons, holds
from content.item import ContentItem

RARER = 0.45

SENTENCES = (
    "A short walk before lunch.",
    "Call an old friend.",
    "Cook something simple.",
    "Twenty minutes in the garden.",
    "Tidy one shelf.",
)


def answers_for(item: ContentItem, distress: float, rng: Random) -> dict[str, Any]:
    """Return answers to everything shown, for a person at `distress` between 0 and 1."""
    given: dict[str, Any] = {}
    risky = _risky(item)
    for question in item.items:
        if question.type == "info":
            continue
        if question.show_if is not None and not holds(question.show_if, given, {}):
            continue
        level = distress - RARER if question.id in risky else distress
        given[question.id] = _answer(question, level, rng)
    return given


def _risky(item: ContentItem) -> set[str]:
    """Return the items that a safety rule looks at; few people answer those highly."""
    rules = item.safety.risk if item.safety else ()
    return {
        found.item
        for rule in rules
        for _, found in comparisons(rule.when)
        if found.item is not None
    }


def _answer(question: Any, distress: float, rng: Random) -> Any:  # noqa: ANN401
    level = min(max(rng.gauss(distress, 0.15), 0.0), 1.0)
    if question.type == "choice":
        codes = [option.code for option in question.options]
        return codes[min(int(level * len(codes)), len(codes) - 1)]
    if question.type == "multi":
        return [question.options[0].code]
    if question.type in {"slider", "number"}:
        step = getattr(question, "step", None) or 1
        steps = int((question.max - question.min) // step)
        return question.min + step * round(level * steps)
    if question.type == "yesno":
        return level < 0.5
    if question.type == "time":
        return f"{rng.randrange(8, 20):02d}:{rng.choice((0, 15, 30, 45)):02d}"
    return rng.choice(SENTENCES)
