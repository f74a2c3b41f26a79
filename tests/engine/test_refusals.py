"""Designs that are refused, each with the path of the field and what is allowed."""

import copy
from datetime import timedelta

import pytest
from blended import BLENDED, KNOWN, faults_of, put

from engine.protocol import ProtocolFaults, dump_protocol, load_protocol, parse_protocol

TRIGGER = "assignments.0.trigger"
CONTRADICTIONS = [
    (
        put(f"{TRIGGER}.windows.1", {"from": "12:00", "to": "12:00"}),
        "assignments[0].trigger.windows[1].to",
        "must be later than 'from' (12:00) on the same day, up to \"24:00\"",
    ),
    (
        put(f"{TRIGGER}.windows.1", {"from": "12:00", "to": "12:10"}),
        "assignments[0].trigger.windows[1]",
        "is 10m long, shorter than one slot (15m); make it at least one slot long",
    ),
    (
        put(f"{TRIGGER}.windows.2", {"from": "14:30", "to": "18:00"}),
        "assignments[0].trigger.windows[2]",
        "overlaps windows[1], which ends at 15:00; start no earlier",
    ),
    (
        put(f"{TRIGGER}.windows.3", {"from": "21:30", "to": "24:00"}),
        "assignments[0].trigger.windows[3]",
        "lies inside quiet_hours: no slot is left outside them",
    ),
    (
        put("assignments.1.trigger.at", ["20:00", "21:30"]),
        "assignments[1].trigger.at[1]",
        "21:30 is in quiet_hours; choose a time outside",
    ),
    (
        put("assignments.2.trigger.at", "07:59"),
        "assignments[2].trigger.at",
        "07:59 is in quiet_hours; choose a time outside",
    ),
    (
        put("limits.per_day", 1),
        "limits.per_day",
        "1 is below the 2 prompts with a set time on mon; at least 2",
    ),
    (
        put("assignments.2.trigger.at", "20:30"),
        "assignments[2].trigger.at",
        "comes 30m after assignments[1].trigger.at[0]; limits.min_gap asks for 45m",
    ),
    (
        put("assignments.0.expires_after", "181m"),
        "assignments[0].expires_after",
        "181m reaches past the start of the next window; at most 3h",
    ),
    (
        put(
            "assignments.1",
            {
                "content": "x",
                "trigger": {"kind": "fixed", "at": ["09:00", "20:30"]},
                "expires_after": "12h",
            },
        ),
        "assignments[1].expires_after",
        "12h reaches past the start of the next time; at most 690m",
    ),
    (
        put("assignments.0.sampling", "representative"),
        "assignments[0].sampling",
        "a representative sample needs timing: uniform; this trigger is adaptive",
    ),
    (
        put("assignments.2.id", "ba.plan-tomorrow"),
        "assignments[2].id",
        "'ba.plan-tomorrow' is the id of assignments[1] already; give each assignment an id of "
        "its own",
    ),
    (
        put("quiet_hours.0.to", "21:30"),
        "quiet_hours[0].to",
        "must differ from 'from': all day would be quiet",
    ),
]


@pytest.mark.parametrize(("change", "path", "message"), CONTRADICTIONS)
def test_a_design_that_contradicts_itself_is_refused_with_the_reason(change, path, message):
    assert (path, message) in faults_of(change)


def test_unknown_content_is_refused_and_the_known_is_listed():
    faults = faults_of(put("assignments.2.content", "gad7"), known_content=KNOWN)
    assert faults == [
        (
            "assignments[2].content",
            "unknown content 'gad7'; known: ba.plan-tomorrow, checkin.momentary, phq9",
        )
    ]


def test_all_faults_are_told_at_once_and_one_does_not_hide_another():
    def change(document):
        document["limits"]["min_gap"] = "soon"
        document["assignments"][0]["trigger"]["windows"][3] = {"from": "22:00", "to": "23:00"}
        document["assignments"][1]["trigger"]["at"] = "20:00"
        document["assignments"][1]["content"] = "gad7"
        document["assignments"].append(copy.deepcopy(document["assignments"][2]))

    assert [path for path, _ in faults_of(change, known_content=KNOWN)] == [
        "limits.min_gap",
        "assignments[1].trigger.at",
        "assignments[1].content",
        "assignments[3].id",
        "assignments[0].trigger.windows[3]",
    ]


def test_a_list_whose_every_element_is_refused_is_not_called_empty():
    faults = faults_of(put("assignments", [3]))
    assert faults == [("assignments[0]", "must be a mapping of keys to values")]


def test_a_window_that_holds_two_others_is_told_for_both():
    windows = [
        {"from": "09:00", "to": "20:00"},
        {"from": "10:00", "to": "11:00"},
        {"from": "12:00", "to": "13:00"},
    ]
    assert [path for path, _ in faults_of(put(f"{TRIGGER}.windows", windows))] == [
        "assignments[0].trigger.windows[1]",
        "assignments[0].trigger.windows[2]",
    ]


def test_set_times_are_kept_apart_across_midnight_too():
    def change(document):
        document["quiet_hours"] = []
        document["assignments"][1]["trigger"] = {
            "kind": "fixed",
            "at": ["23:45", "00:15"],
            "days": ["sun"],
        }
        document["assignments"][2]["trigger"]["at"] = "00:20"
        document["limits"]["min_gap"] = "30m"
        document["assignments"][1]["expires_after"] = "5m"

    assert faults_of(change) == [
        (
            "assignments[2].trigger.at",
            "comes 5m after assignments[1].trigger.at[1]; limits.min_gap asks for 30m",
        )
    ]


def test_two_times_on_days_that_never_follow_each_other_do_not_collide():
    document = dump_protocol(load_protocol(BLENDED))
    document["quiet_hours"] = []
    for place, (at, day) in enumerate([("23:50", "mon"), ("00:10", "mon")], start=1):
        document["assignments"][place]["trigger"] = {"kind": "fixed", "at": [at], "days": [day]}
    assert parse_protocol(document).limits.min_gap == timedelta(minutes=45)
    document["assignments"][2]["trigger"]["days"] = ["tue"]
    with pytest.raises(ProtocolFaults, match="comes 20m after"):
        parse_protocol(document)


def test_expiry_may_reach_exactly_to_the_next_window():
    document = dump_protocol(load_protocol(BLENDED))
    document["assignments"][0]["expires_after"] = "3h"
    assert parse_protocol(document).assignments[0].expires_after == timedelta(hours=3)
