"""Courses aimed at the edge: every part of a protocol, rules of patients, events, odd days."""

import os
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from strategies import DAY, change_days, early_quarters, quarters, windows

from engine.localtime import zone
from engine.protocol import StudyProtocol
from engine.rules import PatientRules

SWEEP_ALL = os.environ.get("WELLTIMED_SWEEP") == "all"
"""Whether everything is to be tried, as by `make sweep`, and not a sample."""

EARLIEST_WRITTEN = date(1970, 1, 1)
EVENTS = ("first-session", "relapse")
PHASES = ("waiting", "treatment", "aftercare")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Course(NamedTuple):
    """What a day's plan depends on."""

    protocol: StudyProtocol
    day: date
    tz: ZoneInfo
    first_day: date
    milestones: dict[str, date]
    rules: PatientRules


def a_protocol(*assignments: dict[str, Any], **whole: Any) -> StudyProtocol:
    """Return a protocol of these assignments; `content` is filled in where it is left out."""
    return StudyProtocol.model_validate(
        {"schema": "welltimed-protocol/1", "name": "test"}
        | whole
        | {
            "assignments": [
                {"content": f"item-{number}"} | one for number, one in enumerate(assignments)
            ]
        }
    )


wall = (early_quarters | quarters).map(lambda at: at.strftime("%H:%M"))
weekdays = st.lists(st.sampled_from(WEEK), min_size=4, unique=True)
gaps = st.sampled_from(["0m", "15m", "20m", "45m", "3h"])
events = st.sampled_from([*EVENTS, "enrolment"])
counts = st.integers(1, 5)
spans = st.sampled_from(
    ["21:30 08:00", "00:00 02:00", "02:30 03:30", "12:00 13:00", "01:15 01:45", "05:00 24:00"]
).map(lambda span: dict(zip(("from", "to"), span.split(), strict=True)))

window_triggers = st.fixed_dictionaries(
    {"kind": st.just("window"), "windows": windows()},
    optional={
        "slot": st.sampled_from(["15m", "25m", "60m"]),
        "timing": st.sampled_from(["uniform", "adaptive"]),
        "objective": st.sampled_from(["answered", "completed", "relevance"]),
        "per_window": st.integers(1, 4),
        "gap": gaps,
        "days": weekdays,
    },
)
times = st.lists(wall, min_size=1, max_size=4, unique=True)
fixed_triggers = st.fixed_dictionaries(
    {"kind": st.just("fixed"), "at": times}, optional={"days": weekdays}
)
chance_triggers = st.fixed_dictionaries(
    {
        "kind": st.just("micro_randomised"),
        "at": times,
        "probability": st.sampled_from([0.1, 0.5, 0.9]),
    },
    optional={"days": weekdays},
)
interval_triggers = st.fixed_dictionaries(
    {"kind": st.just("interval"), "every": st.sampled_from(["1d", "2d", "7d"]), "at": wall},
    optional={"anchor": events},
)
unplanned_triggers = st.sampled_from(
    [
        {"kind": "patient_initiated"},
        {"kind": "event", "when": {"report": "smoked"}, "delay": "5m", "per_day": 2},
    ]
)
triggers = st.one_of(
    window_triggers, window_triggers, fixed_triggers, chance_triggers, interval_triggers,
    unplanned_triggers,
)  # fmt: skip


def near(day: date, spread: int = 10) -> st.SearchStrategy[date]:
    """Dates around a day."""
    return st.integers(-spread, spread).map(lambda days: day + days * DAY)


def written_near(day: date, spread: int = 10) -> st.SearchStrategy[str]:
    """Dates around a day, as a document may write them."""
    return near(day, spread).map(lambda one: max(one, EARLIEST_WRITTEN).isoformat())


def calendars(day: date) -> st.SearchStrategy[dict[str, Any]]:
    """Nothing, or one of the parts that leave out days, whose dates lie around this day."""
    written = written_near(day)
    dates = st.fixed_dictionaries(
        {}, optional={"from": written, "to": written, "except": st.lists(written)}
    )
    bursts = st.fixed_dictionaries(
        {"on": st.sampled_from(["1d", "3d"]), "off": st.sampled_from(["1d", "4d"])},
        optional={"anchor": events},
    )
    return st.one_of(
        st.just({}),
        st.just({}),
        st.builds(lambda names: {"phases": names}, st.lists(st.sampled_from(PHASES), unique=True)),
        st.builds(lambda dates: {"dates": dates}, dates),
        st.builds(lambda bursts: {"bursts": bursts}, bursts),
    )


def assignments(day: date) -> st.SearchStrategy[dict[str, Any]]:
    """Assignments with every part."""
    others = st.fixed_dictionaries(
        {"trigger": triggers, "expires_after": st.just("20m")},
        optional={
            "per_day": counts,
            "priority": st.sampled_from([1, 50, 90]),
            "reminders": st.just(["5m", "10m"]),
            "sampling": st.just("representative"),
        },
    )
    return st.builds(lambda one, calendar: one | calendar, others, calendars(day))


def phases() -> st.SearchStrategy[list[dict[str, Any]]]:
    """None, one, two or three phases, the last of which may fade."""
    course = [
        {"name": "waiting", "until": "first-session"},
        {"name": "treatment", "days": "6d"},
        {"name": "aftercare", "days": "9d", "fade": {"to_share": 0.0}},
    ]
    return st.sampled_from([[], course[:1], course[:2], course, course[1:], course[2:]])


def rules(day: date) -> st.SearchStrategy[PatientRules]:
    """Rules of a patient; half have none of each kind."""
    written = written_near(day, 3)
    return st.fixed_dictionaries(
        {},
        optional={
            "quiet_hours": st.lists(spans, max_size=2),
            "pauses": st.lists(
                st.fixed_dictionaries({"from": written}, optional={"to": written}), max_size=1
            ),
            "per_day": counts,
            "without": st.lists(st.sampled_from(["item-0", "item-2"]), unique=True),
        },
    ).map(PatientRules.model_validate)


ordinary_days = st.tuples(
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.dates(min_value=date(1970, 1, 1), max_value=date(2037, 12, 31)),
)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Draw a course and a day near its beginning, half of them at a change of clocks."""
    name, day = draw(change_days() | ordinary_days)
    limits = {"per_day": draw(st.none() | counts), "min_gap": draw(gaps)}
    protocol = a_protocol(
        *draw(st.lists(assignments(day), min_size=2, max_size=4)),
        quiet_hours=draw(st.lists(spans, max_size=1)),
        limits=limits,
        phases=draw(phases()),
    )
    return Course(
        protocol=protocol,
        day=day,
        tz=zone(name),
        first_day=day - draw(st.integers(-1, 20)) * DAY,
        milestones=draw(st.dictionaries(st.sampled_from(EVENTS), near(day))),
        rules=draw(rules(day)),
    )


def examples(count: int) -> settings:
    """Return settings with so many examples, ten times as many in the whole sweep."""
    return settings(max_examples=count * (10 if SWEEP_ALL else 1), deadline=None)
