"""Events that can never happen, or that bring on each other without end."""

from collections.abc import Collection, Iterator, Mapping

from content.vocabulary import Bounds, Values
from engine.assignment import Assignment
from engine.contradictions.names import unknown
from engine.contradictions.parts import Parts
from engine.errors import FieldFault as Fault
from engine.numbers import written
from engine.triggers import (
    EventTrigger,
    MissedCondition,
    PatientInitiatedTrigger,
    ValueCondition,
)

_SIGNS = {"lt": "<", "le": "<=", "eq": "=", "ne": "not", "ge": ">=", "gt": ">"}


def events(parts: Parts, known_content: Collection[str] | None) -> Iterator[Fault]:
    """Yield a fault for each event that can never happen, and for each loop of events."""
    for place, assignment in parts.assignments:
        if not isinstance(assignment.trigger, EventTrigger):
            continue
        path, when = f"assignments[{place}].trigger.when", assignment.trigger.when
        if isinstance(when, ValueCondition):
            yield from _value(path, when, parts, known_content)
        elif isinstance(when, MissedCondition):
            yield from _missed(path, when.missed, parts)
    yield from _loops(parts)


def _value(
    path: str, when: ValueCondition, parts: Parts, known_content: Collection[str] | None
) -> Iterator[Fault]:
    """Yield a fault where the score or item does not exist, or can never meet the comparison."""
    content, name = when.source()
    kind = "score" if when.score else "item"
    path = f"{path}.{kind}"
    if known_content is not None and content not in known_content:
        yield Fault(path, unknown("content", content, known_content))
        return
    if content not in {asked for _, asked, _ in parts.names}:
        yield Fault(path, f"no assignment asks {content}, so it can never be answered")
    values = known_content.get(content) if isinstance(known_content, Mapping) else None
    if not isinstance(values, Values):
        return
    names: Mapping[str, Bounds | None] = values.scores if when.score else values.items
    if name not in names:
        yield Fault(path, unknown(f"{kind} of {content}", name, names))
    elif (bounds := names[name]) is None:
        numeric = [item for item, its in names.items() if its is not None]
        yield Fault(
            path,
            f"{name!r} has no number to compare; items that have: {', '.join(numeric) or 'none'}",
        )
    elif not _can_hold(when, bounds):
        low, high = (written(bound) for bound in bounds)
        yield Fault(
            f"{path.removesuffix(kind)}value",
            f"{content}.{name} is never {_SIGNS[when.op]} {written(when.value)}: "
            f"it lies from {low} to {high}",
        )


def _can_hold(when: ValueCondition, bounds: Bounds) -> bool:
    """Return whether some number in the range meets the comparison."""
    low, high = bounds
    inside = when.op == "eq" and low <= when.value <= high
    return inside or when.holds(low) or when.holds(high)


def _missed(path: str, missed: str, parts: Parts) -> Iterator[Fault]:
    """Yield a fault where what is to be missed does not exist or is never sent."""
    names = [identity for _, _, identity in parts.names]
    source = next((one for _, one in parts.assignments if one.id == missed), None)
    if missed not in names:
        yield Fault(f"{path}.missed", unknown("assignment", missed, names))
    elif source is not None and isinstance(source.trigger, PatientInitiatedTrigger):
        yield Fault(
            f"{path}.missed",
            f"{missed} is started by the patient and never sent, so it cannot be missed",
        )


def _loops(parts: Parts) -> Iterator[Fault]:
    """Yield a fault for each ring of events, at the first of its assignments."""
    places = {one.id: place for place, one in reversed(parts.assignments)}
    follow = {one.id: _brought_on_by(one, parts) for _, one in reversed(parts.assignments)}
    settled: set[str] = set()
    for start in sorted(follow, key=places.__getitem__):
        ring = _ring(start, follow, settled)
        settled.update(ring)
        if ring:
            what = "they bring on each other" if len(ring) > 1 else "it brings on itself"
            yield Fault(
                f"assignments[{places[start]}].trigger.when",
                f"{' -> '.join([*ring, start])} is a loop: {what} without end",
            )


def _brought_on_by(assignment: Assignment, parts: Parts) -> list[str]:
    """Return the event assignments that an answer to this one, or its silence, can bring on."""
    return [
        other.id
        for _, other in parts.assignments
        if isinstance(other.trigger, EventTrigger) and _listens(other.trigger, assignment)
    ]


def _listens(trigger: EventTrigger, source: Assignment) -> bool:
    if isinstance(trigger.when, ValueCondition):
        return trigger.when.source()[0] == source.content
    return isinstance(trigger.when, MissedCondition) and trigger.when.missed == source.id


def _ring(start: str, follow: Mapping[str, list[str]], settled: Collection[str]) -> list[str]:
    """Return a shortest ring of ids from `start` back to it, through none that is settled."""
    if start in settled:
        return []
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:  # grows while it is walked: breadth first
        for following in follow[way[-1]]:
            if following == start:
                return way
            if following not in seen and following not in settled:
                seen.add(following)
                ways.append([*way, following])
    return []
