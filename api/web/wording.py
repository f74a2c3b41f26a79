"""Plain words for instants, spans, shares and prompts, in one place and pure."""

from datetime import date, datetime, timedelta

from content.library import Library
from engine.compliance import share, wilson
from engine.localtime import zone
from engine.records import PATIENT_INITIATED, Counts, PromptRecord

DASH = "\N{EN DASH}"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STATES = {
    "planned": "planned",
    "sending": "being sent",
    "retry": "will be tried again",
    "accepted": "sent",
    "unknown": "sending uncertain",
    "failed": "not sent",
    "expired": "expired unsent",
    "cancelled": "cancelled",
    "withheld": "no prompt drawn",
}
UNAVAILABLE = {
    "driving": "driving",
    "work": "at work",
    "asleep": "asleep",
    "other": "something else",
}


def home_of(role: str) -> str:
    """Return the page that somebody of this role begins at."""
    return "/admin/delivery" if role == "admin" else "/caseload"


def percent(part: float | None) -> str:
    """Return a share as whole percent, a dash where there is none."""
    return DASH if part is None else f"{part * 100:.0f} %"


def counted(number: int, noun: str) -> str:
    """Return "1 day", "2 days"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def day_words(day: date) -> str:
    """Return a date like "Tue 3 Nov"."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def date_words(day: date) -> str:
    """Return a date with its year, like "3 Nov 2026"."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


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


def skew_words(skew: timedelta) -> str:
    """Return how a phone's clock is off: "phone's clock 12 minutes ahead"."""
    direction = "ahead" if skew > timedelta(0) else "behind"
    minutes = timedelta(minutes=round(abs(skew) / timedelta(minutes=1)))
    return f"phone's clock {span_words(minutes)} {direction}"


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
    if record.declined_at is not None:
        return f"not now: {UNAVAILABLE.get(record.unavailable or '', 'no reason')}"
    if record.timing == PATIENT_INITIATED:
        return "started by the patient, not answered"
    if record.delivered_at is not None:
        return "opened, not answered" if record.opened_at else "delivered, not answered"
    words = STATES.get(record.state, record.state)
    return f"{words}: {record.reason}" if record.reason else words


def title_of(library: Library, assignment: str, content_id: str) -> str:
    """Return the name of an assignment as people know it: its content's title."""
    title = library.get(content_id).title if content_id in library else content_id
    return title if assignment == content_id else f"{title} ({assignment})"
