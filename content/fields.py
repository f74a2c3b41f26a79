"""Field types shared by every part of a content document.

All models are frozen, refuse unknown keys and convert nothing: `"5"` is not a number and `true`
is not 1. Each type here says in words what it allows, because its message is read by a clinician
who edits YAML, not by a programmer.
"""

import re
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

type_ = TypeVar("type_")

Answer = str | int | float | bool | list[str]
"""A normalised answer: option code, text or `"HH:MM"`, number, yes/no, or a list of codes."""

LARGEST = 1_000_000_000
"""No number in a document may be further from zero than this."""


class Strict(BaseModel):
    """Base that refuses unknown keys, type conversion, NaN and infinities, and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# A YAML list becomes a tuple so that a frozen document is frozen all the way down.
Many = Annotated[tuple[type_, ...], Field(strict=False)]


def _matching(pattern: str, allowed: str) -> AfterValidator:
    """Return a validator that refuses text not wholly matching `pattern`, saying `allowed`."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise PydanticCustomError("format", "must be {allowed}", {"allowed": allowed})
        return value

    return AfterValidator(check)


def counted(least: int, most: int = 1000) -> AfterValidator:
    """Return a validator of how many entries a list has.

    Pydantic's own `min_length` counts only the entries that are sound, and so reports a list as
    too short because of a fault inside one of them.
    """

    def check(value: tuple[type_, ...]) -> tuple[type_, ...]:
        if not least <= len(value) <= most:
            raise PydanticCustomError(
                "counted",
                "must have {least} to {most} entries, has {count}",
                {"least": least, "most": most, "count": len(value)},
            )
        return value

    return AfterValidator(check)


def _number(value: object) -> int | float:
    """Return `value` if it is a finite number of reasonable size; raises a validation error."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "must be a number")
    if not abs(value) <= LARGEST:  # NaN too fails this
        raise PydanticCustomError(
            "number", "must be a number from -{n} to {n}", {"n": str(LARGEST)}
        )
    return value


_short = StringConstraints(min_length=1, max_length=120, strip_whitespace=True)

Number = Annotated[int | float, BeforeValidator(_number)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Paragraph = Annotated[str, StringConstraints(min_length=1, max_length=3000, strip_whitespace=True)]
ContentId = Annotated[
    str,
    _short,
    _matching(
        r"[a-z][a-z0-9]*([.-][a-z0-9]+)*",
        "lower-case letters, digits, '.' and '-', such as cbt.thought-record",
    ),
]
Name = Annotated[
    str,
    _short,
    _matching(
        r"[a-z][a-z0-9_]*",
        "a lower-case letter, then letters, digits or '_', such as belief_before",
    ),
]
Code = Annotated[
    str, _short, _matching(r"[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, '_' or '-'")
]
Version = Annotated[
    str,
    _short,
    _matching(
        r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}",
        "three numbers joined by dots, such as 1.2.0",
    ),
]
Language = Annotated[
    str, _short, _matching(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language tag such as en or pt-BR")
]
Spdx = Annotated[
    str,
    _short,
    _matching(
        r"[A-Za-z0-9][A-Za-z0-9.+-]*", "an SPDX identifier such as CC-BY-4.0, or LicenseRef-name"
    ),
]
Loinc = Annotated[str, _short, _matching(r"[0-9]{1,7}-[0-9]", "a LOINC code such as 44250-9")]
LoincAnswer = Annotated[
    str, _short, _matching(r"LA[0-9]{1,7}-[0-9]", "a LOINC answer code such as LA6568-5")
]
