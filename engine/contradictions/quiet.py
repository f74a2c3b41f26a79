"""Quiet hours that leave nothing, and set times inside them."""

from collections.abc import Iterator, Sequence
from datetime import time

from engine.contradictions.parts import Parts, SetTimes
from engine.durations import format_time
from engine.errors import FieldFault as Fault
from engine.localtime import covers
from engine.triggers import AtTimes, LocalInterval

_DAY = 24 * 60


def quiet_hours(spans: Sequence[tuple[int, LocalInterval]]) -> Iterator[Fault]:
    """Yield a fault for each stretch that is the whole day, or for all if they are it together."""
    whole = [place for place, span in spans if span.from_ == span.to]
    for place in whole:
        yield Fault(f"quiet_hours[{place}].to", "must differ from 'from': all day would be quiet")
    walls = (time(*divmod(minute, 60)) for minute in range(_DAY))
    if not whole and all(any(covers(span, wall) for _, span in spans) for wall in walls):
        yield Fault("quiet_hours", "together cover the whole day: nothing could ever be sent")


def quiet_times(parts: Parts) -> Iterator[Fault]:
    """Yield a fault for each set time in quiet hours."""
    for place, assignment in parts.assignments:
        trigger = assignment.trigger
        if not isinstance(trigger, SetTimes):
            continue
        for index, at in enumerate(trigger.times()):
            if parts.quiet(at):
                item = f"[{index}]" if isinstance(trigger, AtTimes) else ""
                yield Fault(
                    f"assignments[{place}].trigger.at{item}",
                    f"{format_time(at)} is in quiet_hours; choose a time outside",
                )
