"""What a change would do: two plans prompt by prompt, two documents key by key. Pure.

Prompts are matched by the identity they have in the store (assignment, local date, window), so
what is told here is what publishing the second version does to prompts not sent yet.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Literal

from engine.planned import DayPlan, PlannedWindow

Kind = Literal["moves", "goes", "comes", "changes"]
_PLURAL: Mapping[Kind, str] = {
    "moves": "move",
    "goes": "go",
    "comes": "come",
    "changes": "change",
}
_TIMES = frozenset({"start_at", "slots"})
_NAMED_BY = {"assignments": "id", "phases": "name"}


@dataclass(frozen=True, slots=True)
class Change:
    """One prompt that differs: `moves` in time, `changes` otherwise, `goes` or `comes`.

    It moves if its window starts at another instant or it may come at other ones.
    `what` names the fields that differ; a prompt that moves may change otherwise too.
    """

    kind: Kind
    before: PlannedWindow | None
    after: PlannedWindow | None
    what: tuple[str, ...] = ()

    @property
    def window(self) -> PlannedWindow:
        """Return the prompt as it will be, or as it was if it goes."""
        window = self.after or self.before
        if window is None:
            raise ValueError("a change has a window before or after it")
        return window


@dataclass(frozen=True, slots=True)
class Comparison:
    """The prompts that differ, by date and time, and how many stay just as they are."""

    changes: tuple[Change, ...]
    same: int

    def count(self, kind: Kind) -> int:
        """Return how many prompts move, go, come or change."""
        return sum(change.kind == kind for change in self.changes)

    @property
    def summary(self) -> str:
        """Return the comparison in one line, such as "12 prompts move, 2 go, 3 come"."""
        told = [(kind, count) for kind in _PLURAL if (count := self.count(kind))]
        if not told:
            return "no prompt changes"
        parts = [f"{count} {kind if count == 1 else _PLURAL[kind]}" for kind, count in told]
        number, verb = parts[0].split(" ", 1)
        parts[0] = f"{number} prompt{'' if number == '1' else 's'} {verb}"
        return ", ".join(parts)


def compare(before: Iterable[DayPlan], after: Iterable[DayPlan]) -> Comparison:
    """Return how the prompts of two plans of the same days differ."""
    old, new = _by_identity(before), _by_identity(after)
    changes = []
    for identity in old.keys() | new.keys():
        change = _change(old.get(identity), new.get(identity))
        if change is not None:
            changes.append(change)
    changes.sort(key=_order)
    return Comparison(tuple(changes), same=len(old.keys() | new.keys()) - len(changes))


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two documents differ; None is a key or an element that is not there."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path}: added {self.after}"
        if self.after is None:
            return f"{self.path}: removed {self.before}"
        return f"{self.path}: {self.before} -> {self.after}"


def differences(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[Difference, ...]:
    """Return where two protocol documents differ, in the order of the first, then the second.

    Assignments and phases are matched by name, so one added in front does not move the others; a
    new order of them, which is their precedence, is told as such.
    """
    return tuple(_differences("", before, after))


def _by_identity(plans: Iterable[DayPlan]) -> dict[tuple[str, date, int], PlannedWindow]:
    return {
        (window.assignment, window.local_date, window.window): window
        for plan in plans
        for window in plan.windows
    }


def _change(old: PlannedWindow | None, new: PlannedWindow | None) -> Change | None:
    if old is None:
        return Change("comes", old, new)
    if new is None:
        return Change("goes", old, new)
    if old == new:
        return None
    what = tuple(
        field.name
        for field in fields(PlannedWindow)
        if getattr(old, field.name) != getattr(new, field.name)
    )
    return Change("changes" if _TIMES.isdisjoint(what) else "moves", old, new, what)


def _order(change: Change) -> tuple[date, datetime, str, int]:
    window = change.window
    return window.local_date, window.start_at, window.assignment, window.window


def _differences(path: str, before: object, after: object) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            there = f"{path}.{key}" if path else str(key)
            yield from _differences(there, before.get(key), after.get(key))
    elif _holds_parts(before) and _holds_parts(after):
        yield from _in_lists(path, before, after)
    else:
        yield Difference(path, _text(before), _text(after))


def _holds_parts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(part, Mapping) for part in value)


def _in_lists(path: str, before: object, after: object) -> Iterator[Difference]:
    """Yield how two lists of parts differ, matched by name if they have one, else by place."""
    old, new = _labelled(path, before), _labelled(path, after)
    for label in dict.fromkeys((*old, *new)):
        yield from _differences(f"{path}[{label}]", old.get(label), new.get(label))
    staying = [label for label in old if label in new]
    ordered = [label for label in new if label in old]
    if staying != ordered:
        yield Difference(f"{path} (order)", ", ".join(staying), ", ".join(ordered))


def _labelled(path: str, parts: object) -> dict[str, object]:
    listed = parts if isinstance(parts, list | tuple) else ()
    name = _NAMED_BY.get(path, "")
    return {str(part.get(name, place)): part for place, part in enumerate(listed)}


def _text(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
