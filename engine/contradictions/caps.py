"""Daily caps below what the protocol itself puts on one day."""

from collections.abc import Iterator, Sequence

from engine.assignment import Assignment
from engine.contradictions.days import Day
from engine.contradictions.parts import Parts, Turn
from engine.errors import FieldFault as Fault
from engine.triggers import WEEKDAYS


def own_cap(place: int, assignment: Assignment, turns: Sequence[Turn]) -> Iterator[Fault]:
    """Yield a fault where an assignment's own cap is below its own prompts of a day."""
    asked = sum(turn.count for turn in turns if turn.place == place)
    if assignment.per_day is not None and assignment.per_day < asked:
        yield Fault(
            f"assignments[{place}].per_day",
            f"{assignment.per_day} is below the {asked} prompts a day of its own trigger; "
            f"at least {asked}, or leave it out",
        )


def daily_cap(parts: Parts, turns: Sequence[Turn], days: Sequence[Day]) -> Iterator[Fault]:
    """Yield a fault where some day has more prompts with a set time than any day may have."""
    cap = parts.limits.per_day
    timed = [turn.place for turn in turns if turn.is_set]
    counts = [sum(place in day.today for place in timed) for day in days]
    most = max(counts, default=0)
    if cap is not None and most > cap:
        day = days[counts.index(most)]
        yield Fault(
            "limits.per_day",
            f"{cap} is below the {most} prompts with a set time on {WEEKDAYS[day.weekday]}; "
            f"at least {most}",
        )
