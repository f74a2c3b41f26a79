"""Reading YAML strictly: one document, plain data, unique keys, and a line for every fault.

YAML's surprises are refused or explained: keys given twice, keys read as yes/no, tags, merge
keys, aliases that expand beyond all bounds, and nesting deep enough to exhaust the stack.
"""

from dataclasses import dataclass
from typing import Any

import yaml

LARGEST_BYTES = 256 * 1024
DEEPEST = 40
MOST_VALUES = 50_000
"""Values in a document with every alias written out; real content has a few hundred."""

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a YAML document and the node tree it came from (for line numbers)."""

    data: object
    root: yaml.Node


class DocumentRefused(ValueError):
    """YAML that cannot be read; `line` counts from 1 and is None where there is none."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class _StrictLoader(yaml.SafeLoader):
    """Builds plain data only; raises `DocumentRefused` or `yaml.YAMLError` for all else."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) is not None:
            raise DocumentRefused("tags (!) are not allowed", line)
        if self._depth >= DEEPEST:
            raise DocumentRefused(f"is nested more than {DEEPEST} levels deep", line)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[arg-type]
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            _check_key(key, seen)
        return node

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Return the number, or raise with its line: YAML's own pattern also matches `0x_`."""
        build = self.construct_yaml_int if node.tag == f"{_TAG}int" else self.construct_yaml_float
        try:
            return build(node)
        except ValueError:
            raise DocumentRefused(
                "is not a number; put it in quotes if text is meant", node.start_mark.line + 1
            ) from None


def _plain(loader: _StrictLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_StrictLoader.add_constructor(f"{_TAG}int", _StrictLoader.construct_number)
_StrictLoader.add_constructor(f"{_TAG}float", _StrictLoader.construct_number)
# The format has no dates, so a date stays the text it looks like.
_StrictLoader.add_constructor(f"{_TAG}timestamp", _plain)


def _check_key(key: yaml.Node, seen: set[str]) -> None:
    """Raise unless the key is plain text that its mapping does not have yet."""
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
        trap = yaml_trap(key)
        raise DocumentRefused(f"a key must be text{f'; {trap}' if trap else ''}", line)
    if key.value in seen:
        raise DocumentRefused(f"the key {key.value!r} is given twice", line)
    seen.add(key.value)


def read_document(raw: bytes) -> Document:
    """Return the one YAML document in `raw` (UTF-8); raises `DocumentRefused`, nothing else."""
    if len(raw) > LARGEST_BYTES:
        raise DocumentRefused(f"is larger than {LARGEST_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentRefused("is not UTF-8 text", line) from None
    try:
        loader = _StrictLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise DocumentRefused("is empty")
        _check_expansion(root)
        return Document(loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        parts = [part for part in (error.context, error.problem) if part]
        raise DocumentRefused(
            f"is not valid YAML: {', '.join(parts)}", mark.line + 1 if mark else None
        ) from None
    except yaml.YAMLError as error:
        # Characters YAML forbids; the position counts characters from the start.
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise DocumentRefused("holds a character that YAML does not allow", line) from None


def _check_expansion(root: yaml.Node) -> None:
    """Raise if the document contains itself, or is huge or deep once aliases are written out."""
    measured: dict[int, tuple[int, int]] = {}
    unfinished: set[int] = set()

    def measure(node: yaml.Node) -> tuple[int, int]:
        """Return how many values the node expands to and how deep they are nested."""
        if id(node) in measured:
            return measured[id(node)]
        line = node.start_mark.line + 1
        if id(node) in unfinished:
            raise DocumentRefused("an alias contains itself", line)
        unfinished.add(id(node))
        parts = [measure(child) for child in _children(node)]
        unfinished.discard(id(node))
        size = 1 + sum(part[0] for part in parts)
        depth = 1 + max((part[1] for part in parts), default=0)
        if size > MOST_VALUES or depth > DEEPEST:
            raise DocumentRefused(
                f"expands to more than {MOST_VALUES} values or {DEEPEST} levels", line
            )
        measured[id(node)] = size, depth
        return size, depth

    measure(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def yaml_trap(node: yaml.Node | None) -> str | None:
    """Return what YAML made of an unquoted scalar that was surely meant as text, else None."""
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return None
    raw, tag = node.value, node.tag.removeprefix(_TAG)
    if tag == "bool":
        read_as = "yes/no (true/false)"
    elif tag == "null":
        read_as = "no value"
    elif tag in ("int", "float"):
        read_as = f"the number {_base_60(raw)}" if ":" in raw else "a number"
    elif tag == "merge":
        read_as = "a merge key, which is not allowed"
    else:
        return None
    return f'YAML reads unquoted {raw or "nothing"} as {read_as}; for text write "{raw}"'


def _base_60(raw: str) -> float:
    """Return what YAML 1.1 makes of `10:30`: a number in base 60, here 630."""
    total = 0.0
    for part in raw.replace("_", "").lstrip("+-").split(":"):
        total = total * 60 + float(part)
    return int(total) if total.is_integer() else total
