"""Wall clock readings to UTC instants and back, from one copy of the zone data.

Importing this module points `zoneinfo` at the `tzdata` package for the whole process: system files
may be older than the package, and two copies that disagree prompt people at the wrong hour.

Rules for the two awkward days of a year. A time inside a gap (clocks forward) moves forward by the
gap. A time that happens twice (clocks back) means its first occurrence. All order and distance is
computed in UTC, because aware arithmetic within one zone ignores the change of clocks.
"""

import zoneinfo
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from importlib import import_module, resources
from typing import Protocol
from zoneinfo import ZoneInfo

from engine.errors import WelltimedError

zoneinfo.reset_tzpath(to=())
ZoneInfo.clear_cache()

DAY = timedelta(days=1)
MIDNIGHT = time(0)
# At the ends of the calendar a local time has no UTC instant `datetime` can hold.
EARLIEST, LATEST = date.min + 2 * DAY, date.max - 2 * DAY
_PROBES = tuple(timedelta(hours=hour) for hour in (0, 6, 12, 18, 24))


class TzdataMissing(WelltimedError):
    """Says that the `tzdata` package, the only source of zone data, is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the tzdata package is missing: install it, zone data comes from nowhere else"
        )


class UnknownZone(WelltimedError, ValueError):
    """Says that a time zone name is not in the installed zone data."""

    def __init__(self, name: object) -> None:
        super().__init__(
            f"unknown time zone {name!r}: allowed are the IANA names of tzdata, "
            'spelled exactly, such as "Europe/Berlin"'
        )
        self.name = name


class LocalSpan(Protocol):
    """Anything with a half-open stretch of wall time, which may wrap past midnight."""

    @property
    def from_(self) -> time:
        """First wall time inside."""

    @property
    def to(self) -> time:
        """First wall time after; 00:00 is midnight at the day's end."""


def tzdata_version() -> str:
    """Return the IANA release in use, such as "2026f".

    Raises TzdataMissing when the package is not installed.
    """
    try:
        return str(import_module("tzdata").IANA_VERSION)
    except ModuleNotFoundError as missing:
        raise TzdataMissing from missing


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return every zone name the package knows.

    Raises TzdataMissing when the package is not installed.
    """
    try:
        listing = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    except ModuleNotFoundError as missing:
        raise TzdataMissing from missing
    return frozenset(listing.split())


def zone(name: str) -> ZoneInfo:
    """Return the zone with this IANA name, case exact; a path is never opened.

    Raises UnknownZone for any other name, TzdataMissing without the package.
    """
    if name not in zone_names():
        raise UnknownZone(name)
    return ZoneInfo(name)


def representable(day: date) -> bool:
    """Return whether every wall time of this day has a UTC instant `datetime` can hold."""
    return EARLIEST <= day <= LATEST


@lru_cache(maxsize=8192)
def resolve(day: date, at: time, tz: tzinfo) -> datetime | None:
    """Return the UTC instant at which the clock on the wall first reads `at` on `day`.

    In a gap the time moves forward by the gap. None where that changes the local date, where the
    whole day does not exist (Apia skipped 30 December 2011), or where the calendar ends.
    """
    if not representable(day):
        return None
    instant = datetime.combine(day, at.replace(fold=0), tz).astimezone(UTC)
    return instant if instant.astimezone(tz).date() == day else None


def readings(day: date, at: time, tz: tzinfo) -> tuple[datetime, datetime]:
    """Return the first and the last UTC instant at which the wall clock reads `at` on `day`.

    They differ only where the time happens twice. A time inside a gap is never read; for it both
    are the instant of the change, which is where the clock passes it.
    """
    local = datetime.combine(day, at, tz)
    first = local.replace(fold=0).astimezone(UTC)
    last = local.replace(fold=1).astimezone(UTC)
    if first <= last:
        return first, last
    change = _change_between(last, first, tz)
    return change, change


def interval(day: date, start: time, end: time, tz: tzinfo) -> tuple[datetime, datetime] | None:
    """Return half-open UTC bounds all of whose instants read inside the local window, or None.

    An `end` not after `start` belongs to the next day, so 00:00 is midnight at the day's end and
    22:00 to 08:00 is a night. Where a bound happens twice the start is its last reading and the
    end its first; a bound inside a gap is the instant of the change. None where nothing is left.
    """
    if not representable(day):
        return None
    opens = readings(day, start, tz)[1]
    closes = readings(day if end > start else day + DAY, end, tz)[0]
    return (opens, closes) if opens < closes else None


@lru_cache(maxsize=4096)
def ordinary_offset(day: date, tz: tzinfo) -> timedelta | None:
    """Return the one UTC offset in force from midnight to midnight, None if the clocks change.

    On a day with an offset, `local - offset` is the UTC instant of every wall time.
    """
    midnight = datetime.combine(day, MIDNIGHT, tz)
    offsets = {
        (midnight + probe).replace(fold=fold).utcoffset() for probe in _PROBES for fold in (0, 1)
    }
    return offsets.pop() if len(offsets) == 1 else None


def covers(span: LocalSpan, wall: time) -> bool:
    """Return whether this wall time lies in the half-open span, which may wrap past midnight."""
    if span.from_ < span.to:
        return span.from_ <= wall < span.to
    return wall >= span.from_ or wall < span.to


def in_quiet_hours(at: datetime, tz: tzinfo, quiet: Iterable[LocalSpan]) -> bool:
    """Return whether the patient's wall clock reads a quiet time at this instant."""
    wall = at.astimezone(tz).time()
    return any(covers(span, wall) for span in quiet)


def _change_between(before: datetime, after: datetime, tz: tzinfo) -> datetime:
    """Return the first whole second after `before`, up to `after`, with another UTC offset."""
    start = before.replace(microsecond=0)
    old = start.astimezone(tz).utcoffset()
    low, high = 0, -((start - after) // timedelta(seconds=1))
    while high - low > 1:
        middle = (low + high) // 2
        if (start + timedelta(seconds=middle)).astimezone(tz).utcoffset() == old:
            low = middle
        else:
            high = middle
    return start + timedelta(seconds=high)
