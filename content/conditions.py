"""Conditions as data: a closed tree of `all`, `any`, `not` and comparisons, never code.

The same rules are evaluated on the patient's phone, so they are kept few: a comparison names one
item or one score, and anything missing makes it false (so `not` of it is true).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from content.fields import LARGEST, Answer, Many, Name, Strict, counted

Op = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "answered"]
Scalar = str | int | float | bool
SHAPES = {"all": "AllOf", "any": "AnyOf", "not": "Not"}


def _value(value: object) -> object:
    """Return a comparison's right side; a list becomes a tuple. Raises a validation error."""
    parts = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not parts or not all(_is_scalar(part) for part in parts):
        raise PydanticCustomError(
            "condition_value", "must be text, a finite number, true or false, or a list of these"
        )
    return parts if isinstance(value, list | tuple) else value


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return isinstance(value, int | float) and abs(value) <= LARGEST


class Comparison(Strict):
    """One comparison of an item's answer or of a score with a constant.

    `in` wants a list (for a multi item: true if any chosen code is listed); `answered` wants no
    value; the rest want one value.
    """

    item: Name | None = None
    score: Name | None = None
    op: Op
    value: Annotated[Scalar | tuple[Scalar, ...] | None, BeforeValidator(_value)] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.item is None) == (self.score is None):
            raise PydanticCustomError("condition", "must name either an item or a score")
        if self.op == "answered" and self.value is not None:
            raise PydanticCustomError("condition", "op answered takes no value")
        if self.op == "in" and not isinstance(self.value, tuple):
            raise PydanticCustomError("condition", "op in takes a list as its value")
        if self.op not in ("in", "answered") and (
            self.value is None or isinstance(self.value, tuple)
        ):
            raise PydanticCustomError(
                "condition", "op {op} takes one value, not a list", {"op": self.op}
            )
        return self


class AllOf(Strict):
    """True when every part is true."""

    all: Annotated[Many[Condition], counted(1)]


class AnyOf(Strict):
    """True when at least one part is true."""

    any: Annotated[Many[Condition], counted(1)]


class Not(Strict):
    """True when its part is false."""

    not_: Condition = Field(alias="not")


def _shape(value: object) -> str | None:
    """Return the tag of the model a condition is meant for, or None if it is no mapping."""
    if isinstance(value, Comparison | AllOf | AnyOf | Not):
        return f"~{type(value).__name__}"
    if not isinstance(value, Mapping):
        return None
    return next((f"~{shape}" for key, shape in SHAPES.items() if key in value), "~Comparison")


Condition = Annotated[
    Annotated[Comparison, Tag("~Comparison")]
    | Annotated[AllOf, Tag("~AllOf")]
    | Annotated[AnyOf, Tag("~AnyOf")]
    | Annotated[Not, Tag("~Not")],
    Discriminator(
        _shape,
        custom_error_type="condition",
        custom_error_message=(
            "must be a condition: a mapping with all, any or not, or with item or score and op"
        ),
    ),
]
for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()


def comparisons(condition: Condition) -> Iterator[tuple[tuple[str | int, ...], Comparison]]:
    """Yield every comparison in the tree with its place, such as `("all", 1, "not")`."""
    match condition:
        case AllOf():
            for index, part in enumerate(condition.all):
                yield from ((("all", index, *place), leaf) for place, leaf in comparisons(part))
        case AnyOf():
            for index, part in enumerate(condition.any):
                yield from ((("any", index, *place), leaf) for place, leaf in comparisons(part))
        case Not():
            yield from ((("not", *place), leaf) for place, leaf in comparisons(condition.not_))
        case Comparison():
            yield (), condition


def holds(
    condition: Condition,
    answers: Mapping[str, Answer],
    scores: Mapping[str, float | None],
) -> bool:
    """Return whether the condition is true for these normalised answers and scores.

    A comparison with a missing answer or score, or between kinds that cannot be compared, is
    false whatever its operator.
    """
    match condition:
        case AllOf():
            return all(holds(part, answers, scores) for part in condition.all)
        case AnyOf():
            return any(holds(part, answers, scores) for part in condition.any)
        case Not():
            return not holds(condition.not_, answers, scores)
    left = scores.get(condition.score) if condition.score else answers.get(condition.item or "")
    if left is None or left == []:
        return False
    if condition.op == "answered":
        return True
    return _compare(condition.op, left, condition.value)


def _compare(op: Op, left: Answer, right: Scalar | tuple[Scalar, ...] | None) -> bool:
    """Return whether `left op right` holds; kinds that cannot be compared make it false."""
    if isinstance(right, tuple):
        chosen = left if isinstance(left, list) else [left]
        return any(_same_kind(one, part) and one == part for one in chosen for part in right)
    if isinstance(left, list) or right is None or not _same_kind(left, right):
        return False
    if op == "eq":
        return left == right
    if op == "ne":
        return left != right
    if isinstance(left, str) and isinstance(right, str):
        return _ordered(op, (left > right) - (left < right))
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _ordered(op, (left > right) - (left < right))
    return False


def _same_kind(left: Scalar, right: Scalar) -> bool:
    """Return whether both are text, both yes/no, or both numbers (True is not 1 here)."""
    return _kind(left) == _kind(right)


def _kind(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yesno"
    return "text" if isinstance(value, str) else "number"


def _ordered(op: Op, sign: int) -> bool:
    """Return whether a comparison whose result is `sign` (-1, 0, 1) satisfies the operator."""
    return {"lt": sign < 0, "le": sign <= 0, "gt": sign > 0, "ge": sign >= 0}.get(op, False)
