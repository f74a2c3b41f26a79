"""From the bytes of a file to a `ContentItem`, or to faults a clinician can act on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from content import conditions, elements
from content.item import ContentItem
from content.reading import Document, DocumentRefused, read_document, yaml_trap

_TAGGED: tuple[type[BaseModel], ...] = (
    *elements.ITEM_MODELS.values(),
    conditions.Comparison,
    conditions.AllOf,
    conditions.AnyOf,
    conditions.Not,
)
MODELS: dict[str, type[BaseModel]] = {
    "": ContentItem,
    "licence": elements.Licence,
    "therapy": elements.Therapy,
    "scores": elements.Score,
    "bands": elements.Band,
    "feedback": elements.Feedback,
    "safety": elements.Safety,
    "risk": elements.Risk,
    "options": elements.Option,
    **{model.__name__: model for model in _TAGGED},
}
"""The model found at each key or union tag, to say which keys it knows."""

WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_unicode": "holds characters that cannot be stored",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file: where (`items[2].options[0].code`) and what is allowed.

    `path` is empty for the document as a whole; `line` counts from 1, None where unknown.
    """

    file: str
    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ContentRefused(ValueError):
    """Content that cannot be used; `faults` lists everything found wrong, file by file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


def load_content(file: str, raw: bytes) -> ContentItem:
    """Return the content in `raw` (YAML, UTF-8); raises `ContentRefused` with every fault.

    `file` only names the source in faults.
    """
    try:
        document = read_document(raw)
    except DocumentRefused as refused:
        raise ContentRefused([Fault(file, "", str(refused), refused.line)]) from None
    if not isinstance(document.data, dict):
        fault = Fault(file, "", "must be a mapping that begins with schema: welltimed-content/1", 1)
        raise ContentRefused([fault])
    try:
        return ContentItem.model_validate(document.data)
    except ValidationError as error:
        raise ContentRefused(_faults(file, document, error)) from None


def _faults(file: str, document: Document, error: ValidationError) -> list[Fault]:
    """Return one fault for each place, in the order of the document."""
    found: dict[str, Fault] = {}
    for detail in error.errors(include_url=False, include_context=True):
        place = [part for part in detail["loc"] if not str(part).startswith("~")]
        if detail["type"] == "item_type":
            place.append("type")
        path = path_text(place)
        if path in found:
            continue
        node, exact = _node_at(document.root, place)
        message = _message(detail["type"], detail["msg"], detail.get("ctx", {}), detail["loc"])
        trap = yaml_trap(node) if exact else None
        found[path] = Fault(
            file, path, f"{message}; {trap}" if trap else message, node.start_mark.line + 1
        )
    return sorted(found.values(), key=lambda fault: fault.line or 0)


def _message(kind: str, said: str, context: dict[str, Any], loc: tuple[int | str, ...]) -> str:
    if kind == "extra_forbidden":
        return f"is not a known key; allowed here: {', '.join(_allowed(loc[:-1]))}"
    return WORDS[kind].format(**context) if kind in WORDS else said


def _allowed(parent: tuple[int | str, ...]) -> list[str]:
    """Return the keys known to the model at a place of a validation error."""
    names = [part.removeprefix("~") for part in parent if isinstance(part, str)]
    fields = MODELS[names[-1] if names else ""].model_fields
    return [field.alias or name for name, field in fields.items()]


def path_text(place: Sequence[str | int]) -> str:
    """Return a place as text: `("items", 2, "code")` becomes `items[2].code`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return re.sub(r"^\.", "", text)


def _node_at(root: yaml.Node, place: Sequence[str | int]) -> tuple[yaml.Node, bool]:
    """Return the node at a place, or the nearest one around it and False."""
    node = root
    for part in place:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part] if part < len(node.value) else None
        if child is None:
            return node, False
        node = child
    return node, True
