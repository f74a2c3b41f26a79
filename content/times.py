"""Local times of day as text."""

import re

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LOOSE = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")


def is_time(value: object) -> bool:
    """Return whether `value` is text of the form `HH:MM` from 00:00 to 23:59."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def normal_time(value: object) -> str | None:
    """Return the time as `HH:MM` (7:05 becomes 07:05), or None if it is no time of day."""
    if not isinstance(value, str) or _LOOSE.fullmatch(value) is None:
        return None
    return value.rjust(5, "0")
