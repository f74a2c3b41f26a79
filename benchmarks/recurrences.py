"""The schedule of the planning benchmark as others would write it: cron expressions and rrules.

They know no windows, quiet hours, caps or rules of patients; only the instants are the same.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from zoneinfo import ZoneInfo

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

Recurrence = Callable[[date, int], list[datetime]]
"""First day and number of days to all instants in UTC."""

WINDOW_HOURS = 3
EVENING = (21, 15)


def recurrences(
    hours: Sequence[int], evenings: Sequence[str], tz: ZoneInfo
) -> dict[str, Recurrence]:
    """Return each way that is installed, for windows at these hours and evenings of these days."""
    first, last = hours[0], hours[-1] + WINDOW_HOURS

    def from_cron(day: date, days: int) -> list[datetime]:
        return _from_cron(range(first, last), evenings, tz, day, days)

    def from_rrule(day: date, days: int) -> list[datetime]:
        return _from_rrule(range(first, last), evenings, tz, day, days)

    ways: dict[str, Recurrence] = {"apscheduler": from_cron}
    if find_spec("dateutil") is not None:
        ways["rrule"] = from_rrule
    return ways


def _from_cron(
    hours: range, evenings: Sequence[str], tz: ZoneInfo, first: date, days: int
) -> list[datetime]:
    hour, minute = EVENING
    either = OrTrigger(
        [
            CronTrigger(hour=f"{hours[0]}-{hours[-1]}", minute="*/15", timezone=tz),
            CronTrigger(day_of_week=",".join(evenings), hour=hour, minute=minute, timezone=tz),
        ]
    )
    now = datetime(first.year, first.month, first.day, tzinfo=tz)
    end = now + timedelta(days=days)
    found: list[datetime] = []
    fires = either.get_next_fire_time(None, now)
    while fires is not None and fires < end:
        found.append(fires.astimezone(UTC))
        # One microsecond on, or the trigger that did not fire last would be asked for the past.
        fires = either.get_next_fire_time(fires, fires + timedelta(microseconds=1))
    return found


def _from_rrule(
    hours: range, evenings: Sequence[str], tz: ZoneInfo, first: date, days: int
) -> list[datetime]:
    rules = import_module("dateutil.rrule")
    start = datetime(first.year, first.month, first.day, tzinfo=tz)
    given = {"dtstart": start, "until": start + timedelta(days=days, seconds=-1), "bysecond": 0}
    hour, minute = EVENING
    weekdays = [getattr(rules, name[:2].upper()) for name in evenings]
    either = rules.rruleset()
    either.rrule(rules.rrule(rules.DAILY, byhour=hours, byminute=range(0, 60, 15), **given))
    either.rrule(
        rules.rrule(rules.DAILY, byweekday=weekdays, byhour=hour, byminute=minute, **given)
    )
    return [at.astimezone(UTC) for at in either]
