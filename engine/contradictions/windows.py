"""Windows that cannot hold their prompts: too short, inside quiet hours, overlapping."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from engine.assignment import Assignment
from engine.contradictions.parts import Parts, Turn, minutes
from engine.durations import format_duration, format_end, format_time
from engine.errors import FieldFault as Fault
from engine.triggers import WindowTrigger


def windows(
    place: int, assignment: Assignment, parts: Parts, turns: Sequence[Turn]
) -> Iterator[Fault]:
    """Yield the faults of an assignment's windows; `turns` are those of all assignments."""
    trigger = assignment.trigger
    if not isinstance(trigger, WindowTrigger):
        return
    path = f"assignments[{place}].trigger"
    if trigger.timing == "adaptive" and trigger.per_window > 1:
        yield Fault(
            f"{path}.per_window",
            f"must be 1: an adaptive window holds one prompt, not {trigger.per_window}; "
            "use timing: uniform, or more windows",
        )
    sound: list[tuple[int, int, int]] = []
    own = [turn for turn in turns if turn.place == place]
    for index, (window, turn) in enumerate(zip(trigger.windows, own, strict=True)):
        first, end = window.minutes()
        if end <= first:
            yield Fault(
                f"{turn.path}.to",
                f"must be later than 'from' ({format_time(window.from_)}) on the same day, "
                'up to "24:00"',
            )
            continue
        sound.append((first, end, index))
        yield from _room(turn, end - first, trigger, parts)
    yield from _overlaps(path, trigger, sorted(sound))


def _room(turn: Turn, length: int, trigger: WindowTrigger, parts: Parts) -> Iterator[Fault]:
    """Yield a fault where the window has no room for all its prompts."""
    if length < minutes(trigger.slot):
        yield Fault(
            turn.path,
            f"is {length}m long, shorter than one slot ({format_duration(trigger.slot)}); "
            "make it at least one slot long",
        )
    if not turn.slots:
        yield Fault(turn.path, "lies inside quiet_hours: no slot is left outside them")
        return
    gap = max(trigger.gap, parts.limits.min_gap)
    if (most := fitting(turn.slots, minutes(gap))) < turn.count:
        rule = "gap" if gap == trigger.gap else "limits.min_gap"
        outside = " outside quiet_hours" if parts.quiet_hours else ""
        yield Fault(
            turn.path,
            f"has room for {most} of the {turn.count} prompts that per_window asks for, "
            f"{format_duration(gap)} apart ({rule}), in slots of "
            f"{format_duration(trigger.slot)}{outside}; make it longer, or ask for less",
        )


def fitting(slots: Iterable[int], gap: int) -> int:
    """Return how many of the increasing slots can be chosen at least `gap` apart.

    Taking the earliest that fits, again and again, is optimal: it leaves the most room.
    """
    most, earliest = 0, -1
    for slot in slots:
        if slot >= earliest:
            most, earliest = most + 1, slot + max(gap, 1)
    return most


def nearest(trigger: WindowTrigger, min_gap: timedelta) -> timedelta:
    """Return the least distance two prompts of one window can have on the grid of its slots."""
    gap = max(trigger.gap, min_gap, trigger.slot)
    return -(-gap // trigger.slot) * trigger.slot


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
