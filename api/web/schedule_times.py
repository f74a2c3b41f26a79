"""The times of day that a protocol document names, pure."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from engine.durations import parse_end, parse_time


def wall_times(document: Mapping[str, Any]) -> list[time]:
    """Return the ends of windows and the set times of a protocol document."""
    times: list[time] = []
    for assignment in document["assignments"]:
        trigger = assignment["trigger"]
        for window in trigger.get("windows", ()):
            end = parse_end(window["to"])
            times += [parse_time(window["from"]), end if end > time(0) else time(23, 59)]
        at = trigger.get("at", ())
        times += [parse_time(one) for one in ([at] if isinstance(at, str) else at)]
    return times
