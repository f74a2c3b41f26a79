"""What a change would do, prompt by prompt and key by key."""

from copy import deepcopy
from datetime import date

from hypothesis import given
from planning_strategies import Course, a_protocol, courses, examples
from test_planning_properties import planned

from engine.compare import Comparison, compare, differences
from engine.localtime import zone
from engine.planning import plan_days
from engine.protocol import dump_protocol

MONDAY = date(2027, 5, 31)


def fixed(*at, **more):
    return {"trigger": {"kind": "fixed", "at": list(at)}} | more


def plans(*assignments, days=7):
    return plan_days(a_protocol(*assignments), MONDAY, days, zone("Europe/Berlin"), MONDAY)


def told(comparison):
    return [(one.kind, one.window.assignment, one.window.window) for one in comparison.changes]


def test_a_plan_compared_with_itself_changes_nothing():
    same = compare(plans(fixed("09:00", "12:00")), plans(fixed("09:00", "12:00")))
    assert (same.changes, same.same, same.summary) == ((), 14, "no prompt changes")


def test_prompts_move_go_come_and_change():
    before = plans(fixed("09:00", "12:00"), fixed("15:00"), fixed("18:00"), days=1)
    after = plans(
        fixed("09:30"), fixed("15:00", expires_after="30m"), fixed("18:00", "20:00"), days=1
    )
    found = compare(before, after)
    assert told(found) == [
        ("moves", "item-0", 0),
        ("goes", "item-0", 1),
        ("changes", "item-1", 0),
        ("comes", "item-2", 1),
    ]
    assert found.same == 1
    assert found.summary == "1 prompt moves, 1 goes, 1 comes, 1 changes"
    moved, gone, changed, come = found.changes
    assert (moved.before, moved.after) == (before[0].windows[0], after[0].windows[0])
    assert (gone.after, come.before) == (None, None)
    assert changed.what == ("end_at", "expires_after")


def test_a_prompt_that_moves_and_changes_moves_and_says_all_that_differs():
    before = plans(fixed("09:00"), days=1)
    after = plans(fixed("10:00", content="phq9", id="item-0"), days=1)
    (change,) = compare(before, after).changes
    assert (change.kind, change.what) == ("moves", ("content", "start_at", "end_at", "slots"))


def test_the_sum_is_one_line():
    before = plans(fixed("09:00", "12:00"), days=6)
    after = plans(fixed("09:30"), fixed("18:00", dates={"to": "2027-06-02"}), days=6)
    assert compare(before, after).summary == "6 prompts move, 6 go, 3 come"
    assert compare((), after).summary == "9 prompts come"
    assert compare(before[:1], ()).summary == "2 prompts go"
    assert Comparison((), 0).summary == "no prompt changes"


@examples(40)
@given(courses(), courses())
def test_a_comparison_is_the_way_from_one_plan_to_the_other(one: Course, other: Course):
    course = other._replace(protocol=one.protocol, rules=one.rules)
    before, after = planned(course), planned(other)
    found = compare([before], [after])
    key = {(w.assignment, w.window): w for w in before.windows}
    for change in found.changes:
        place = change.window.assignment, change.window.window
        assert key.pop(place, None) == change.before
        if change.after is not None:
            key[place] = change.after
    assert key == {(w.assignment, w.window): w for w in after.windows}
    back = compare([after], [before])
    assert [found.count(kind) for kind in ("moves", "goes", "comes", "changes")] == [
        back.count(kind) for kind in ("moves", "comes", "goes", "changes")
    ]
    assert found.same == back.same


def test_two_documents_differ_key_by_key_and_assignments_are_matched_by_name():
    window = {
        "kind": "window",
        "windows": [{"from": "09:00", "to": "12:00"}, {"from": "14:00", "to": "16:00"}],
    }
    before = dump_protocol(a_protocol({"trigger": window}, fixed("20:00", id="evening")))
    after = deepcopy(before)
    checkin, evening = after["assignments"]
    checkin["trigger"]["windows"][0]["from"] = "10:00"
    del checkin["trigger"]["windows"][1]
    evening["trigger"]["at"] = ["20:00", "21:00"]
    evening["expires_after"] = "30m"
    evening["bursts"] = {"on": "7d", "off": "21d"}
    after["assignments"] = [evening, checkin]
    assert [str(one) for one in differences(before, after)] == [
        'assignments[item-0].trigger.windows[0].from: "09:00" -> "10:00"',
        'assignments[item-0].trigger.windows[1]: removed {"from": "14:00", "to": "16:00"}',
        'assignments[evening].trigger.at: ["20:00"] -> ["20:00", "21:00"]',
        'assignments[evening].expires_after: "1h" -> "30m"',
        'assignments[evening].bursts: added {"on": "7d", "off": "21d"}',
        "assignments (order): item-0, evening -> evening, item-0",
    ]


def test_an_assignment_added_in_front_moves_no_other():
    before = dump_protocol(a_protocol(fixed("20:00", content="b")))
    after = dump_protocol(a_protocol(fixed("10:00", content="a"), fixed("20:00", content="b")))
    (added,) = differences(before, after)
    assert (added.path, added.before) == ("assignments[a]", None)


def test_the_first_quiet_hours_are_added_and_the_last_removed():
    night = a_protocol(fixed("20:00"), quiet_hours=[{"from": "22:00", "to": "08:00"}])
    without, with_it = dump_protocol(a_protocol(fixed("20:00"))), dump_protocol(night)
    (added,) = differences(without, with_it)
    assert str(added) == 'quiet_hours[0]: added {"from": "22:00", "to": "08:00"}'
    (removed,) = differences(with_it, without)
    assert str(removed) == 'quiet_hours[0]: removed {"from": "22:00", "to": "08:00"}'


@examples(40)
@given(courses(), courses())
def test_documents_differ_exactly_where_they_are_not_equal(one: Course, other: Course):
    before, after = dump_protocol(one.protocol), dump_protocol(other.protocol)
    assert differences(before, before) == ()
    assert bool(differences(before, after)) == (before != after)
