"""Parts of a protocol that each make sense but cannot hold together, found when it is written.

A contradiction not refused here would show as a prompt that silently never comes.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from itertools import pairwise

from engine.durations import format_duration, format_end, format_time
from engine.errors import FieldFault as Fault
from engine.localtime import covers
from engine.triggers import (
    WEEKDAYS,
    Assignment,
    FixedTrigger,
    IntervalTrigger,
    Limits,
    LocalInterval,
    WindowTrigger,
    minute_of,
)

_DAY = 24 * 60
_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Those parts of a protocol that could be read, each with its place in the document."""

    quiet_hours: Sequence[tuple[int, LocalInterval]]
    limits: Limits
    assignments: Sequence[tuple[int, Assignment]]
    names: Sequence[tuple[int, str, str]]
    """(place, content, id) of each assignment, also of those that could not be read whole."""

    def quiet(self, wall: time) -> bool:
        """Return whether nothing may be sent at this wall time."""
        return any(covers(span, wall) for _, span in self.quiet_hours)


@dataclass(frozen=True, slots=True, order=True)
class _Timed:
    """A prompt with a set wall time: minutes from midnight, its path, weekday numbers."""

    minute: int
    path: str
    days: frozenset[int]


def contradictions(parts: Parts, known_content: Collection[str] | None) -> Iterator[Fault]:
    """Yield a fault for each contradiction; content is checked where the known ids are given."""
    yield from _names(parts.names, known_content)
    for place, span in parts.quiet_hours:
        if span.from_ == span.to:
            yield Fault(
                f"quiet_hours[{place}].to", "must differ from 'from': all day would be quiet"
            )
    for place, assignment in parts.assignments:
        path = f"assignments[{place}]"
        trigger = assignment.trigger
        if isinstance(trigger, WindowTrigger):
            yield from _windows(f"{path}.trigger", trigger, parts)
            if assignment.sampling == "representative" and trigger.timing == "adaptive":
                yield Fault(
                    f"{path}.sampling",
                    "a representative sample needs timing: uniform; this trigger is adaptive",
                )
        yield from _expiry(path, assignment)
    timed = sorted(_timed(parts.assignments))
    yield from _quiet_times(timed, parts)
    yield from _cap(timed, parts.limits)
    yield from _gaps(timed, parts.limits)


def _names(
    names: Iterable[tuple[int, str, str]], known_content: Collection[str] | None
) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for place, content, identity in names:
        if known_content is not None and content not in known_content:
            listed = sorted(known_content)
            allowed = ", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")
            yield Fault(
                f"assignments[{place}].content",
                f"unknown content {content[:80]!r}; known: {allowed or 'none'}",
            )
        if identity in seen:
            yield Fault(
                f"assignments[{place}].id",
                f"{identity[:80]!r} is the id of assignments[{seen[identity]}] already; "
                "give each assignment an id of its own",
            )
        seen.setdefault(identity, place)


def _windows(path: str, trigger: WindowTrigger, parts: Parts) -> Iterator[Fault]:
    sound: list[tuple[int, int, int]] = []
    for place, window in enumerate(trigger.windows):
        here = f"{path}.windows[{place}]"
        first, end = window.minutes()
        if end <= first:
            yield Fault(
                f"{here}.to",
                f"must be later than 'from' ({format_time(window.from_)}) on the same day, "
                'up to "24:00"',
            )
            continue
        sound.append((first, end, place))
        if timedelta(minutes=end - first) < trigger.slot:
            yield Fault(
                here,
                f"is {end - first}m long, shorter than one slot "
                f"({format_duration(trigger.slot)}); make it at least one slot long",
            )
        if all(parts.quiet(at) for at in window.grid(trigger.slot)):
            yield Fault(here, "lies inside quiet_hours: no slot is left outside them")
    yield from _overlaps(path, trigger, sorted(sound))


def _overlaps(
    path: str, trigger: WindowTrigger, ordered: Iterable[tuple[int, int, int]]
) -> Iterator[Fault]:
    latest, holder = -1, -1
    for first, end, place in ordered:
        if first < latest:
            yield Fault(
                f"{path}.windows[{place}]",
                f"overlaps windows[{holder}], which ends at "
                f"{format_end(trigger.windows[holder].to)}; start no earlier",
            )
        if end > latest:
            latest, holder = end, place


def _expiry(path: str, assignment: Assignment) -> Iterator[Fault]:
    """Yield a fault where a prompt could still be open when the next one's turn begins."""
    trigger = assignment.trigger
    if isinstance(trigger, IntervalTrigger):
        return
    wall = trigger.at if isinstance(trigger, FixedTrigger) else [w.from_ for w in trigger.windows]
    starts = sorted({minute_of(at) for at in wall})
    if any((day + 1) % 7 in trigger.weekdays() for day in trigger.weekdays()):
        starts.append(starts[0] + _DAY)
    distances = [timedelta(minutes=later - earlier) for earlier, later in pairwise(starts)]
    if distances and assignment.expires_after > min(distances):
        following = "time" if isinstance(trigger, FixedTrigger) else "window"
        yield Fault(
            f"{path}.expires_after",
            f"{format_duration(assignment.expires_after)} reaches past the start of the next "
            f"{following}; at most {format_duration(min(distances))}",
        )


def _timed(assignments: Iterable[tuple[int, Assignment]]) -> Iterator[_Timed]:
    """Yield every prompt with a set time; one every n days may fall on any day of the week."""
    for place, assignment in assignments:
        trigger = assignment.trigger
        if isinstance(trigger, WindowTrigger):
            continue
        for index, at in enumerate(trigger.times()):
            item = f"[{index}]" if isinstance(trigger, FixedTrigger) else ""
            path = f"assignments[{place}].trigger.at{item}"
            yield _Timed(minute_of(at), path, trigger.weekdays())


def _quiet_times(timed: Iterable[_Timed], parts: Parts) -> Iterator[Fault]:
    for one in timed:
        at = time(*divmod(one.minute, 60))
        if parts.quiet(at):
            yield Fault(one.path, f"{format_time(at)} is in quiet_hours; choose a time outside")


def _cap(timed: Sequence[_Timed], limits: Limits) -> Iterator[Fault]:
    counts = [sum(day in one.days for one in timed) for day in range(7)]
    most = max(counts)
    if limits.per_day is not None and most > limits.per_day:
        yield Fault(
            "limits.per_day",
            f"{limits.per_day} is below the {most} prompts with a set time on "
            f"{WEEKDAYS[counts.index(most)]}; at least {most}",
        )


def _gaps(timed: Sequence[_Timed], limits: Limits) -> Iterator[Fault]:
    """Yield a fault for each set time too close after another, also across midnight."""
    for index, later in enumerate(timed):
        before = [(one, 0) for one in timed[:index]] + [(one, 1) for one in timed]
        close = [
            (distance, one)
            for one, days_earlier in before
            if any((day - days_earlier) % 7 in one.days for day in later.days)
            and (distance := timedelta(minutes=later.minute + days_earlier * _DAY - one.minute))
            < limits.min_gap
        ]
        if close:
            distance, one = min(close)
            yield Fault(
                later.path,
                f"comes {format_duration(distance)} after {one.path}; "
                f"limits.min_gap asks for {format_duration(limits.min_gap)}",
            )
