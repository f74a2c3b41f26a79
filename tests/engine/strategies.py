"""Strategies aimed at the edge: days on which clocks change, quarter hours, touching bounds."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from engine.localtime import zone

DAY = timedelta(days=1)

CHANGEABLE = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "America/Caracas",
    "America/Nuuk",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Enderbury",
    "Pacific/Kwajalein",
)


class Change(NamedTuple):
    """A change of clocks: the first instant after it, and the offsets on its two sides."""

    at: datetime
    before: timedelta
    after: timedelta


@cache
def changes(
    name: str, first: int = 1970, last: int = 2037, step_days: int = 5
) -> tuple[Change, ...]:
    """Return the zone's changes of clocks in these years, at most one in each step."""
    tz, step = zone(name), timedelta(days=step_days)
    found, at = [], datetime(first, 1, 1, tzinfo=UTC)
    offset = _offset(at, tz)
    while at.year <= last:
        if (following := _offset(at + step, tz)) != offset:
            found.append(Change(_search(at, at + step, tz), offset, following))
        at, offset = at + step, following
    return tuple(found)


def _offset(at: datetime, tz: ZoneInfo) -> timedelta:
    offset = at.astimezone(tz).utcoffset()
    assert offset is not None
    return offset


def _search(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    old = _offset(low, tz)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(middle, tz) == old else (low, middle)
    return high


@st.composite
def change_days(draw: st.DrawFn) -> tuple[str, date]:
    """A zone and a local day on which its clocks change, or the day before or after."""
    name = draw(st.sampled_from(CHANGEABLE))
    change = draw(st.sampled_from(changes(name)))
    local = (change.at + draw(st.sampled_from((change.before, change.after)))).date()
    return name, local + draw(st.sampled_from((0, 0, 0, -1, 1))) * DAY


any_days = st.tuples(
    st.sampled_from(CHANGEABLE), st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))
)
zone_days = change_days() | change_days() | any_days
"""Two in three lie at a change of clocks, the rest anywhere in the calendar."""

quarters = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
early_quarters = st.integers(0, 20).map(lambda n: time(n // 4, n % 4 * 15))
walls = early_quarters | quarters | st.sampled_from([time(0), time(23, 45), time(23, 59)])
"""Wall times, mostly of the hours in which clocks change."""


def written(minute: int) -> str:
    """Return a minute of the day as "HH:MM"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def windows(draw: st.DrawFn) -> list[dict[str, str]]:
    """One to four windows that do not overlap; half the time close to midnight and touching."""
    ends = draw(
        st.lists(st.integers(0, 24) | st.integers(0, 96), min_size=2, max_size=5, unique=True)
    )
    cuts = sorted(ends)
    return [{"from": written(15 * a), "to": written(15 * b)} for a, b in pairwise(cuts)]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """A protocol document that is well formed; its parts may contradict each other."""
    wall = walls.map(lambda at: at.strftime("%H:%M"))
    trigger = st.one_of(
        st.fixed_dictionaries(
            {"kind": st.just("window"), "windows": windows()},
            optional={
                "slot": st.sampled_from(["5m", "15m", "25m", "60m"]),
                "timing": st.sampled_from(["uniform", "adaptive"]),
                "objective": st.sampled_from(["answered", "completed"]),
                "within": st.sampled_from(["1m", "30m", "24h"]),
                "days": st.lists(
                    st.sampled_from(["mon", "wed", "sat", "sun"]), min_size=1, unique=True
                ),
            },
        ),
        st.fixed_dictionaries(
            {"kind": st.just("fixed"), "at": st.lists(wall, min_size=1, max_size=4, unique=True)}
        ),
        st.fixed_dictionaries(
            {"kind": st.just("interval"), "every": st.sampled_from(["1d", "14d"]), "at": wall}
        ),
    )
    triggers = draw(st.lists(trigger, min_size=1, max_size=3))
    quiet = st.fixed_dictionaries({"from": wall, "to": wall | st.just("24:00")})
    return {
        "schema": "welltimed-protocol/1",
        "name": "drawn",
        "quiet_hours": draw(st.lists(quiet, max_size=2)),
        "limits": {
            "per_day": draw(st.none() | st.integers(1, 6)),
            "min_gap": draw(st.sampled_from(["0m", "20m", "45m", "3h"])),
        },
        "assignments": [
            {"content": f"item-{number}", "trigger": trigger, "expires_after": "20m"}
            for number, trigger in enumerate(triggers)
        ],
    }


EVENTS = st.sampled_from(["enrolment", "first-session", "relapse"])
SPANS = st.sampled_from(["1d", "7d", "14d", "28d", "366d"])
NAMED_DAYS = st.lists(
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True
)
CALENDAR = st.dates(date(2026, 12, 25), date(2027, 1, 7)).map(date.isoformat)


def triggers() -> st.SearchStrategy[dict[str, object]]:
    """A trigger of any kind with any of its keys."""
    wall = walls.map(lambda at: at.strftime("%H:%M"))
    times = st.lists(wall, min_size=1, max_size=4, unique=True)
    count = st.integers(1, 100)
    condition = st.one_of(
        st.fixed_dictionaries(
            {
                key: st.sampled_from(["item-0.total", "item-1.sad", "my.item.a_B-1"]),
                "value": st.integers(-5, 5) | st.floats(-1e9, 1e9),
            },
            optional={"op": st.sampled_from(["lt", "le", "eq", "ne", "ge", "gt"])},
        )
        for key in ("score", "item")
    ) | st.one_of(
        st.fixed_dictionaries({"report": EVENTS}),
        st.fixed_dictionaries({"missed": st.sampled_from(["item-0", "item-1", "item-9"])}),
    )
    return st.one_of(
        st.fixed_dictionaries(
            {"kind": st.just("window"), "windows": windows()},
            optional={
                "per_window": st.integers(1, 5),
                "gap": st.sampled_from(["0m", "20m", "45m", "3h"]),
                "slot": st.sampled_from(["5m", "15m", "25m", "60m"]),
                "timing": st.sampled_from(["uniform", "adaptive"]),
                "objective": st.sampled_from(["answered", "completed", "relevance"]),
                "within": st.sampled_from(["1m", "30m", "24h"]),
                "days": NAMED_DAYS,
            },
        ),
        st.fixed_dictionaries(
            {"kind": st.just("fixed"), "at": times}, optional={"days": NAMED_DAYS}
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("micro_randomised"),
                "at": times,
                "probability": st.floats(0.01, 0.99),
            },
            optional={"days": NAMED_DAYS, "within": st.sampled_from(["5m", "60m"])},
        ),
        st.fixed_dictionaries(
            {"kind": st.just("interval"), "every": SPANS, "at": wall}, optional={"anchor": EVENTS}
        ),
        st.fixed_dictionaries(
            {"kind": st.just("event"), "when": condition},
            optional={
                "delay": st.sampled_from(["0m", "5m", "24h"]),
                "cooldown": st.sampled_from(["0m", "4h", "14d"]),
                "per_day": count,
            },
        ),
        st.fixed_dictionaries({"kind": st.just("patient_initiated")}, optional={"per_day": count}),
    )


def phases() -> st.SearchStrategy[dict[str, object]]:
    """A phase of some days, until an event, or without an end."""
    name = {"name": st.sampled_from(["waiting", "treatment", "aftercare"])}
    fade = st.fixed_dictionaries({"to_share": st.floats(0, 1) | st.integers(0, 1)})
    return st.one_of(
        st.fixed_dictionaries(name),
        st.fixed_dictionaries(name | {"until": EVENTS}),
        st.fixed_dictionaries(name | {"days": SPANS}, optional={"fade": fade}),
    )


def assignments() -> st.SearchStrategy[dict[str, object]]:
    """An assignment with a trigger of any kind and any of its keys but an id."""
    return st.fixed_dictionaries(
        {"trigger": triggers()},
        optional={
            "expires_after": st.sampled_from(["1m", "20m", "60m", "24h"]),
            "reminders": st.lists(st.sampled_from(["5m", "15m", "30m", "60m"]), max_size=3),
            "phases": st.lists(
                st.sampled_from(["waiting", "treatment", "aftercare"]), max_size=2, unique=True
            ),
            "dates": st.fixed_dictionaries(
                {},
                optional={
                    "from": CALENDAR,
                    "to": CALENDAR,
                    "except": st.lists(CALENDAR, max_size=3),
                },
            ),
            "bursts": st.fixed_dictionaries(
                {"on": SPANS, "off": SPANS}, optional={"anchor": EVENTS}
            ),
            "per_day": st.integers(1, 6),
            "priority": st.integers(1, 100),
            "sampling": st.just("representative"),
        },
    )


@st.composite
def full_documents(draw: st.DrawFn) -> dict[str, object]:
    """A document with every part there is, well formed; its parts may contradict each other."""
    document = draw(documents())
    drawn = draw(st.lists(assignments(), min_size=1, max_size=4))
    document["assignments"] = [
        {"content": f"item-{number}", **one} for number, one in enumerate(drawn)
    ]
    if draw(st.booleans()):
        document["phases"] = draw(st.lists(phases(), max_size=3))
    return document
