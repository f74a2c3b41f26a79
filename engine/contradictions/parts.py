"""What the rules look at: the parts of a document that could be read, and the prompts of a day."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta

from engine.assignment import Assignment, Limits, Phase
from engine.localtime import covers
from engine.triggers import (
    AtTimes,
    FixedTrigger,
    IntervalTrigger,
    LocalInterval,
    MicroRandomisedTrigger,
    WindowTrigger,
    minute_of,
)

SetTimes = FixedTrigger | MicroRandomisedTrigger | IntervalTrigger
"""Triggers whose prompts have set wall times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Those parts of a protocol that could be read, each with its place in the document."""

    quiet_hours: Sequence[tuple[int, LocalInterval]]
    limits: Limits
    phases: Sequence[Phase | None]
    """In order; None for one that could not be read."""
    phase_names: Sequence[object]
    """As written, also those of phases that could not be read."""
    assignments: Sequence[tuple[int, Assignment]]
    names: Sequence[tuple[int, str, str]]
    """(place, content, id) of each assignment, also of those that could not be read whole."""

    def quiet(self, wall: time) -> bool:
        """Return whether nothing may be sent at this wall time."""
        return any(covers(span, wall) for _, span in self.quiet_hours)


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """Prompts that a day has: minutes from midnight at which they may come, and how many.

    `slots` are in order, those of a window without the ones in quiet hours. `gap` is what the
    trigger itself asks for between two of them, in minutes. `is_set` marks a set time, `by_chance`
    a decision point, which gives way to other prompts when its time comes.
    """

    slots: tuple[int, ...]
    path: str
    place: int
    count: int = 1
    gap: int = 0
    is_set: bool = False
    by_chance: bool = False


def turns(parts: Parts) -> Iterator[Turn]:
    """Yield the turns of every assignment that is sent by the clock, in the document's order."""
    for place, assignment in parts.assignments:
        path, trigger = f"assignments[{place}].trigger", assignment.trigger
        if isinstance(trigger, WindowTrigger):
            for index, window in enumerate(trigger.windows):
                yield Turn(
                    slots=_open(parts, window.grid(trigger.slot)),
                    path=f"{path}.windows[{index}]",
                    place=place,
                    count=trigger.per_window,
                    gap=minutes(trigger.gap),
                )
        elif isinstance(trigger, SetTimes):
            for index, at in enumerate(trigger.times()):
                item = f"[{index}]" if isinstance(trigger, AtTimes) else ""
                yield Turn(
                    slots=(minute_of(at),),
                    path=f"{path}.at{item}",
                    place=place,
                    is_set=True,
                    by_chance=isinstance(trigger, MicroRandomisedTrigger),
                )


def minutes(length: timedelta) -> int:
    """Return a length in whole minutes."""
    return length // timedelta(minutes=1)


def _open(parts: Parts, walls: Iterable[time]) -> tuple[int, ...]:
    return tuple(minute_of(at) for at in walls if not parts.quiet(at))
