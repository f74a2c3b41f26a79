"""The study protocol: reading it, refusing it with reasons, writing it back.

A protocol is one immutable document, `welltimed-protocol/1`. `parse_protocol` is the only way in
from outside: it lists every fault at once, each with the path of its field and what is allowed.
"""

import re
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import Field, StringConstraints

from engine.assignment import Assignment, Limits, Phase
from engine.contradictions import Parts, contradictions
from engine.errors import FieldFault, FieldsRefused
from engine.reading import DOCUMENT, read
from engine.triggers import LocalInterval, ProtocolPart, Weekday

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
    "stored_protocol",
]

Fault = FieldFault
MAX_CHARACTERS = 256 * 1024
_MOST_LISTED = 100
_Part = TypeVar("_Part", bound=ProtocolPart)


class ProtocolFaults(FieldsRefused):
    """Says that a document is not a protocol; `faults` lists all that was found."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(*faults)


class StudyProtocol(ProtocolPart):
    """What is asked when, for one group of patients; the order of assignments is priority."""

    schema_: Literal["welltimed-protocol/1"] = Field(alias="schema")
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    quiet_hours: Annotated[tuple[LocalInterval, ...], Field(max_length=20)] = ()
    limits: Limits = Limits()
    phases: tuple[Phase, ...] = Field(
        default=(), max_length=20, exclude_if=lambda phases: not phases
    )
    assignments: Annotated[tuple[Assignment, ...], Field(min_length=1, max_length=_MOST_LISTED)]


def parse_protocol(
    document: object, *, known_content: Collection[str] | None = None
) -> StudyProtocol:
    """Return the protocol that this document (parsed YAML or JSON) describes.

    `known_content` are the ids content may have, or `Library.vocabulary()`, with which the scores
    and items that events wait for are checked too; None leaves all that unchecked.
    Raises ProtocolFaults with every fault, those of form first.
    """
    protocol, of_form = read(StudyProtocol, document)
    faults = (*of_form, *contradictions(_readable_parts(document), known_content))
    if protocol is None or faults:
        raise ProtocolFaults(faults)
    return protocol


def stored_protocol(document: object) -> StudyProtocol:
    """Return the protocol of a document that was accepted when it was written.

    Only its form is checked: a rule that came later must not stop a course that is running.
    Raises ProtocolFaults.
    """
    protocol, of_form = read(StudyProtocol, document)
    if protocol is None:
        raise ProtocolFaults(of_form)
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

    Times are "HH:MM", durations "45m". Defaults are written out, except those that say nothing:
    keys without value, empty lists but `quiet_hours`, one prompt a window, the usual priority.
    """
    return protocol.model_dump(mode="json", by_alias=True, exclude_none=True)


class _PlainLoader(yaml.SafeLoader):
    """YAML without its traps: no anchors, tags, dates, repeated keys, or "on" for true."""

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
# "on" and "off" are keys here, and "no" may be a name: only true and false are booleans.
_BOOLEAN = "tag:yaml.org,2002:bool"
_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in _PlainLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    _BOOLEAN, re.compile("(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"]
)


def _syntax(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "is not YAML or JSON"
    return f"line {mark.line + 1}: {what}" if mark else what


def _readable_parts(document: object) -> Parts:
    """Return the parts that are well formed, so that one mistake does not hide the others."""
    whole = document if isinstance(document, Mapping) else {}
    assignments, phases = _listed(whole.get("assignments")), _listed(whole.get("phases"))
    limits, _ = read(Limits, whole.get("limits", {}))
    return Parts(
        quiet_hours=list(_readable(LocalInterval, _listed(whole.get("quiet_hours")))),
        limits=limits or Limits(),
        phases=[read(Phase, phase)[0] for phase in phases],
        phase_names=[phase.get("name") for phase in phases if isinstance(phase, Mapping)],
        assignments=list(_readable(Assignment, assignments)),
        names=list(_names(assignments)),
    )


def _listed(value: object) -> list[object]:
    """Return the elements of a list, as many as any list of a protocol may have."""
    return list(value[:_MOST_LISTED]) if isinstance(value, list | tuple) else []


def _readable(part: type[_Part], values: list[object]) -> Iterator[tuple[int, _Part]]:
    for place, value in enumerate(values):
        found, _ = read(part, value)
        if found is not None:
            yield place, found


def _names(assignments: list[object]) -> Iterator[tuple[int, str, str]]:
    for place, assignment in enumerate(assignments):
        if isinstance(assignment, Mapping):
            content = assignment.get("content")
            identity = assignment.get("id", content)
            if isinstance(content, str) and isinstance(identity, str):
                yield place, content, identity
