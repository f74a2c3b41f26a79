"""Phases of a course: which one a day belongs to, and how much of it is left when help fades.

Pure: the dates on which events happened ("milestones") are arguments.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from engine.assignment import Phase


class PhaseDay(NamedTuple):
    """A day of the course: its phase, and how many days of that phase came before it."""

    phase: Phase
    day: int


class PhaseSpan(NamedTuple):
    """A phase that has begun or will: its first date, and the first after it if that is known."""

    phase: Phase
    first: date
    end: date | None


def phase_on(
    phases: Sequence[Phase], day: date, first_day: date, milestones: Mapping[str, date]
) -> PhaseDay | None:
    """Return the phase of this local date; None before the first day and after the last phase.

    A phase `until` an event goes on until that is recorded; the event's local date is the first
    day of the next phase. One whose event came before its own beginning has no days.
    """
    at = day.toordinal()
    for phase, first, end in _spans(phases, first_day.toordinal(), milestones):
        if first <= at and (end is None or at < end):
            return PhaseDay(phase, at - first)
    return None


def timeline(
    phases: Sequence[Phase], first_day: date, milestones: Mapping[str, date]
) -> tuple[PhaseSpan, ...]:
    """Return the phases with their dates, as far as these are known; those without days too."""
    last = date.max.toordinal()
    return tuple(
        PhaseSpan(
            phase,
            date.fromordinal(first),
            None if end is None or end > last else date.fromordinal(end),
        )
        for phase, first, end in _spans(phases, first_day.toordinal(), milestones)
        if first <= last
    )


def share_on(stage: PhaseDay) -> float:
    """Return the share of prompts sent on this day of a phase: 1 unless the phase fades.

    It falls in a line from 1 on the first day to the phase's `to_share` on its last; a phase of
    one day has `to_share`.
    """
    phase, day = stage
    if phase.fade is None or phase.days is None:
        return 1.0
    last = phase.days.days - 1
    passed = day / last if last else 1.0
    return 1.0 + (phase.fade.to_share - 1.0) * passed


def _spans(
    phases: Sequence[Phase], first: int, milestones: Mapping[str, date]
) -> Iterator[tuple[Phase, int, int | None]]:
    """Yield each phase with its first day and the first after it, as ordinals of dates."""
    for phase in phases:
        end: int | None = None
        if phase.days is not None:
            end = first + phase.days.days
        elif phase.until is not None and phase.until in milestones:
            end = max(first, milestones[phase.until].toordinal())
        yield phase, first, end
        if end is None:
            return
        first = end
