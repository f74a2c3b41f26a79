"""Assignments that no day can have: dates, weekdays, phases and rhythms that never meet."""

from collections.abc import Iterator, Sequence

from engine.assignment import Assignment, Phase
from engine.contradictions.days import dates_left, kinds_of_day
from engine.contradictions.parts import Parts
from engine.durations import format_duration
from engine.errors import FieldFault as Fault
from engine.triggers import AtTimes, IntervalTrigger, WindowTrigger


def no_days(place: int, assignment: Assignment, parts: Parts) -> Iterator[Fault]:
    """Yield a fault if no day, whatever happens, has this assignment."""
    path, dates = f"assignments[{place}]", assignment.dates
    if dates.from_ and dates.to and dates.to < dates.from_:
        yield Fault(f"{path}.dates.to", f"must not be before 'from' ({dates.from_})")
        return
    if not dates_left(assignment):
        yield Fault(f"{path}.dates", f"leave no day: {_calendar(assignment)}")
        return
    readable = {phase.name for phase in parts.phases if phase}
    if set(assignment.phases) <= readable and not _has_a_day(assignment, parts.phases):
        where = "phases" if assignment.phases else "bursts" if assignment.bursts else "trigger"
        stretch = f"phase {' or '.join(assignment.phases)}" if assignment.phases else "the course"
        yield Fault(
            f"{path}.{where}",
            f"no day of {stretch} has a turn of {' and '.join(_rhythms(assignment))}",
        )


def _has_a_day(assignment: Assignment, phases: Sequence[Phase | None]) -> bool:
    return any(day.today for day in kinds_of_day([(0, assignment)], phases))


def _calendar(assignment: Assignment) -> str:
    """Return in words which dates there would have to be."""
    trigger, dates = assignment.trigger, assignment.dates
    days = trigger.days if isinstance(trigger, WindowTrigger | AtTimes) else ()
    named = "day" if len(days) in (0, 7) else " or ".join(days)
    excepted = " that is not excepted" if dates.except_ else ""
    return f"there is no {named} from {dates.from_} to {dates.to}{excepted}"


def _rhythms(assignment: Assignment) -> Iterator[str]:
    trigger, bursts = assignment.trigger, assignment.bursts
    if isinstance(trigger, IntervalTrigger):
        yield f"every {format_duration(trigger.every)} from {trigger.anchor}"
    if bursts is not None:
        on, off = format_duration(bursts.on), format_duration(bursts.off)
        yield f"{on} on and {off} off from {bursts.anchor}"
