"""Plain words for instants, spans, shares and protocols, in one place and pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from content.library import Library
from engine.compliance import share, wilson
from engine.durations import parse_duration
from engine.localtime import zone
from engine.records import Counts, PromptRecord

DASH = "\N{EN DASH}"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TIMINGS = {
    "adaptive": "adaptive: learned from answers, with a share left to chance",
    "uniform": "by chance, every moment as likely",
}
STATES = {
    "planned": "planned",
    "claimed": "being sent",
    "sending": "being sent",
    "retry": "will be tried again",
    "accepted": "sent",
    "unknown": "sending uncertain",
    "failed": "not sent",
    "expired": "expired unsent",
    "cancelled": "cancelled",
}


def percent(part: float | None) -> str:
    """Return a share as whole percent, a dash where there is none."""
    return DASH if part is None else f"{part * 100:.0f} %"


def counted(number: int, noun: str) -> str:
    """Return "1 day", "2 days"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def day_words(day: date) -> str:
    """Return a date like "Tue 3 Nov"."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def day_span(first: date, last: date) -> str:
    """Return a range of dates like "14 to 20 Nov"."""
    start = str(first.day)
    if (first.year, first.month) != (last.year, last.month):
        start += f" {MONTHS[first.month - 1]}"
    return f"{start} to {last.day} {MONTHS[last.month - 1]}"


def clock(at: datetime | None, zone_name: str) -> str:
    """Return the wall time like "14:05", a dash where there is none."""
    return DASH if at is None else f"{at.astimezone(zone(zone_name)):%H:%M}"


def moment(at: datetime, zone_name: str) -> str:
    """Return an instant like "Tue 3 Nov, 14:05" on the wall clock of the zone."""
    return f"{day_words(at.astimezone(zone(zone_name)).date())}, {clock(at, zone_name)}"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago, in the largest unit that fits; "never" for None."""
    if at is None:
        return "never"
    minutes = int((now - at) / timedelta(minutes=1))
    for size, noun in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return f"{counted(minutes // size, noun)} ago"
    return "just now"


def span_words(length: timedelta) -> str:
    """Return a duration like "45 minutes", "4 hours" or "14 days"."""
    minutes = round(length / timedelta(minutes=1))
    for size, noun in ((24 * 60, "day"), (60, "hour")):
        if minutes and minutes % size == 0:
            return counted(minutes // size, noun)
    return "less than a minute" if length and not minutes else counted(minutes, "minute")


def answered_words(counts: Counts) -> str:
    """Return "answered 12 of 20 delivered (60 %)", or that nothing was delivered."""
    if not counts.delivered:
        return "nothing was delivered to the phone"
    return f"answered {counts.answered} of {counts.delivered} delivered ({percent(share(counts))})"


def interval_words(answered: int, delivered: int) -> str:
    """Return "14 of 16 (88 %, 95 % interval 64 to 97 %)"."""
    low, high = wilson(answered, delivered)
    rate = percent(answered / delivered)
    return f"{answered} of {delivered} ({rate}, 95 % interval {low * 100:.0f} to {percent(high)})"


def state_words(record: PromptRecord) -> str:
    """Return what became of a prompt."""
    if record.answered_at is not None:
        return "answered late" if record.late else "answered"
    if record.delivered_at is not None:
        return "opened, not answered" if record.opened_at else "delivered, not answered"
    words = STATES.get(record.state, record.state)
    return f"{words}: {record.reason}" if record.reason else words


def title_of(library: Library, assignment: str, content_id: str) -> str:
    """Return the name of an assignment as people know it: its content's title."""
    title = library.get(content_id).title if content_id in library else content_id
    return title if assignment == content_id else f"{title} ({assignment})"


def protocol_words(document: Mapping[str, Any], library: Library) -> dict[str, str]:
    """Return a stored protocol as label and text, in reading order."""
    limits = document.get("limits", {})
    per_day = limits.get("per_day")
    words = {
        "Protocol": str(document["name"]),
        "Quiet hours": _spans(document.get("quiet_hours", ())) or "none",
        "Most prompts a day": "no limit" if per_day is None else str(per_day),
        "Between two prompts": "at least "
        + span_words(parse_duration(limits.get("min_gap", "0m"))),
    }
    for assignment in document["assignments"]:
        identity = assignment.get("id", assignment["content"])
        label = title_of(library, identity, assignment["content"])
        words[label] = _assignment_words(assignment)
    return words


def _assignment_words(assignment: Mapping[str, Any]) -> str:
    trigger = assignment["trigger"]
    days = trigger.get("days", ())
    on_days = "" if len(days) in {0, 7} else " on " + ", ".join(day.capitalize() for day in days)
    match trigger["kind"]:
        case "window":
            timing = TIMINGS[trigger.get("timing", "uniform")]
            text = f"once in each of {_spans(trigger['windows'])}{on_days}; moment {timing}"
        case "fixed":
            text = f"at {', '.join(trigger['at'])}{on_days}"
        case _:
            text = f"every {span_words(parse_duration(trigger['every']))} at {trigger['at']}"
    text += f"; open for {span_words(parse_duration(assignment.get('expires_after', '60m')))}"
    if assignment.get("sampling"):
        text += "; never adapted"
    return text


def _spans(spans: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(f"{span['from']}{DASH}{span['to']}" for span in spans)


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (label, old text, new text) of what differs between two protocols in words."""
    labels: Sequence[str] = [*old, *(label for label in new if label not in old)]
    return [
        (label, old.get(label, "not there"), new.get(label, "not there"))
        for label in labels
        if old.get(label) != new.get(label)
    ]
