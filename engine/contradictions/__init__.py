"""Parts of a protocol that each make sense but cannot hold together, found when it is written.

A contradiction not refused here would show as a prompt that silently never comes.
"""

from collections.abc import Collection, Iterator, Sequence

from engine.assignment import Assignment
from engine.contradictions.calendar import no_days
from engine.contradictions.caps import daily_cap, own_cap
from engine.contradictions.days import kinds_of_day
from engine.contradictions.events import events
from engine.contradictions.expiry import expiry, reminders
from engine.contradictions.names import assignment_names, phase_names, phase_order, unknown
from engine.contradictions.packing import packing
from engine.contradictions.parts import Parts, Turn, turns
from engine.contradictions.quiet import quiet_hours, quiet_times
from engine.contradictions.sampling import sampling
from engine.contradictions.spacing import set_times
from engine.contradictions.windows import windows
from engine.errors import FieldFault as Fault

__all__ = ["Parts", "contradictions", "quiet_hours", "unknown"]


def contradictions(parts: Parts, known_content: Collection[str] | None) -> Iterator[Fault]:
    """Yield a fault for each contradiction.

    `known_content` are the ids of content, or a mapping of them to `content.vocabulary.Values`;
    what is not given is not checked.
    """
    yield from assignment_names(parts.names, known_content)
    yield from phase_names(parts)
    yield from phase_order(parts)
    yield from quiet_hours(parts.quiet_hours)
    asked = tuple(turns(parts))
    alone = [
        fault
        for place, assignment in parts.assignments
        for fault in _alone(place, assignment, parts, asked)
    ]
    yield from alone
    yield from events(parts, known_content)
    yield from quiet_times(parts)
    certain = [turn for turn in asked if not turn.by_chance]
    days = kinds_of_day(parts.assignments, parts.phases)
    yield from daily_cap(parts, certain, days)
    close = list(set_times(parts, certain, days))
    yield from close
    # With one of them at fault already, that prompts do not fit would only repeat it.
    if not close and not any(".windows[" in fault.path for fault in alone):
        yield from packing(parts, certain, days)


def _alone(
    place: int, assignment: Assignment, parts: Parts, asked: Sequence[Turn]
) -> Iterator[Fault]:
    """Yield the faults an assignment has whatever the others do."""
    yield from windows(place, assignment, parts, asked)
    yield from sampling(place, assignment)
    yield from expiry(place, assignment, parts)
    yield from reminders(place, assignment, parts, asked)
    yield from own_cap(place, assignment, asked)
    yield from no_days(place, assignment, parts)
