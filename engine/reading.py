"""Documents to frozen parts: every fault of form at the path of its field, in its own words."""

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.errors import FieldFault as Fault
from engine.triggers import IDENTIFIER, TRIGGERS, VALUE_NAME, ProtocolPart

DOCUMENT = "document"
"""Path of a fault that concerns the document as a whole."""

_Part = TypeVar("_Part", bound=ProtocolPart)
_PATTERNS = {
    IDENTIFIER: 'must be lower-case letters, digits, ".", "-" or "_", such as "phq9", at most 80',
    VALUE_NAME: 'must be "content.name", such as "phq9.total"',
}
_FIXED_MESSAGES = {
    "missing": "is required",
    "invalid_key": "keys must be text",
    "too_short": "must not be empty",
    "string_type": "must be text",
    "string_too_short": "must be text of 1 to 120 characters",
    "string_too_long": "must be text of 1 to 120 characters",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "union_tag_invalid": f"must be one of: {', '.join(TRIGGERS)}",
    "union_tag_not_found": f"must be one of: {', '.join(TRIGGERS)}",
}


def read(part: type[_Part], document: object) -> tuple[_Part | None, tuple[Fault, ...]]:
    """Return the part this document (parsed YAML or JSON) describes, or None and its faults."""
    try:
        return part.model_validate(document, by_alias=True, by_name=False), ()
    except ValidationError as error:
        return None, tuple(_faults(part, error))


def _faults(root: type[ProtocolPart], error: ValidationError) -> Iterator[Fault]:
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # an id could not be taken from content that has a fault of its own
        if detail["type"] == "too_short" and detail["input"]:
            continue  # not empty as written: each element was refused with its own fault
        yield Fault(_path(root, detail), _message(root, detail))


def _path(root: type[ProtocolPart], detail: ErrorDetails) -> str:
    place, _ = _walk(root, detail["loc"])
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in place]
    if detail["type"].startswith("union_tag"):
        steps.append(".kind")
    return "".join(steps).removeprefix(".") or DOCUMENT


def _message(root: type[ProtocolPart], detail: ErrorDetails) -> str:
    """Return what is wrong and what is allowed, in the words of the document."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            _, part = _walk(root, detail["loc"][:-1])
            return f"unknown key; allowed: {', '.join(_keys(part))}"
        case "literal_error":
            return f"must be {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "too_long":
            return f"at most {context['max_length']} of them"
        case "string_pattern_mismatch":
            return _PATTERNS[context["pattern"]]
        case kind:
            return _FIXED_MESSAGES.get(kind, detail["msg"])


def _walk(
    root: type[ProtocolPart], loc: tuple[int | str, ...]
) -> tuple[list[int | str], type[ProtocolPart]]:
    """Return the place as written, and the part that is there.

    Pydantic puts the tag of a union's member into the place, after the key that holds the union.
    """
    place: list[int | str] = []
    found: list[type[ProtocolPart]] = [root]
    for step in loc:
        if isinstance(step, str) and len(found) > 1:
            found = [part for part in found if _tag(part) == step]
            continue
        place.append(step)
        if isinstance(step, str):
            annotation = _annotation(found[0], step) if found else None
            found = list(_parts_in(annotation))
    return place, found[0] if found else root


def _tag(part: type[ProtocolPart]) -> str:
    """Return the tag of a member of a union: its kind, or else its name."""
    kind = part.model_fields.get("kind")
    return str(kind.default) if kind else f"~{part.__name__}"


def _annotation(part: type[ProtocolPart], key: str) -> object:
    return next(
        (
            field.annotation
            for name, field in part.model_fields.items()
            if key == (field.alias or name)
        ),
        None,
    )


def _parts_in(annotation: Any) -> Iterator[type[ProtocolPart]]:  # noqa: ANN401
    """Yield the parts that a type is made of: of a list its elements, of a union its members."""
    if isinstance(annotation, type) and issubclass(annotation, ProtocolPart):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts_in(inner)


def _keys(part: type[ProtocolPart]) -> list[str]:
    return [field.alias or name for name, field in part.model_fields.items()]
