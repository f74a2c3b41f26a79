"""What a draft would do to the coming prompts, side by side: the same change of many days once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.web import wording
from api.web.preview_view import when_words
from content.library import Library
from engine.compare import Change, Comparison
from engine.planned import PlannedWindow

PARTS = {
    "content": "what it asks",
    "expires_after": "how long it stays open",
    "within": "when an answer counts as prompt",
    "timing": "how its moment is chosen",
    "objective": "what its timing aims at",
    "probability": "how likely it is sent",
    "representative": "whether it may be adapted",
    "reminders": "its reminders",
    "priority": "its priority",
    "phase": "its phase",
    "remaining": "how many share its window",
    "gap": "the gap within its window",
}
PLACES = frozenset({"start_at", "end_at", "slots", "number", "window"})
NOTHING = wording.DASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The same change on one or several days: before and after as on the patient's clock."""

    title: str
    kind: str
    before: str
    after: str
    also: str
    days: str


def compared_rows(comparison: Comparison, zone_name: str, library: Library) -> list[Row]:
    """Return the prompts that differ, one row for all days on which they differ alike."""
    days: dict[tuple[str, str, str, str, str], list[date]] = {}
    for change in comparison.changes:
        days.setdefault(_alike(change, zone_name, library), []).append(change.window.local_date)
    return [
        Row(title=title, kind=kind, before=before, after=after, also=also, days=_days(dates))
        for (title, kind, before, after, also), dates in days.items()
    ]


def _alike(change: Change, zone_name: str, library: Library) -> tuple[str, str, str, str, str]:
    window = change.window
    return (
        wording.title_of(library, window.assignment, window.content),
        change.kind,
        _when(change.before, zone_name),
        _when(change.after, zone_name),
        ", ".join(dict.fromkeys(PARTS[name] for name in change.what if name not in PLACES)),
    )


def _when(window: PlannedWindow | None, zone_name: str) -> str:
    return NOTHING if window is None else when_words(window, zone_name)


def _days(dates: Sequence[date]) -> str:
    """Return "Sat 21 Nov", or "13 days, Sat 21 Nov to Thu 3 Dec"."""
    first, last = wording.day_words(dates[0]), wording.day_words(dates[-1])
    if len(dates) == 1:
        return first
    return f"{wording.counted(len(dates), 'prompt')}, {first} to {last}"
