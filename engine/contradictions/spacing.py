"""Set times that come closer than the minimum gap on some day, also across midnight."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from engine.contradictions.days import Day
from engine.contradictions.parts import Parts, Turn
from engine.durations import format_duration
from engine.errors import FieldFault as Fault

_DAY = 24 * 60


def set_times(parts: Parts, turns: Sequence[Turn], days: Sequence[Day]) -> Iterator[Fault]:
    """Yield a fault for each set time too close after another, naming the closest before it."""
    gap = parts.limits.min_gap
    timed = sorted(turn for turn in turns if turn.is_set)
    closest: dict[Turn, tuple[timedelta, Turn]] = {}
    for day in days if gap else ():
        row = [(turn.slots[0] - _DAY, turn) for turn in timed if turn.place in day.yesterday]
        before = len(row)
        row += [(turn.slots[0], turn) for turn in timed if turn.place in day.today]
        for index in range(max(before, 1), len(row)):
            (earlier, one), (later, turn) = row[index - 1], row[index]
            distance = timedelta(minutes=later - earlier)
            if distance < gap and (turn not in closest or distance < closest[turn][0]):
                closest[turn] = distance, one
    for turn in timed:
        if turn in closest:
            distance, one = closest[turn]
            yield Fault(
                turn.path,
                f"comes {format_duration(distance)} after {one.path}; "
                f"limits.min_gap asks for {format_duration(gap)}",
            )
