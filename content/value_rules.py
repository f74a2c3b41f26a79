"""Which operators and values fit which item type in a condition."""

from collections.abc import Callable

from content.conditions import Comparison, Scalar
from content.elements import (
    ChoiceItem,
    Item,
    MultiItem,
    NumberItem,
    SliderItem,
    TextItem,
    TimeItem,
    YesNoItem,
)
from content.times import is_time

_ORDERED = ("eq", "ne", "lt", "le", "gt", "ge", "in", "answered")
_UNORDERED = ("eq", "ne", "in", "answered")


def comparison_fault(leaf: Comparison, item: Item) -> tuple[str, str] | None:
    """Return the key at fault (`op` or `value`) and why, or None if the comparison makes sense."""
    operators, fits, words = _rules(item)
    if leaf.op not in operators:
        return "op", f"op {leaf.op} does not fit a {item.type} item; use {', '.join(operators)}"
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if leaf.op != "answered" and not all(value is not None and fits(value) for value in values):
        return "value", f"must be {words}, as {item.id!r} is a {item.type} item"
    return None


def score_fault(leaf: Comparison) -> str | None:
    """Return why the value cannot be compared with a score, or None if it can."""
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if leaf.op == "answered" or all(value is not None and _is_number(value) for value in values):
        return None
    return "must be a number, as scores are numbers"


def _rules(item: Item) -> tuple[tuple[str, ...], Callable[[Scalar], bool], str]:
    """Return allowed operators, the test a value must pass, and the words for it."""
    if isinstance(item, ChoiceItem | MultiItem):
        codes = [option.code for option in item.options]
        operators = _UNORDERED if isinstance(item, ChoiceItem) else ("in", "answered")
        return operators, lambda value: value in codes, f"an option code ({', '.join(codes)})"
    if isinstance(item, SliderItem | NumberItem):
        low, high = item.min, item.max
        return (
            _ORDERED,
            lambda value: _is_number(value) and low <= float(value) <= high,
            f"a number from {low} to {high}",
        )
    if isinstance(item, YesNoItem):
        return ("eq", "ne", "answered"), lambda value: isinstance(value, bool), "true or false"
    if isinstance(item, TimeItem):
        return _ORDERED, is_time, 'a time in quotes such as "07:30"'
    if isinstance(item, TextItem):
        return ("answered",), lambda _value: False, "left out"
    return (), lambda _value: False, "left out"


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
