"""The coming week in words: what would be planned, and what would be left out and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.web import wording
from content.library import Library
from engine import planning
from engine.planning import DayPlan, Dropped, PlannedWindow

REASONS = {
    planning.TOO_MANY: "over the most prompts a day",
    planning.TOO_CLOSE: "too close to the prompt before",
    planning.QUIET: "inside quiet hours",
    planning.CLOCK_CHANGE: "lost to the change of clocks",
}


@dataclass(frozen=True, slots=True)
class DayView:
    """One day: (time, what) of the planned, and what is left out with its reason."""

    day: str
    planned: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]


def preview_days(
    planned: Sequence[tuple[date, DayPlan]], zone_name: str, library: Library
) -> list[DayView]:
    """Return the days in words, times on the patient's clock."""
    contents = {w.assignment: w.content for _, plan in planned for w in plan.windows}

    def title(assignment: str) -> str:
        return wording.title_of(library, assignment, contents.get(assignment, assignment))

    def line(window: PlannedWindow) -> tuple[str, str]:
        start = wording.clock(window.start_at, zone_name)
        if window.timing == "fixed":
            return start, title(window.assignment)
        end = wording.clock(window.end_at, zone_name)
        return f"{start}{wording.DASH}{end}", title(window.assignment)

    def why(dropped: Dropped) -> str:
        reason = REASONS.get(dropped.reason, dropped.reason)
        return f"{title(dropped.assignment)}, number {dropped.window + 1}: {reason}"

    return [
        DayView(
            day=wording.day_words(day),
            planned=tuple(line(window) for window in plan.windows),
            dropped=tuple(why(dropped) for dropped in plan.dropped),
        )
        for day, plan in planned
    ]
