"""Names: of content the library has, of assignments, and of phases."""

from collections.abc import Collection, Iterable, Iterator

from engine.contradictions.parts import Parts
from engine.errors import FieldFault as Fault
from engine.triggers import ENROLMENT

_LISTED = 20


def assignment_names(
    names: Iterable[tuple[int, str, str]], known_content: Collection[str] | None
) -> Iterator[Fault]:
    """Yield a fault for each unknown content and each id given twice."""
    seen: dict[str, int] = {}
    for place, content, identity in names:
        if known_content is not None and content not in known_content:
            yield Fault(f"assignments[{place}].content", unknown("content", content, known_content))
        if identity in seen:
            yield Fault(
                f"assignments[{place}].id",
                f"{identity[:80]!r} is the id of assignments[{seen[identity]}] already; "
                "give each assignment an id of its own",
            )
        seen.setdefault(identity, place)


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Return the message for a name that is not among the known ones, which it lists."""
    listed = sorted(set(known))
    allowed = ", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")
    return f"unknown {what} {name[:80]!r}; known: {allowed or 'none'}"


def phase_names(parts: Parts) -> Iterator[Fault]:
    """Yield a fault for each phase named twice, and each name of a phase there is not."""
    seen: dict[str, int] = {}
    for place, phase in enumerate(parts.phases):
        if phase is None:
            continue
        if phase.name in seen:
            yield Fault(
                f"phases[{place}].name",
                f"{phase.name!r} is the name of phases[{seen[phase.name]}] already; "
                "give each phase a name of its own",
            )
        seen.setdefault(phase.name, place)
    known = [name for name in parts.phase_names if isinstance(name, str)]
    for place, assignment in parts.assignments:
        for index, name in enumerate(assignment.phases):
            if name not in known:
                yield Fault(f"assignments[{place}].phases[{index}]", unknown("phase", name, known))


def phase_order(parts: Parts) -> Iterator[Fault]:
    """Yield a fault for each phase that can never have a day."""
    endless: int | None = None
    ends: dict[str, int] = {}
    for place, phase in enumerate(parts.phases):
        if phase is None:
            continue
        if endless is not None:
            yield Fault(
                f"phases[{place}]",
                f"can never begin: phases[{endless}] has no end; give that one 'days' or 'until'",
            )
        elif phase.until == ENROLMENT:
            yield Fault(
                f"phases[{place}].until",
                f"{ENROLMENT} is the first day itself: the phase would have no day",
            )
        elif phase.until in ends:
            yield Fault(
                f"phases[{place}].until",
                f"{phase.until!r} ends phases[{ends[phase.until]}] already: "
                "this one would be over before it begins",
            )
        elif phase.until is not None:
            ends[phase.until] = place
        if endless is None and phase.days is None and phase.until is None:
            endless = place
