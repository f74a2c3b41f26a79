"""Geometry of the charts, pure: numbers in, places out; templates draw them as SVG.

Horizontal places are percent of the plot's width and vertical ones pixels, so a chart fits any
screen while its text and marks keep their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from api.web.wording import DASH
from engine.compliance import TimeBin
from engine.localtime import zone
from engine.prompt import State
from engine.records import PATIENT_INITIATED, PromptRecord

ROW = 24
"""Height of a day's row, in pixels."""
PLOT = 160
"""Height of the plots that have a vertical scale, in pixels."""
MARGIN = 12
MOST_LABELS = 6
MINUTES = 24 * 60
PAD = 20
"""Minutes between the outermost prompt and the edge of the plot."""
UNSENT_ENDS = {State.FAILED, State.EXPIRED, State.CANCELLED, State.WITHHELD}
DRAWN = {"uniform", "adaptive"}
"""Timings whose moment lies anywhere in a window; all others have one instant."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis: percent on the horizontal one, pixels on the vertical."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One prompt: `x` percent, `y` pixels, `kind` names the shape, `flag` a clinical rule held."""

    x: float
    y: float
    kind: str
    flag: bool
    record: PromptRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A window behind the marks: `x` and `width` in percent, `y` its top in pixels."""

    x: float
    width: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Prompts by day (rows, newest on top) and local time of day (across)."""

    height: int
    rows: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    bands: tuple[Band, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A share with its interval: `x` percent, the rest pixels; `few` says not to trust it."""

    x: float
    y: float
    top: float
    bottom: float
    label: str
    count: str
    few: bool
    bin: TimeBin


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A score at a date: `x` percent, `y` pixels."""

    x: float
    y: float
    label: str


def minute_of_day(at: datetime, zone_name: str, day: date) -> float:
    """Return wall-clock minutes from `day`'s midnight; over 1440 for the following date."""
    local = at.astimezone(zone(zone_name))
    return (local.date() - day).days * MINUTES + local.hour * 60 + local.minute + local.second / 60


def span_of(records: Sequence[PromptRecord], times: Sequence[time]) -> tuple[int, int]:
    """Return the first and last whole hour that hold all prompts and these wall times with room.

    Without any it is 8 to 22. The span is at least four hours.
    """
    minutes = [float(one.hour * 60 + one.minute) for one in times]
    for record in records:
        minutes += [minute_of_day(at, record.zone, record.local_date) for at in _instants(record)]
    if not minutes:
        return 8, 22
    first = int((min(minutes) - PAD) // 60)
    last = max(-int(-(max(minutes) + PAD) // 60), first + 4)
    return max(min(first, 20), 0), min(last, 26)


def _instants(record: PromptRecord) -> list[datetime]:
    ends = (record.start_at, record.end_at) if record.timing in DRAWN else (record.start_at,)
    return [*ends, place_of(record)]


def place_of(record: PromptRecord) -> datetime:
    """Return where on the axis a prompt stands: sent, else due, else the middle of its window."""
    middle = record.start_at + (record.end_at - record.start_at) / 2
    return record.sent_at or record.due_at or middle


def kind_of(record: PromptRecord) -> str:
    """Return the shape of a prompt's mark: answered, late, declined, silent, unsent or planned."""
    if record.answered_at is not None:
        return "late" if record.late else "answered"
    if record.declined_at is not None:
        return "declined"
    if record.timing == PATIENT_INITIATED:
        return "silent"
    if record.state in UNSENT_ENDS:
        return "unsent"
    return "planned" if record.sent_at is None and record.state != State.UNKNOWN else "silent"


def hour_ticks(first: int, last: int) -> tuple[Tick, ...]:
    """Return labelled round hours from `first` to `last`, few enough for a phone."""
    step = next(step for step in (1, 2, 3, 4, 6) if (last - first) / step <= MOST_LABELS)
    return tuple(
        Tick(round(100 * (hour - first) / (last - first), 2), f"{hour % 24}:00")
        for hour in range(first, last + 1)
        if hour % step == 0
    )


def timeline(
    records: Sequence[PromptRecord],
    days: Sequence[date],
    label: Sequence[str],
    span: tuple[int, int],
) -> Timeline:
    """Return the places of all prompts; `days` from top to bottom, `span` in hours."""
    rows = {day: MARGIN + place * ROW for place, day in enumerate(days)}
    low, high = span[0] * 60, span[1] * 60

    def across(at: datetime, record: PromptRecord) -> float:
        minute = minute_of_day(at, record.zone, record.local_date)
        return round(100 * (min(max(minute, low), high) - low) / (high - low), 2)

    shown = [record for record in records if record.local_date in rows]
    bands = [
        Band(
            x=across(record.start_at, record),
            width=round(across(record.end_at, record) - across(record.start_at, record), 2),
            y=rows[record.local_date] - ROW / 2 + 2,
        )
        for record in shown
        if record.timing in DRAWN
    ]
    marks = [
        Mark(
            x=across(place_of(record), record),
            y=rows[record.local_date],
            kind=kind_of(record),
            flag=record.risk,
            record=record,
        )
        for record in shown
    ]
    return Timeline(
        height=len(days) * ROW + 2 * MARGIN - ROW,
        rows=tuple(Tick(rows[day], text) for day, text in zip(days, label, strict=True)),
        ticks=hour_ticks(*span),
        bands=tuple(bands),
        marks=tuple(marks),
    )


def share_y(share: float) -> float:
    """Return the height of a share (0 to 1) in a plot, 1 on top."""
    return round(MARGIN + (1 - share) * PLOT, 1)


def dots(bins: Sequence[TimeBin], bin_hours: int, few: int) -> tuple[Dot, ...]:
    """Return a dot for each bin in which something was delivered; fewer than `few` are faint.

    Empty bins between filled ones keep their place.
    """
    filled = [place for place, one in enumerate(bins) if one.delivered]
    if not filled:
        return ()
    first, last = filled[0], filled[-1]
    return tuple(
        Dot(
            x=round(100 * (place - first + 0.5) / (last - first + 1), 2),
            y=share_y(one.rate),
            top=share_y(one.high),
            bottom=share_y(one.low),
            label=f"{one.start_hour}{DASH}{one.start_hour + bin_hours}",
            count=f"{one.answered}/{one.delivered}",
            few=one.delivered < few,
            bin=one,
        )
        for place, one in enumerate(bins)
        if one.rate is not None and one.low is not None and one.high is not None
    )


def points(
    values: Sequence[tuple[date, float]], low: float, high: float
) -> tuple[tuple[Point, ...], tuple[tuple[Point, Point], ...]]:
    """Return the places of dated scores on a scale from `low` to `high`, and lines between them."""
    if not values:
        return (), ()
    first, last = values[0][0], values[-1][0]
    days = max((last - first) / timedelta(days=1), 1)
    placed = tuple(
        Point(
            x=round(6 + 88 * ((day - first).days / days), 2) if len(values) > 1 else 50,
            y=share_y((value - low) / (high - low) if high > low else 0.5),
            label=f"{value:g}",
        )
        for day, value in values
    )
    return placed, tuple(pairwise(placed))
