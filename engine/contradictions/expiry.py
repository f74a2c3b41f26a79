"""Prompts still open when the next one's turn begins, and reminders that cannot remind."""

from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from itertools import pairwise

from engine.assignment import Assignment
from engine.contradictions.parts import Parts, Turn, minutes
from engine.contradictions.windows import nearest
from engine.durations import format_duration
from engine.errors import FieldFault as Fault
from engine.triggers import AtTimes, PatientInitiatedTrigger, WindowTrigger, minute_of

_DAY = 24 * 60


def expiry(place: int, assignment: Assignment, parts: Parts) -> Iterator[Fault]:
    """Yield a fault where a prompt could still be open when the next one's turn begins.

    An interval is at least a day, and no prompt stays open longer than that.
    """
    trigger, path = assignment.trigger, f"assignments[{place}].expires_after"
    written = format_duration(assignment.expires_after)
    if not isinstance(trigger, WindowTrigger | AtTimes):
        return
    windowed = isinstance(trigger, WindowTrigger)
    distance = _between_starts(trigger)
    if distance is not None and assignment.expires_after > distance:
        yield Fault(
            path,
            f"{written} reaches past the start of the next {'window' if windowed else 'time'}; "
            f"at most {format_duration(distance)}",
        )
    if isinstance(trigger, WindowTrigger) and trigger.per_window > 1:
        within = nearest(trigger, parts.limits.min_gap)
        if assignment.expires_after > within:
            yield Fault(
                path,
                f"{written} reaches past the next prompt of the same window, which may come "
                f"{format_duration(within)} later; at most {format_duration(within)}, "
                "or a longer gap",
            )


def _between_starts(trigger: WindowTrigger | AtTimes) -> timedelta | None:
    """Return the least distance from one start to the next, None if only one comes in a week."""
    if isinstance(trigger, WindowTrigger):
        starts = sorted({minute_of(window.from_) for window in trigger.windows})
    else:
        starts = sorted(minute_of(at) for at in trigger.at)
    if any((day + 1) % 7 in trigger.weekdays() for day in trigger.weekdays()):
        starts.append(starts[0] + _DAY)
    return min(
        (timedelta(minutes=later - earlier) for earlier, later in pairwise(starts)), default=None
    )


def reminders(
    place: int, assignment: Assignment, parts: Parts, turns: Sequence[Turn]
) -> Iterator[Fault]:
    """Yield a fault for each reminder that nobody could get."""
    path = f"assignments[{place}].reminders"
    if assignment.reminders and isinstance(assignment.trigger, PatientInitiatedTrigger):
        yield Fault(path, "must be left out: content that patients start themselves is never sent")
        return
    slots = {slot for turn in turns if turn.place == place for slot in turn.slots}
    before = timedelta(0)
    for index, after in enumerate(assignment.reminders):
        if after >= assignment.expires_after:
            yield Fault(
                f"{path}[{index}]",
                f"{format_duration(after)} is not before the prompt expires; "
                f"less than {format_duration(assignment.expires_after)}",
            )
        elif after <= before:
            yield Fault(
                f"{path}[{index}]",
                f"{format_duration(after)} does not come after the reminder before it "
                f"({format_duration(before)}); list them from the first to the last",
            )
        elif slots and all(_quiet_at(slot + minutes(after), parts) for slot in slots):
            yield Fault(f"{path}[{index}]", "always falls into quiet_hours; make it earlier")
        before = max(before, after)


def _quiet_at(minute: int, parts: Parts) -> bool:
    return parts.quiet(time(*divmod(minute % _DAY, 60)))
