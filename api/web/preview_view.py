"""The coming week in words: what would be planned, and what would be left out and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from api.web import wording
from engine import planned as reasons
from engine.planned import DayPlan, PlannedWindow

REASONS = {
    reasons.TOO_MANY: "over the most prompts a day",
    reasons.TOO_MANY_OF_IT: "over its own most prompts a day",
    reasons.TOO_CLOSE: "too close to the prompt before",
    reasons.NO_ROOM: "no room left for another with the gap",
    reasons.QUIET: "inside quiet hours",
    reasons.CLOCK_CHANGE: "lost to the change of clocks",
    reasons.FADED: "the phase has thinned out to nothing",
    reasons.PAUSED: "the patient has a pause day",
    reasons.LEFT_OUT: "the patient leaves it out",
    reasons.OWN_QUIET: "inside the patient's own quiet hours",
    reasons.OWN_CAP: "over the patient's own most prompts a day",
}
SET_TIMES = {"fixed", "micro_randomised"}
"""Timings with one instant; all others have hours in which a prompt comes."""


@dataclass(frozen=True, slots=True)
class DayView:
    """One day: its phase, (time, what) of the planned, and what is left out with its reason."""

    day: str
    phase: str | None
    planned: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]


def preview_days(
    planned: Sequence[tuple[date, DayPlan]], zone_name: str, titles: Mapping[str, str]
) -> list[DayView]:
    """Return the days in words, times on the patient's clock; `titles` names the assignments."""
    return [
        DayView(
            day=wording.day_words(day),
            phase=next((window.phase for window in plan.windows), None),
            planned=tuple(
                (when_words(window, zone_name), titles[window.assignment] + _chance(window))
                for window in plan.windows
            ),
            dropped=tuple(_dropped_words(plan, titles)),
        )
        for day, plan in planned
    ]


def _dropped_words(plan: DayPlan, titles: Mapping[str, str]) -> Iterator[str]:
    """Yield what a day has no room for; what is lost for the same reason is told at once."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for dropped in plan.dropped:
        key = titles[dropped.assignment], REASONS.get(dropped.reason, dropped.reason)
        numbers.setdefault(key, []).append(str(dropped.window + 1))
    reasons = {reason for _, reason in numbers}
    if not plan.windows and len(reasons) == 1:
        yield f"everything: {reasons.pop()}"
        return
    for (title, reason), places in numbers.items():
        yield f"{title}, number {', '.join(places)}: {reason}"


def when_words(window: PlannedWindow, zone_name: str) -> str:
    """Return the hours in which a prompt may come, or the time at which it does."""
    start = wording.clock(window.start_at, zone_name)
    if window.timing in SET_TIMES:
        return start
    return f"{start}{wording.DASH}{wording.clock(window.end_at, zone_name)}"


def _chance(window: PlannedWindow) -> str:
    if window.probability >= 1:
        return ""
    return f", with a chance of {wording.percent(window.probability)}"
