"""Which prompts follow what happens: an answer, a report, a silence. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from engine.assignment import Assignment
from engine.phases import phase_on, share_on
from engine.protocol import StudyProtocol
from engine.triggers import (
    ENROLMENT,
    EventTrigger,
    MissedCondition,
    ReportCondition,
    ValueCondition,
)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to `content`: its scores, and what its items count for; None where nothing."""

    content: str
    scores: Mapping[str, float | None]
    items: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Reported:
    """Something the patient reported by themselves."""

    name: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A prompt of this assignment ran out unanswered."""

    assignment: str


Happening = Answered | Reported | Missed


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a course stands for an assignment: the phase, and the share of prompts sent in it."""

    phase: str | None
    share: float


def followers(
    protocol: StudyProtocol, happening: Happening
) -> Iterator[tuple[Assignment, EventTrigger]]:
    """Yield the assignments whose condition this meets, in the protocol's order."""
    for assignment in protocol.assignments:
        trigger = assignment.trigger
        if isinstance(trigger, EventTrigger) and _meets(trigger, happening):
            yield assignment, trigger


def waits_for_answers(protocol: StudyProtocol) -> bool:
    """Return whether anything in the protocol depends on what an answer says."""
    return any(isinstance(when, ValueCondition) for when in _conditions(protocol))


def waits_for_silence(protocol: StudyProtocol) -> bool:
    """Return whether anything in the protocol depends on a missed prompt."""
    return any(isinstance(when, MissedCondition) for when in _conditions(protocol))


def reports_of(protocol: StudyProtocol) -> tuple[str, ...]:
    """Return the names of what the patient may report, in the protocol's order."""
    names = [when.report for when in _conditions(protocol) if isinstance(when, ReportCondition)]
    return tuple(dict.fromkeys(names))


def stage_on(
    protocol: StudyProtocol,
    assignment: Assignment,
    day: date,
    *,
    first_day: date,
    milestones: Mapping[str, date],
) -> Stage | None:
    """Return where the course stands on this local date, None if the assignment rests then.

    It rests outside its phases, dates and bursts, before the course and after it.
    """
    if day < first_day or not assignment.dates.include(day):
        return None
    if assignment.bursts is not None:
        anchor = assignment.bursts.anchor
        since = first_day if anchor == ENROLMENT else milestones.get(anchor)
        if since is None or not assignment.bursts.includes((day - since).days):
            return None
    if not protocol.phases:
        return Stage(None, 1.0)
    here = phase_on(protocol.phases, day, first_day, milestones)
    if here is None or (assignment.phases and here.phase.name not in assignment.phases):
        return None
    return Stage(here.phase.name, share_on(here))


def _conditions(
    protocol: StudyProtocol,
) -> Iterator[ValueCondition | ReportCondition | MissedCondition]:
    for assignment in protocol.assignments:
        if isinstance(assignment.trigger, EventTrigger):
            yield assignment.trigger.when


def _meets(trigger: EventTrigger, happening: Happening) -> bool:
    when = trigger.when
    match happening:
        case Reported(name):
            return isinstance(when, ReportCondition) and when.report == name
        case Missed(assignment):
            return isinstance(when, MissedCondition) and when.missed == assignment
        case Answered():
            return isinstance(when, ValueCondition) and _holds(when, happening)


def _holds(when: ValueCondition, answer: Answered) -> bool:
    content, name = when.source()
    if content != answer.content:
        return False
    found = (answer.scores if when.score is not None else answer.items).get(name)
    return found is not None and when.holds(found)
