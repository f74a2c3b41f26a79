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


FORM = [
    ("schema", "welltimed-protocol/2", "schema", "must be 'welltimed-protocol/1'"),
    ("name", "  ", "name", "must be text of 1 to 120 characters"),
    ("name", 3, "name", "must be text"),
    ("phases", [], "phases", "not supported yet"),
    (
        "from_",
        1,
        "from_",
        "unknown key; allowed: schema, name, quiet_hours, limits, assignments",
    ),
    ("limits.per_day", "6", "limits.per_day", "must be a whole number from 1 to 100"),
    ("limits.per_day", 0, "limits.per_day", "must be a whole number from 1 to 100"),
    ("limits.per_day", True, "limits.per_day", "must be a whole number from 1 to 100"),
    ("limits.max", 6, "limits.max", "unknown key; allowed: per_day, min_gap"),
    ("limits.min_gap", "90s", "limits.min_gap", "must be whole minutes, from 0m to 24h"),
    ("limits", None, "limits", "must be a mapping of keys to values"),
    ("quiet_hours", "21:30", "quiet_hours", "must be a list"),
    (
        "quiet_hours.0.from",
        1290,
        "quiet_hours[0].from",
        '1290 is not a time; write the time in quotes: "21:30"',
    ),
    (
        "quiet_hours.0.from",
        "24:00",
        "quiet_hours[0].from",
        '\'24:00\' is not a time; write the time in quotes as "HH:MM", such as "09:30"',
    ),
    ("quiet_hours.0", {"from": "21:30"}, "quiet_hours[0].to", "is required"),
    ("quiet_hours.0.till", 1, "quiet_hours[0].till", "unknown key; allowed: from, to"),
    ("assignments", [], "assignments", "must not be empty"),
    ("assignments.0", 3, "assignments[0]", "must be a mapping of keys to values"),
    ("assignments.0.reminders", ["15m"], "assignments[0].reminders", "not supported yet"),
    (
        "assignments.0.content",
        "Check In",
        "assignments[0].content",
        'must be lower-case letters, digits, ".", "-" or "_", such as "phq9", at most 80',
    ),
    (
        "assignments.0.title",
        "x",
        "assignments[0].title",
        "unknown key; allowed: content, id, trigger, expires_after, sampling",
    ),
    ("assignments.0.sampling", "all", "assignments[0].sampling", "must be 'representative'"),
    (
        "assignments.0.expires_after",
        "25h",
        "assignments[0].expires_after",
        "25h is out of range; from 1m to 24h",
    ),
    (
        "assignments.0.expires_after",
        60,
        "assignments[0].expires_after",
        '60 is not a duration; write a whole number and a unit: "90s", "45m", "4h" or "14d"',
    ),
    (
        TRIGGER,
        {"kind": "event"},
        "assignments[0].trigger.kind",
        "event is not supported yet; allowed now: window, fixed, interval",
    ),
    (
        TRIGGER,
        {"kind": "micro_randomised", "at": ["10:00"]},
        "assignments[0].trigger.kind",
        "micro_randomised is not supported yet; allowed now: window, fixed, interval",
    ),
    (
        TRIGGER,
        {"kind": "cron"},
        "assignments[0].trigger.kind",
        "must be one of: window, fixed, interval",
    ),
    (
        TRIGGER,
        {"at": ["10:00"]},
        "assignments[0].trigger.kind",
        "must be one of: window, fixed, interval",
    ),
    (
        f"{TRIGGER}.kind",
        [1],
        "assignments[0].trigger.kind",
        "must be one of: window, fixed, interval",
    ),
    (f"{TRIGGER}.windows", [], "assignments[0].trigger.windows", "must not be empty"),
    (
        f"{TRIGGER}.timing",
        "fixed",
        "assignments[0].trigger.timing",
        "must be 'uniform' or 'adaptive'",
    ),
    (
        f"{TRIGGER}.objective",
        "relevance",
        "assignments[0].trigger.objective",
        "must be 'answered' or 'completed'",
    ),
    (f"{TRIGGER}.slot", "4m", "assignments[0].trigger.slot", "4m is out of range; from 5m to 60m"),
    (
        f"{TRIGGER}.within",
        "0m",
        "assignments[0].trigger.within",
        "0m is out of range; from 1m to 24h",
    ),
    (
        f"{TRIGGER}.at",
        [],
        "assignments[0].trigger.at",
        "unknown key; allowed: days, kind, windows, timing, objective, within, slot",
    ),
    (
        f"{TRIGGER}.windows.2.to",
        "9:00",
        "assignments[0].trigger.windows[2].to",
        '\'9:00\' is not a time; write the time in quotes as "HH:MM", such as "09:30"',
    ),
    (
        f"{TRIGGER}.windows.2.x",
        1,
        "assignments[0].trigger.windows[2].x",
        "unknown key; allowed: from, to",
    ),
    ("assignments.1.trigger.at", [], "assignments[1].trigger.at", "must not be empty"),
    (
        "assignments.1.trigger.at",
        ["20:00", "20:00"],
        "assignments[1].trigger.at",
        "names the same one twice; name each once",
    ),
    ("assignments.1.trigger.days", [], "assignments[1].trigger.days", "must not be empty"),
    (
        "assignments.1.trigger.days.0",
        "sunday",
        "assignments[1].trigger.days[0]",
        "must be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'",
    ),
    (
        "assignments.2.trigger.every",
        "36h",
        "assignments[2].trigger.every",
        "must be whole days, from 1d to 366d",
    ),
]


@pytest.mark.parametrize(("place", "value", "path", "message"), FORM)
def test_a_fault_of_form_is_alone_and_says_what_is_allowed(place, value, path, message):
    assert faults_of(put(place, value)) == [(path, message)]


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
