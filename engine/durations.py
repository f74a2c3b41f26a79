"""Durations, wall times and dates as people write them: "45m", "14d", "09:30", "2027-03-28".

The annotated types at the end are what the protocol document is made of. They read the written
form (or the Python value), and write the canonical form back.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_DURATION = re.compile(r"([0-9]{1,6})([dhms])")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_HOW_TO_WRITE_A_DURATION = 'write a whole number and a unit: "90s", "45m", "4h" or "14d"'
_HOW_TO_WRITE_A_TIME = 'write the time in quotes as "HH:MM", such as "09:30"'
_HOW_TO_WRITE_A_DATE = (
    f'write a day from {_FIRST_YEAR} to {_LAST_YEAR} as "YYYY-MM-DD", such as "2027-03-28"'
)


def parse_duration(written: object) -> timedelta:
    """Return the duration written as a whole number and a unit; a timedelta is passed through.

    Raises ValueError saying how to write one.
    """
    if isinstance(written, timedelta):
        return written
    match = _DURATION.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f"{_short(written)} is not a duration; {_HOW_TO_WRITE_A_DURATION}")
    return int(match[1]) * _UNITS[match[2]]


def parse_days(written: object) -> timedelta:
    """Return the duration, which may also be written as a plain number of days: 84 for "84d".

    Raises ValueError as `parse_duration` does.
    """
    if isinstance(written, int) and not isinstance(written, bool) and 0 <= written < 1_000_000:
        return timedelta(days=written)
    return parse_duration(written)


def format_duration(length: timedelta) -> str:
    """Return the canonical form: the largest unit that divides the length, minutes for none.

    Raises ValueError for a length that is negative or not in whole seconds.
    """
    if length < timedelta(0) or length.microseconds:
        raise ValueError(f"{length!r} cannot be written; only whole seconds from 0s up can")
    if not length:
        return "0m"
    unit = next(name for name, unit in _UNITS.items() if not length % unit)
    return f"{length // _UNITS[unit]}{unit}"


def parse_time(written: object) -> time:
    """Return the wall time written as "HH:MM"; a naive time in whole minutes is passed through.

    Raises ValueError saying how to write one. YAML reads an unquoted 21:30 as the number 1290.
    """
    if isinstance(written, time) and written == time(written.hour, written.minute):
        return written
    if isinstance(written, int) and not isinstance(written, bool) and 0 <= written <= 24 * 60:
        meant = f"{written // 60:02d}:{written % 60:02d}"
        raise ValueError(f'{written} is not a time; write the time in quotes: "{meant}"')
    match = _TIME.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f"{_short(written)} is not a time; {_HOW_TO_WRITE_A_TIME}")
    return time(int(match[1]), int(match[2]))


def parse_end(written: object) -> time:
    """Return a wall time that ends something; "24:00" and "00:00" are midnight at the day's end.

    Raises ValueError as `parse_time` does.
    """
    return time(0) if written == "24:00" else parse_time(written)


def parse_date(written: object) -> date:
    """Return the date written as "YYYY-MM-DD", from 1970 to 2199; a date is passed through.

    Raises ValueError saying how to write one.
    """
    if isinstance(written, date) and not isinstance(written, datetime):
        found: date | None = written
    else:
        found = _date_in(written) if isinstance(written, str) else None
    if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"{_short(written)} is not a date; {_HOW_TO_WRITE_A_DATE}")
    return found


def _date_in(written: str) -> date | None:
    match = _DATE.fullmatch(written)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:  # no such day
        return None


def format_time(at: time) -> str:
    """Return the wall time as "HH:MM"."""
    return f"{at.hour:02d}:{at.minute:02d}"


def format_end(at: time) -> str:
    """Return the wall time as "HH:MM", midnight as "24:00"."""
    return format_time(at) if at > time(0) else "24:00"


def between(low: str, high: str, *, whole: str = "m") -> Callable[[timedelta], timedelta]:
    """Return a check that a duration lies in [low, high] and is whole in the unit (m or d)."""
    least, most, unit = parse_duration(low), parse_duration(high), _UNITS[whole]
    named = {"m": "minutes", "d": "days"}[whole]

    def check(length: timedelta) -> timedelta:
        if length % unit:
            raise ValueError(f"must be whole {named}, from {low} to {high}")
        if not least <= length <= most:
            raise ValueError(
                f"{format_duration(abs(length))} is out of range; from {low} to {high}"
            )
        return length

    return check


def _short(written: object) -> str:
    """Return a few characters of the input, enough to find it and never a flood."""
    text = (
        repr(written) if isinstance(written, str | int | float | None) else type(written).__name__
    )
    return text if len(text) <= 40 else text[:37] + "..."


_written = PlainSerializer(format_duration, return_type=str)
WallTime = Annotated[
    time, BeforeValidator(parse_time), PlainSerializer(format_time, return_type=str)
]
EndTime = Annotated[time, BeforeValidator(parse_end), PlainSerializer(format_end, return_type=str)]
Gap = Annotated[
    timedelta, BeforeValidator(parse_duration), AfterValidator(between("0m", "24h")), _written
]
Minutes = Annotated[
    timedelta, BeforeValidator(parse_duration), AfterValidator(between("1m", "24h")), _written
]
SlotLength = Annotated[
    timedelta, BeforeValidator(parse_duration), AfterValidator(between("5m", "60m")), _written
]
WholeDays = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(between("1d", "366d", whole="d")),
    _written,
]
PhaseDays = Annotated[
    timedelta,
    BeforeValidator(parse_days),
    AfterValidator(between("1d", "3660d", whole="d")),
    _written,
]
Cooldown = Annotated[
    timedelta, BeforeValidator(parse_duration), AfterValidator(between("0m", "14d")), _written
]
PlainDate = Annotated[
    date, BeforeValidator(parse_date), PlainSerializer(date.isoformat, return_type=str)
]
