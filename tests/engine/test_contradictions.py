"""Windows, expiry, reminders, caps and gaps that cannot hold, and close neighbours that can."""

import pytest
from designs import after, at, faults, told, within

NIGHT = [{"from": "21:30", "to": "08:00"}]


def test_a_window_holds_as_many_prompts_as_the_gap_leaves_room_for():
    three = {"per_window": 3, "gap": "60m"}
    assert faults(within("09:00", "11:15", three)) == []
    assert faults(within("09:00", "11:01", three)) == []
    assert faults(within("09:00", "11:00", three)) == [
        (
            "assignments[0].trigger.windows[0]",
            "has room for 2 of the 3 prompts that per_window asks for, 1h apart (gap), "
            "in slots of 15m; make it longer, or ask for less",
        )
    ]


def test_quiet_hours_in_the_middle_of_a_window_count_against_its_room():
    nap = [{"from": "09:45", "to": "11:30"}]
    two = within("09:00", "12:00", {"per_window": 5, "gap": "15m"}, expires_after="15m")
    assert faults(two, quiet_hours=nap) == []
    many = within("09:00", "12:00", {"per_window": 6}, expires_after="15m")
    ((path, message),) = faults(many, quiet_hours=nap)
    assert path == "assignments[0].trigger.windows[0]"
    assert message.startswith("has room for 5 of the 6 prompts that per_window asks for, 0m apart")
    assert message.endswith("slots of 15m outside quiet_hours; make it longer, or ask for less")


def test_the_minimum_gap_counts_within_a_window_too():
    ((_, message),) = faults(
        within("09:00", "12:00", {"per_window": 4, "gap": "30m"}, expires_after="30m"),
        limits={"min_gap": "60m"},
    )
    assert message.startswith("has room for 3 of the 4 prompts")
    assert "1h apart (limits.min_gap)" in message


def test_an_adaptive_window_holds_one_prompt():
    ((path, message),) = faults(
        within("09:00", "12:00", {"per_window": 2, "gap": "60m", "timing": "adaptive"})
    )
    assert path == "assignments[0].trigger.per_window"
    assert message.startswith("must be 1: an adaptive window holds one prompt, not 2")


@pytest.mark.parametrize(
    ("gap", "slot", "longest"), [("60m", "15m", "1h"), ("20m", "15m", "30m"), ("0m", "25m", "25m")]
)
def test_expiry_ends_before_the_next_prompt_of_the_same_window_can_come(gap, slot, longest):
    trigger = {"per_window": 2, "gap": gap, "slot": slot}
    assert faults(within("09:00", "15:00", trigger, expires_after=longest)) == []
    assert faults(within("09:00", "15:00", trigger, expires_after="61m")) == [
        (
            "assignments[0].expires_after",
            "61m reaches past the next prompt of the same window, which may come "
            f"{longest} later; at most {longest}, or a longer gap",
        )
    ]


def test_decision_points_expire_before_the_next_one_like_set_times():
    points = {"kind": "micro_randomised", "at": ["10:00", "10:30"], "probability": 0.5}
    assert faults({"trigger": points, "expires_after": "30m"}) == []
    assert told(faults({"trigger": points, "expires_after": "31m"})) == [
        "assignments[0].expires_after: 31m reaches past the start of the next time; at most 30m"
    ]


def test_decision_points_may_lie_near_other_prompts_and_over_the_daily_cap():
    points = {"kind": "micro_randomised", "at": ["10:00", "18:00"], "probability": 0.5}
    assert faults({"trigger": points}, at("18:00"), limits={"per_day": 1, "min_gap": "45m"}) == []


def test_a_decision_point_in_quiet_hours_is_refused():
    points = {"kind": "micro_randomised", "at": ["10:00", "22:00"], "probability": 0.5}
    assert told(faults({"trigger": points}, quiet_hours=NIGHT)) == [
        "assignments[0].trigger.at[1]: 22:00 is in quiet_hours; choose a time outside"
    ]


def test_quiet_hours_that_leave_nothing_together_are_refused():
    halves = [{"from": "08:00", "to": "21:00"}, {"from": "20:00", "to": "08:00"}]
    found = faults(after({"report": "x"}), quiet_hours=halves)
    assert told(found) == ["quiet_hours: together cover the whole day: nothing could ever be sent"]
    halves[1]["to"] = "07:59"
    assert faults(after({"report": "x"}), quiet_hours=halves) == []


def test_reminders_come_in_order_before_the_prompt_expires():
    assert faults(at("12:00", reminders=["15m", "59m"])) == []
    assert told(faults(at("12:00", reminders=["15m", "60m"]))) == [
        "assignments[0].reminders[1]: 1h is not before the prompt expires; less than 1h"
    ]
    assert told(faults(at("12:00", reminders=["15m", "15m", "20m"]))) == [
        "assignments[0].reminders[1]: 15m does not come after the reminder before it (15m); "
        "list them from the first to the last"
    ]


def test_a_reminder_that_always_falls_into_quiet_hours_is_refused():
    late = within("20:00", "21:30", reminders=["15m", "90m"], expires_after="2h")
    assert told(faults(late, quiet_hours=NIGHT)) == [
        "assignments[0].reminders[1]: always falls into quiet_hours; make it earlier"
    ]
    late["reminders"] = ["15m", "89m"]
    assert faults(late, quiet_hours=NIGHT) == []


def test_what_is_never_sent_has_no_reminders():
    found = faults({"trigger": {"kind": "patient_initiated"}, "reminders": ["15m"]})
    assert [path for path, _ in found] == ["assignments[0].reminders"]


def test_an_assignments_own_cap_is_not_below_its_own_prompts():
    two = within("09:00", "15:00", {"per_window": 2, "gap": "60m"}, per_day=1)
    assert told(faults(two)) == [
        "assignments[0].per_day: 1 is below the 2 prompts a day of its own trigger; "
        "at least 2, or leave it out"
    ]
    assert faults(at("12:00", "15:00", per_day=2)) == []
    assert faults({"trigger": {"kind": "patient_initiated"}, "per_day": 1}) == []


def test_windows_that_together_have_no_room_for_the_gap_are_named():
    assert told(
        faults(
            within("17:00", "18:00"), at("16:00"), within("17:30", "18:30"),
            limits={"min_gap": "2h"},
        )
    ) == [
        "assignments[2].trigger.windows[0]: does not fit on one day with "
        "assignments[0].trigger.windows[0]: no choice of slots keeps limits.min_gap (2h) "
        "between them"
    ]  # fmt: skip
    assert (
        faults(within("17:00", "18:00"), within("17:45", "19:30"), limits={"min_gap": "2h"}) == []
    )


def test_windows_near_midnight_collide_with_those_of_the_day_before():
    early = within("00:00", "01:00", {"days": ["tue"]})
    late = within("23:00", "24:00", {"days": ["mon"]})
    assert told(faults(early, late, limits={"min_gap": "2h"})) == [
        "assignments[0].trigger.windows[0]: does not fit on one day with "
        "assignments[1].trigger.windows[0] of the day before: no choice of slots keeps "
        "limits.min_gap (2h) between them"
    ]
    late["trigger"]["days"] = ["tue"]
    assert faults(early, late, limits={"min_gap": "2h"}) == []


@pytest.mark.parametrize("trigger", [{"kind": "patient_initiated"}, after({"report": "x"})])
def test_prompts_that_follow_what_happens_are_no_representative_sample(trigger):
    trigger = trigger.get("trigger", trigger)
    ((path, message),) = faults({"trigger": trigger, "sampling": "representative"})
    assert path == "assignments[0].sampling"
    assert message.endswith(f"this trigger is {trigger['kind']}")


def test_times_drawn_by_chance_can_be_a_representative_sample():
    points = {"kind": "micro_randomised", "at": ["10:00"], "probability": 0.5}
    assert faults({"trigger": points, "sampling": "representative"}) == []
