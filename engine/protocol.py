"""The study protocol: reading it, refusing it with reasons, writing it back.

A protocol is one immutable document, `welltimed-protocol/1`. `parse_protocol` is the only way in
from outside: it lists every fault at once, each with the path of its field and what is allowed.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from engine.contradictions import Parts, contradictions
from engine.errors import FieldFault, FieldsRefused
from engine.triggers import (
    TRIGGERS,
    Assignment,
    Limits,
    LocalInterval,
    ProtocolPart,
    Weekday,
)

__all__ = [
    "Assignment",
    "Fault",
    "Limits",
    "LocalInterval",
    "ProtocolFaults",
    "StudyProtocol",
    "Weekday",
    "dump_protocol",
    "load_protocol",
    "parse_protocol",
]

Fault = FieldFault
DOCUMENT = "document"
"""Path of a fault that concerns the document as a whole."""

MAX_CHARACTERS = 256 * 1024
NOT_YET = {
    "trigger kinds": ("event", "micro_randomised"),
    "keys": ("phases", "reminders"),
}
_NOT_SUPPORTED = "not supported yet"
_Part = TypeVar("_Part", bound=ProtocolPart)


class ProtocolFaults(FieldsRefused):
    """Says that a document is not a protocol; `faults` lists all that was found."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(*faults)


class StudyProtocol(ProtocolPart):
    """What is asked when, for one group of patients; the order of assignments is priority."""

    schema_: Literal["welltimed-protocol/1"] = Field(alias="schema")
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    quiet_hours: tuple[LocalInterval, ...] = ()
    limits: Limits = Limits()
    assignments: Annotated[tuple[Assignment, ...], Field(min_length=1)]


def parse_protocol(
    document: object, *, known_content: Collection[str] | None = None
) -> StudyProtocol:
    """Return the protocol that this document (parsed YAML or JSON) describes.

    `known_content` are the ids content may have; None leaves that unchecked.
    Raises ProtocolFaults with every fault, those of form first.
    """
    protocol, faults = None, []
    try:
        protocol = StudyProtocol.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        faults = list(_faults_of_form(error))
    faults.extend(contradictions(_readable_parts(document), known_content))
    if protocol is None or faults:
        raise ProtocolFaults(tuple(faults))
    return protocol


def load_protocol(text: str, *, known_content: Collection[str] | None = None) -> StudyProtocol:
    """Return the protocol written in this YAML (or JSON) text.

    Raises ProtocolFaults; a fault of syntax names the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ProtocolFaults((Fault(DOCUMENT, f"at most {MAX_CHARACTERS} characters"),))
    try:
        document = yaml.load(text, Loader=_PlainLoader)  # a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        raise ProtocolFaults((Fault(DOCUMENT, _syntax(error)),)) from error
    except RecursionError as error:
        raise ProtocolFaults((Fault(DOCUMENT, "is nested too deeply"),)) from error
    except (yaml.YAMLError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise ProtocolFaults((Fault(DOCUMENT, f"is not YAML or JSON: {first}"),)) from error
    return parse_protocol(document, known_content=known_content)


def dump_protocol(protocol: StudyProtocol) -> dict[str, object]:
    """Return the canonical JSON-able document; parsing it gives an equal protocol.

    Every default is written out; times as "HH:MM", durations as "45m", keys without value left out.
    """
    return protocol.model_dump(mode="json", by_alias=True, exclude_none=True)


class _PlainLoader(yaml.SafeLoader):
    """YAML without its traps: no anchors, tags, dates or repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        """Return the next node; raises on aliases, which can blow up, and on explicit tags."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="aliases and tags are not allowed", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; raises on a key given twice, of which YAML would keep the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} is given twice",
                        problem_mark=key.start_mark,
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    """Return what is written; a date is no value of a protocol."""
    return loader.construct_scalar(node)


_PlainLoader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def _syntax(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "is not YAML or JSON"
    return f"line {mark.line + 1}: {what}" if mark else what


def _readable_parts(document: object) -> Parts:
    """Return the parts that are well formed, so that one mistake does not hide the others."""
    whole = document if isinstance(document, Mapping) else {}
    assignments = _listed(whole.get("assignments"))
    return Parts(
        quiet_hours=list(_readable(LocalInterval, _listed(whole.get("quiet_hours")))),
        limits=_read(Limits, whole.get("limits", {})) or Limits(),
        assignments=list(_readable(Assignment, assignments)),
        names=list(_names(assignments)),
    )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _read(part: type[_Part], value: object) -> _Part | None:
    try:
        return part.model_validate(value, by_alias=True, by_name=False)
    except ValidationError:
        return None


def _readable(part: type[_Part], values: list[object]) -> Iterator[tuple[int, _Part]]:
    for place, value in enumerate(values):
        if (read := _read(part, value)) is not None:
            yield place, read


def _names(assignments: list[object]) -> Iterator[tuple[int, str, str]]:
    for place, assignment in enumerate(assignments):
        if isinstance(assignment, Mapping):
            content = assignment.get("content")
            identity = assignment.get("id", content)
            if isinstance(content, str) and isinstance(identity, str):
                yield place, content, identity


def _faults_of_form(error: ValidationError) -> Iterator[Fault]:
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # an id could not be taken from content that has a fault of its own
        if detail["type"] == "too_short" and detail["input"]:
            continue  # not empty as written: each element was refused with its own fault
        place = _without_tag(detail["loc"])
        yield Fault(_path(detail, place), _message(detail, place))


def _without_tag(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the place without the trigger's kind, which pydantic puts after "trigger"."""
    if len(loc) > 3 and loc[0] == "assignments" and loc[2] == "trigger" and loc[3] in TRIGGERS:
        return (*loc[:3], *loc[4:])
    return loc


def _path(detail: ErrorDetails, place: tuple[int | str, ...]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in place]
    if detail["type"].startswith("union_tag"):
        steps.append(".kind")
    return "".join(steps).removeprefix(".") or DOCUMENT


def _message(detail: ErrorDetails, place: tuple[int | str, ...]) -> str:
    """Return what is wrong and what is allowed, in the words of the document."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden" if place[-1] in NOT_YET["keys"]:
            return _NOT_SUPPORTED
        case "extra_forbidden":
            return f"unknown key; allowed: {', '.join(_allowed_keys(detail['loc']))}"
        case "union_tag_invalid" if context["tag"] in NOT_YET["trigger kinds"]:
            return f"{context['tag']} is {_NOT_SUPPORTED}; allowed now: {', '.join(TRIGGERS)}"
        case "union_tag_invalid" | "union_tag_not_found":
            return f"must be one of: {', '.join(TRIGGERS)}"
        case "missing":
            return "is required"
        case "literal_error":
            return f"must be {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "too_short":
            return "must not be empty"
        case "string_type":
            return "must be text"
        case "string_too_short" | "string_too_long":
            return "must be text of 1 to 120 characters"
        case "int_type" | "greater_than_equal" | "less_than_equal":
            return "must be a whole number from 1 to 100"
        case "tuple_type":
            return "must be a list"
        case "model_type" | "model_attributes_type":
            return "must be a mapping of keys to values"
        case "string_pattern_mismatch":
            return 'must be lower-case letters, digits, ".", "-" or "_", such as "phq9", at most 80'
        case _:
            return detail["msg"]


def _allowed_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed where an unknown one was found."""
    part: type[ProtocolPart] = StudyProtocol
    match loc[:-1]:
        case ("limits",):
            part = Limits
        case ("quiet_hours", _) | (_, _, "trigger", _, "windows", _):
            part = LocalInterval
        case ("assignments", _):
            part = Assignment
        case ("assignments", _, "trigger", str(kind)):
            part = TRIGGERS[kind]
    return [field.alias or name for name, field in part.model_fields.items()]
