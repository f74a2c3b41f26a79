"""Protocol and day to windows and slots."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from engine.localtime import readings, zone
from engine.planning import Dropped, plan_day, plan_days, prompt_id
from engine.protocol import parse_protocol
from engine.triggers import WEEKDAYS

FIRST = date(2020, 1, 1)
MONDAY = date(2027, 5, 31)
BERLIN = zone("Europe/Berlin")
ENROLMENT = UUID("00000000-0000-4000-8000-000000000001")
FOUR = [{"from": f"{h:02d}:00", "to": f"{h + 3:02d}:00"} for h in (9, 12, 15, 18)]


def protocol(*triggers, quiet=(("21:30", "08:00"),), per_day=None, min_gap="0m", expires="20m"):
    return parse_protocol(
        {
            "schema": "welltimed-protocol/1",
            "name": "test",
            "quiet_hours": [{"from": start, "to": end} for start, end in quiet],
            "limits": {"per_day": per_day, "min_gap": min_gap},
            "assignments": [
                {"content": f"item-{n}", "trigger": trigger, "expires_after": expires}
                for n, trigger in enumerate(triggers)
            ],
        }
    )


def window(start, end, **more):
    return {"kind": "window", "windows": [{"from": start, "to": end}], **more}


def local(slots, tz=BERLIN):
    return [f"{at.astimezone(tz):%H:%M}" for at in slots]


def test_four_windows_of_three_hours_have_twelve_slots_each():
    plan = plan_day(
        protocol({"kind": "window", "windows": FOUR, "timing": "adaptive", "within": "30m"}),
        MONDAY,
        BERLIN,
        first_day=FIRST,
    )
    assert [len(one.slots) for one in plan.windows] == [12] * 4
    assert plan.dropped == ()
    second = plan.windows[1]
    assert (second.assignment, second.content, second.window) == ("item-0", "item-0", 1)
    assert (second.timing, second.within, second.objective) == (
        "adaptive",
        timedelta(minutes=30),
        "answered",
    )
    assert (second.start_at, second.end_at) == (
        datetime(2027, 5, 31, 10, tzinfo=UTC),
        datetime(2027, 5, 31, 13, tzinfo=UTC),
    )
    assert local(second.slots)[:3] == ["12:00", "12:15", "12:30"]


def test_slots_inside_quiet_hours_are_left_out():
    plan = plan_day(protocol(window("20:30", "23:00")), MONDAY, BERLIN, first_day=FIRST)
    assert local(plan.windows[0].slots) == ["20:30", "20:45", "21:00", "21:15"]


def test_a_window_may_end_at_midnight():
    planned = protocol(window("23:00", "24:00"), quiet=())
    (only,) = plan_day(planned, MONDAY, BERLIN, first_day=FIRST).windows
    assert local(only.slots) == ["23:00", "23:15", "23:30", "23:45"]
    assert only.end_at == datetime(2027, 5, 31, 22, tzinfo=UTC)


def test_a_window_may_end_at_midnight_on_a_day_of_clock_change():
    planned = protocol(window("23:00", "24:00", slot="30m"), quiet=())
    (only,) = plan_day(planned, date(2027, 3, 28), BERLIN, first_day=FIRST).windows
    assert local(only.slots) == ["23:00", "23:30"]
    assert only.end_at == datetime(2027, 3, 28, 22, tzinfo=UTC)


def test_set_times_exactly_the_minimum_gap_apart_are_both_kept():
    planned = protocol({"kind": "fixed", "at": ["20:00", "20:45"]}, min_gap="45m")
    plan = plan_day(planned, MONDAY, BERLIN, first_day=FIRST)
    assert [local(one.slots) for one in plan.windows] == [["20:00"], ["20:45"]]


def test_a_set_time_is_one_slot_open_until_expiry():
    (only,) = plan_day(
        protocol({"kind": "fixed", "at": ["20:00"]}, expires="90m"), MONDAY, BERLIN, first_day=FIRST
    ).windows
    assert only.slots == (only.start_at,) == (datetime(2027, 5, 31, 18, tzinfo=UTC),)
    assert only.end_at - only.start_at == only.expires_after == timedelta(minutes=90)
    assert (only.timing, only.within) == ("fixed", timedelta(minutes=15))


def test_days_of_the_week_are_kept():
    planned = protocol(
        {"kind": "fixed", "at": ["20:00"], "days": ["sun", "wed"]},
        window("09:00", "12:00", days=["mon"]),
    )
    plans = plan_days(planned, MONDAY, 7, BERLIN, FIRST)
    asked = [
        (WEEKDAYS[one.local_date.weekday()], one.assignment)
        for plan in plans
        for one in plan.windows
    ]
    assert asked == [("mon", "item-1"), ("wed", "item-0"), ("sun", "item-0")]


def test_an_interval_counts_from_the_first_day_across_changes_of_clocks():
    planned = protocol({"kind": "interval", "every": "14d", "at": "18:00"})
    first = date(2027, 3, 20)
    plans = plan_days(planned, first, 60, BERLIN, first)
    assert [one.local_date.isoformat() for plan in plans for one in plan.windows] == [
        "2027-03-20",
        "2027-04-03",
        "2027-04-17",
        "2027-05-01",
        "2027-05-15",
    ]
    assert {local(one.slots)[0] for plan in plans for one in plan.windows} == {"18:00"}


def test_nothing_is_planned_before_the_first_day():
    planned = protocol(
        {"kind": "interval", "every": "14d", "at": "18:00"}, window("09:00", "12:00")
    )
    plan = plan_day(planned, MONDAY, BERLIN, first_day=MONDAY + timedelta(days=14))
    assert (plan.windows, plan.dropped) == ((), ())


def test_the_cap_drops_what_the_protocol_lists_last():
    planned = protocol(
        {"kind": "window", "windows": FOUR}, {"kind": "fixed", "at": ["08:30"]}, per_day=3
    )
    plan = plan_day(planned, MONDAY, BERLIN, first_day=FIRST)
    assert [one.window for one in plan.windows] == [0, 1, 2]
    assert plan.dropped == (
        Dropped("item-0", MONDAY, 3, "per_day cap"),
        Dropped("item-1", MONDAY, 0, "per_day cap"),
    )


def test_set_times_pushed_together_by_a_change_of_clocks_lose_the_later():
    planned = protocol({"kind": "fixed", "at": ["03:15", "02:30"]}, quiet=(), min_gap="30m")
    plan = plan_day(planned, date(2027, 3, 28), BERLIN, first_day=FIRST)
    assert [local(one.slots) for one in plan.windows] == [["03:15"]]
    assert plan.dropped == (Dropped("item-0", date(2027, 3, 28), 1, "min_gap"),)


@pytest.mark.parametrize(
    ("start", "end", "slot", "day", "slots"),
    [
        ("01:30", "03:30", "15m", date(2027, 3, 28), ["01:30", "01:45", "03:00", "03:15"]),
        ("02:15", "03:30", "15m", date(2027, 3, 28), ["03:00", "03:15"]),
        ("00:00", "02:30", "30m", date(2027, 3, 28), ["00:00", "00:30", "01:00", "01:30"]),
        ("01:30", "03:30", "30m", date(2027, 10, 31), ["01:30", "02:00", "02:30", "03:00"]),
        ("02:30", "04:00", "30m", date(2027, 10, 31), ["02:30", "03:00", "03:30"]),
        ("02:00", "03:00", "30m", date(2027, 10, 31), ["02:00", "02:30"]),
    ],
)
def test_slots_on_a_day_of_clock_change_are_exactly_these(start, end, slot, day, slots):
    planned = protocol(window(start, end, slot=slot), quiet=())
    (only,) = plan_day(planned, day, BERLIN, first_day=FIRST).windows
    assert local(only.slots) == slots
    assert all(at == readings(day, at.astimezone(BERLIN).time(), BERLIN)[0] for at in only.slots)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2027, 3, 28), "2027-03-28T00:30", "2027-03-28T01:30"),
        (date(2027, 10, 31), "2027-10-30T23:30", "2027-10-31T02:30"),
    ],
)
def test_a_window_across_a_change_of_clocks_is_half_open_in_utc(day, opens, closes):
    planned = protocol(window("01:30", "03:30", slot="30m"), quiet=())
    (only,) = plan_day(planned, day, BERLIN, first_day=FIRST).windows
    assert [f"{at:%Y-%m-%dT%H:%M}" for at in (only.start_at, only.end_at)] == [opens, closes]
    assert only.slots[0] == only.start_at
    assert only.slots[-1] == only.end_at - timedelta(minutes=30)


def test_a_date_lived_twice_across_the_date_line_has_its_prompts_once():
    planned = protocol({"kind": "window", "windows": FOUR}, {"kind": "fixed", "at": ["20:00"]})

    def prompts(name):
        plan = plan_day(planned, MONDAY, zone(name), first_day=FIRST)
        keys = [prompt_id(ENROLMENT, one.assignment, MONDAY, one.window) for one in plan.windows]
        return keys, [one.start_at for one in plan.windows]

    (apia, apia_at), (honolulu, honolulu_at) = prompts("Pacific/Apia"), prompts("Pacific/Honolulu")
    assert apia == honolulu
    assert {later - earlier for earlier, later in zip(apia_at, honolulu_at, strict=True)} == {
        timedelta(hours=23)
    }


def test_a_window_inside_the_gap_is_dropped_with_its_reason():
    day = date(2027, 3, 28)
    plan = plan_day(protocol(window("02:00", "03:00"), quiet=()), day, BERLIN, first_day=FIRST)
    assert plan.dropped == (Dropped("item-0", day, 0, "clock change"),)


def test_a_set_time_that_the_gap_would_move_into_quiet_hours_is_dropped():
    planned = protocol({"kind": "fixed", "at": ["02:30"]}, quiet=[("03:15", "08:00")])
    plan = plan_day(planned, date(2027, 3, 28), BERLIN, first_day=FIRST)
    assert (plan.windows, plan.dropped[0].reason) == ((), "clock change")


def test_a_day_that_does_not_exist_has_no_prompts():
    planned = protocol({"kind": "window", "windows": FOUR}, {"kind": "fixed", "at": ["20:00"]})
    plan = plan_day(planned, date(2011, 12, 30), zone("Pacific/Apia"), first_day=date(2011, 1, 1))
    assert plan.windows == ()
    assert [one.reason for one in plan.dropped] == ["clock change"] * 5


def test_a_prompt_has_one_id_for_ever():
    assert prompt_id(ENROLMENT, "phq9", MONDAY, 0) == UUID("62cb56fa-bb29-52a1-bc3c-6d405a8d081f")
    others = {
        prompt_id(ENROLMENT, "phq9", MONDAY, 1),
        prompt_id(ENROLMENT, "phq9", date(2027, 6, 1), 0),
        prompt_id(ENROLMENT, "phq9.b", MONDAY, 0),
        prompt_id(UUID(int=2), "phq9", MONDAY, 0),
    }
    assert len(others | {prompt_id(ENROLMENT, "phq9", MONDAY, 0)}) == 5
