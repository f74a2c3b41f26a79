"""Each part of a protocol and each rule of a patient, by example."""

from datetime import UTC, date, datetime, timedelta

import pytest
from planning_strategies import a_protocol

from engine import planning
from engine.localtime import zone
from engine.planning import plan_day, plan_days
from engine.rules import PatientRules

MONDAY = date(2027, 5, 31)
DAY = timedelta(days=1)
BERLIN = zone("Europe/Berlin")
EVENING = {"trigger": {"kind": "fixed", "at": ["20:00"]}}
MORNINGS = [{"from": "09:00", "to": "12:00"}]
COURSE = [
    {"name": "waiting", "until": "first-session"},
    {"name": "treatment", "days": "14d"},
    {"name": "aftercare", "days": "5d", "fade": {"to_share": 0.2}},
]


def fixed(*at, **more):
    return {"trigger": {"kind": "fixed", "at": list(at)}} | more


def window(per_window=1, spans=MORNINGS, **more):
    return {"trigger": {"kind": "window", "windows": spans, "per_window": per_window, **more}}


def plan(protocol, day=MONDAY, first_day=MONDAY, **more):
    return plan_day(protocol, day, BERLIN, first_day=first_day, **more)


def days_asked(protocol, first=MONDAY, days=60, first_day=MONDAY, **more):
    plans = plan_days(protocol, first, days, BERLIN, first_day, **more)
    return [(one.local_date - first).days for each in plans for one in each.windows]


def clock(plan):
    return [f"{one.slots[0].astimezone(BERLIN):%H:%M}" for one in plan.windows]


def reasons(plan):
    return [(one.assignment, one.window, one.reason) for one in plan.dropped]


def rules(**written):
    return PatientRules.model_validate(written)


def test_what_waits_for_an_event_or_the_patient_is_not_planned():
    protocol = a_protocol(
        {"trigger": {"kind": "patient_initiated"}},
        {"trigger": {"kind": "event", "when": {"report": "smoked"}}},
        EVENING,
    )
    assert [one.assignment for one in plan(protocol).windows] == ["item-2"]
    assert plan(protocol).dropped == ()


def test_a_decision_point_is_one_slot_with_a_probability_of_being_sent():
    trigger = {"kind": "micro_randomised", "at": ["10:00"], "probability": 0.4, "within": "30m"}
    (only,) = plan(a_protocol({"trigger": trigger})).windows
    assert only.slots == (datetime(2027, 5, 31, 8, tzinfo=UTC),)
    assert (only.timing, only.probability) == ("micro_randomised", 0.4)
    assert only.within == timedelta(minutes=30)
    assert only.end_at - only.start_at == only.expires_after


def test_several_prompts_of_a_window_are_numbered_through_the_day():
    spans = [*MORNINGS, {"from": "14:00", "to": "15:00"}]
    found = plan(a_protocol(window(3, spans, gap="20m"), EVENING)).windows
    told = [(one.window, one.number, one.remaining, len(one.slots)) for one in found]
    assert told == [
        (0, 0, 3, 12), (1, 1, 2, 12), (2, 2, 1, 12),
        (3, 0, 2, 4), (4, 1, 1, 4),
        (0, 0, 1, 1),
    ]  # fmt: skip
    assert {one.gap for one in found[:5]} == {timedelta(minutes=20)}
    assert found[5].gap == timedelta(0)


def test_a_prompt_for_which_a_window_has_no_room_is_dropped_and_told():
    spans = [*MORNINGS, {"from": "14:00", "to": "15:00"}]
    found = plan(a_protocol(window(3, spans, gap="20m")))
    assert reasons(found) == [("item-0", 5, "no room for another with the gap")]


def test_the_minimum_gap_of_the_protocol_counts_within_a_window_too():
    found = plan(a_protocol(window(2, gap="20m"), limits={"min_gap": "45m"})).windows
    assert {one.gap for one in found} == {timedelta(minutes=45)}


def test_a_window_shortened_by_the_change_of_clocks_holds_fewer():
    spans = [{"from": "01:00", "to": "04:00"}]
    protocol = a_protocol(window(3, spans, gap="60m", slot="60m"))
    ordinary, march, october = (
        plan(protocol, day, date(2027, 1, 1))
        for day in (date(2027, 3, 27), date(2027, 3, 28), date(2027, 10, 31))
    )
    assert [len(one.windows) for one in (ordinary, march, october)] == [3, 2, 3]
    assert reasons(march) == [("item-0", 2, "no room for another with the gap")]
    assert [one.remaining for one in march.windows] == [2, 1]
    hours = [slot.hour for slot in october.windows[0].slots]
    assert hours == [23, 0, 2], "02:00 happens twice and counts once; 03:00 is two hours later"


def test_bursts_run_so_many_days_on_and_off():
    protocol = a_protocol(EVENING | {"bursts": {"on": "7d", "off": "21d"}})
    assert days_asked(protocol) == [*range(7), *range(28, 35), *range(56, 60)]


def test_bursts_from_an_event_ask_nothing_before_it():
    protocol = a_protocol(EVENING | {"bursts": {"on": "2d", "off": "3d", "anchor": "relapse"}})
    assert days_asked(protocol) == []
    assert days_asked(protocol, days=12, milestones={"relapse": MONDAY + 4 * DAY}) == [4, 5, 9, 10]


def test_an_interval_from_an_event_asks_nothing_before_it():
    trigger = {"kind": "interval", "every": "14d", "at": "18:00", "anchor": "first-session"}
    protocol = a_protocol({"trigger": trigger})
    assert days_asked(protocol) == []
    session = {"first-session": MONDAY + 10 * DAY}
    assert days_asked(protocol, milestones=session) == [10, 24, 38, 52]


def test_an_event_before_the_first_day_is_counted_from():
    trigger = {"kind": "interval", "every": "7d", "at": "18:00", "anchor": "first-session"}
    earlier = {"first-session": MONDAY - 5 * DAY}
    assert days_asked(a_protocol({"trigger": trigger}), days=10, milestones=earlier) == [2, 9]


def test_dates_have_a_first_a_last_and_exceptions():
    dates = {"from": "2027-06-02", "to": "2027-06-05", "except": ["2027-06-03"]}
    assert days_asked(a_protocol(EVENING | {"dates": dates})) == [2, 4, 5]


def test_bursts_dates_and_days_of_the_week_must_all_agree():
    trigger = {"kind": "fixed", "at": ["20:00"], "days": ["mon", "tue"]}
    protocol = a_protocol(
        {
            "trigger": trigger,
            "bursts": {"on": "8d", "off": "6d"},
            "dates": {"from": "2027-06-01"},
        }
    )
    assert days_asked(protocol, days=24) == [1, 7, 14, 15, 21]


def test_phases_say_when_an_assignment_asks():
    protocol = a_protocol(EVENING | {"phases": ["treatment"]}, fixed("10:00"), phases=COURSE)
    session = {"first-session": MONDAY + 3 * DAY}
    plans = plan_days(protocol, MONDAY, 30, BERLIN, MONDAY, milestones=session)
    asked = [[one.assignment for one in each.windows] for each in plans]
    assert asked == [["item-1"]] * 3 + [["item-1", "item-0"]] * 14 + [["item-1"]] * 5 + [[]] * 8
    assert [each.windows[0].phase for each in plans[:22:3]] == [
        "waiting", "treatment", "treatment", "treatment", "treatment", "treatment",
        "aftercare", "aftercare",
    ]  # fmt: skip
    assert all(not each.dropped for each in plans)


def test_a_fading_phase_lowers_the_probability_and_drops_nothing():
    trigger = {"kind": "micro_randomised", "at": ["10:00"], "probability": 0.5}
    protocol = a_protocol(
        {"trigger": trigger}, EVENING | {"sampling": "representative"}, phases=COURSE[2:]
    )
    plans = plan_days(protocol, MONDAY, 5, BERLIN, MONDAY)
    by_assignment = zip(*([one.probability for one in each.windows] for each in plans), strict=True)
    shares = [1.0, 0.8, 0.6, 0.4, 0.2]
    assert [pytest.approx(shares) == list(found) for found in by_assignment] == [False, True]
    assert [each.windows[0].probability for each in plans] == pytest.approx(
        [share / 2 for share in shares]
    )
    assert all(not each.dropped for each in plans)


def test_what_has_faded_to_nothing_is_dropped_and_told():
    phase = {"name": "out", "days": "3d", "fade": {"to_share": 0}}
    plans = plan_days(a_protocol(EVENING, phases=[phase]), MONDAY, 4, BERLIN, MONDAY)
    assert [len(each.windows) for each in plans] == [1, 1, 0, 0]
    assert [reasons(each) for each in plans[2:]] == [[("item-0", 0, "faded out")], []]


def test_over_the_cap_the_smaller_priority_number_stays_then_what_is_listed_first():
    protocol = a_protocol(
        fixed("09:00"),
        fixed("11:00", priority=10),
        fixed("13:00"),
        fixed("15:00", priority=90),
        limits={"per_day": 2},
    )
    found = plan(protocol)
    assert clock(found) == ["09:00", "11:00"]
    assert [one.assignment for one in found.dropped] == ["item-2", "item-3"]
    assert {one.reason for one in found.dropped} == {"per_day cap"}


def test_too_close_together_the_smaller_priority_number_stays_though_it_comes_later():
    protocol = a_protocol(
        fixed("09:00"), fixed("09:20", priority=10), fixed("09:40"), limits={"min_gap": "30m"}
    )
    found = plan(protocol)
    assert clock(found) == ["09:20"]
    assert reasons(found) == [("item-0", 0, "min_gap"), ("item-2", 0, "min_gap")]


def test_what_was_dropped_itself_takes_no_room_from_others():
    protocol = a_protocol(fixed("09:00", "09:20", "09:40"), limits={"min_gap": "30m"})
    assert clock(plan(protocol)) == ["09:00", "09:40"]


def test_a_cap_of_one_assignment_leaves_the_others_alone():
    protocol = a_protocol(fixed("09:00", "10:00", "11:00", per_day=2), fixed("12:00"))
    found = plan(protocol)
    assert clock(found) == ["09:00", "10:00", "12:00"]
    assert reasons(found) == [("item-0", 2, "per_day cap of the assignment")]


def test_a_cap_takes_the_last_prompts_of_a_window():
    found = plan(a_protocol(window(4), limits={"per_day": 2}))
    assert [(one.number, one.remaining) for one in found.windows] == [(0, 2), (1, 1)]
    assert [one.window for one in found.dropped] == [2, 3]


def test_a_pause_drops_all_of_its_days_both_ends_included():
    pause = rules(pauses=[{"from": "2027-06-01", "to": "2027-06-02"}])
    protocol = a_protocol(EVENING, window(2))
    assert days_asked(protocol, days=5, rules=pause) == [0, 0, 0, 3, 3, 3, 4, 4, 4]
    found = plan(protocol, MONDAY + DAY, rules=pause)
    assert reasons(found) == [
        ("item-0", 0, "paused"), ("item-1", 0, "paused"), ("item-1", 1, "paused"),
    ]  # fmt: skip


def test_a_pause_without_an_end_goes_on():
    assert days_asked(a_protocol(EVENING), rules=rules(pauses=[{"from": "2027-06-03"}])) == [
        0,
        1,
        2,
    ]


def test_own_quiet_hours_take_slots_and_leave_the_bounds_of_a_window():
    own = rules(quiet_hours=[{"from": "08:00", "to": "11:30"}])
    found = plan(a_protocol(window(3, gap="15m"), fixed("08:30", "12:00")), rules=own)
    assert clock(found) == ["11:30", "11:30", "12:00"]
    assert found.windows[0].start_at == datetime(2027, 5, 31, 7, tzinfo=UTC)
    assert [one.remaining for one in found.windows] == [2, 1, 1]
    assert reasons(found) == [
        ("item-0", 2, "quiet hours of the patient"), ("item-1", 0, "quiet hours of the patient"),
    ]  # fmt: skip


def test_own_quiet_hours_follow_the_clock_on_the_wall():
    own = rules(quiet_hours=[{"from": "02:00", "to": "04:00"}])
    protocol = a_protocol(window(1, [{"from": "01:00", "to": "05:00"}], slot="60m"))
    march = plan(protocol, date(2027, 3, 28), date(2027, 1, 1), rules=own).windows[0]
    october = plan(protocol, date(2027, 10, 31), date(2027, 1, 1), rules=own).windows[0]
    assert [slot.hour for slot in march.slots] == [0, 2]
    assert [slot.hour for slot in october.slots] == [23, 3]


def test_an_own_cap_counts_where_it_is_lower_and_keeps_what_has_precedence():
    protocol = a_protocol(
        fixed("09:00"), fixed("11:00"), fixed("13:00", priority=1), limits={"per_day": 3}
    )
    assert clock(plan(protocol, rules=rules(per_day=2))) == ["09:00", "13:00"]
    assert reasons(plan(protocol, rules=rules(per_day=2))) == [
        ("item-1", 0, "per_day cap of the patient")
    ]
    assert len(plan(protocol, rules=rules(per_day=50)).windows) == 3


def test_leaving_something_out_makes_no_room_for_what_the_cap_had_dropped():
    protocol = a_protocol(fixed("09:00"), fixed("11:00"), fixed("13:00"), limits={"per_day": 2})
    found = plan(protocol, rules=rules(without=["item-0"]))
    assert clock(found) == ["11:00"]
    assert reasons(found) == [
        ("item-2", 0, "per_day cap"), ("item-0", 0, "left out by the patient"),
    ]  # fmt: skip


def test_prompts_carry_their_reminders_and_their_priority():
    (one,) = plan(a_protocol(fixed("09:00", priority=7, reminders=["10m", "20m"]))).windows
    assert one.reminders == (timedelta(minutes=10), timedelta(minutes=20))
    assert one.priority == 7


def test_patients_with_the_same_protocol_rules_and_day_share_one_plan():
    protocol, again = a_protocol(EVENING), a_protocol(EVENING)
    assert protocol is not again
    assert plan(protocol) is plan(again)
    assert plan(protocol) is not plan(protocol, MONDAY + DAY)


def test_protocols_that_have_an_assignment_in_common_share_its_windows():
    one, other = a_protocol(window(), EVENING), a_protocol(window(), fixed("21:00"))
    mine, yours = plan(one).windows, plan(other).windows
    assert mine[0] is yours[0]
    assert mine[1] != yours[1]


def test_an_assignment_in_common_is_planned_anew_under_other_quiet_hours_or_gaps():
    several = window(2, gap="15m")
    plain = plan(a_protocol(several)).windows[0]
    quiet = plan(a_protocol(several, quiet_hours=[{"from": "00:00", "to": "10:00"}])).windows[0]
    apart = plan(a_protocol(several, limits={"min_gap": "60m"})).windows[0]
    assert [len(one.slots) for one in (plain, quiet, apart)] == [12, 8, 12]
    assert [one.gap for one in (plain, quiet, apart)] == [
        timedelta(minutes=minutes) for minutes in (15, 15, 60)
    ]


def test_what_is_remembered_of_protocols_is_bounded():
    for number in range(planning._KNOWN_AT_MOST + 5):
        plan(a_protocol(EVENING, name=f"protocol {number}"))
    assert len(planning._known) <= planning._KNOWN_AT_MOST
