"""Faults of form: each alone at its path, saying what is allowed there."""

import pytest
from blended import faults_of, put

TRIGGER = "assignments.0.trigger"
KINDS = "window, fixed, micro_randomised, interval, event, patient_initiated"
CONDITIONS = "score, item, report, missed"


def event(when, **more):
    return {"kind": "event", "when": when, **more}


FORM = [
    ("schema", "welltimed-protocol/2", "schema", "must be 'welltimed-protocol/1'"),
    ("name", "  ", "name", "must be text of 1 to 120 characters"),
    ("name", 3, "name", "must be text"),
    (
        "from_",
        1,
        "from_",
        "unknown key; allowed: schema, name, quiet_hours, limits, phases, assignments",
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
        "unknown key; allowed: content, id, trigger, expires_after, reminders, phases, dates, "
        "bursts, per_day, priority, sampling",
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
        {"kind": "cron"},
        "assignments[0].trigger.kind",
        f"must be one of: {KINDS}",
    ),
    (
        TRIGGER,
        {"at": ["10:00"]},
        "assignments[0].trigger.kind",
        f"must be one of: {KINDS}",
    ),
    (
        f"{TRIGGER}.kind",
        [1],
        "assignments[0].trigger.kind",
        f"must be one of: {KINDS}",
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
        "opened",
        "assignments[0].trigger.objective",
        "must be 'answered', 'completed' or 'relevance'",
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
        "unknown key; allowed: days, kind, windows, per_window, gap, timing, objective, within, "
        "slot",
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
    (f"{TRIGGER}.per_window", 21, "assignments[0].trigger.per_window",
        "must be a whole number from 1 to 20"),
    (f"{TRIGGER}.windows", [{"from": "09:00", "to": "10:00"}] * 49,
        "assignments[0].trigger.windows", "at most 48 of them"),
    ("assignments.2.trigger.anchor", "First session", "assignments[2].trigger.anchor",
        'must be lower-case letters, digits, ".", "-" or "_", such as "phq9", at most 80'),
    ("assignments.2.trigger.anchor", None, "assignments[2].trigger.anchor", "must be text"),
    ("phases", {}, "phases", "must be a list"),
    ("phases", [{"days": "7d"}], "phases[0].name", "is required"),
    ("phases", [{"name": "a", "weeks": 3}], "phases[0].weeks",
        "unknown key; allowed: name, days, until, fade"),
    ("phases", [{"name": "a", "days": "36h"}], "phases[0].days",
        "must be whole days, from 1d to 3660d"),
    ("phases", [{"name": "a", "days": 0}], "phases[0].days",
        "0m is out of range; from 1d to 3660d"),
    ("phases", [{"name": "a", "days": True}], "phases[0].days",
        'True is not a duration; write a whole number and a unit: "90s", "45m", "4h" or "14d"'),
    ("phases", [{"name": "a", "days": 7, "until": "b"}], "phases[0]",
        "give 'days' or 'until', not both"),
    ("phases", [{"name": "a", "until": "b", "fade": {"to_share": 0}}], "phases[0]",
        "a phase that fades needs 'days'"),
    ("phases", [{"name": "a", "days": 7, "fade": {"to_share": 20}}], "phases[0].fade.to_share",
        "must be a number from 0 to 1"),
    ("phases", [{"name": "a", "days": 7, "fade": {"to_share": 0.2, "to": 0.2}}],
        "phases[0].fade.to", "unknown key; allowed: to_share"),
    ("assignments.0.reminders", ["90s"], "assignments[0].reminders[0]",
        "must be whole minutes, from 1m to 24h"),
    ("assignments.0.reminders", [f"{n}m" for n in range(1, 7)], "assignments[0].reminders",
        "at most 5 of them"),
    ("assignments.0.priority", 0, "assignments[0].priority",
        "must be a whole number from 1 to 100"),
    ("assignments.0.per_day", 1.0, "assignments[0].per_day",
        "must be a whole number from 1 to 100"),
    ("assignments.0.phases", ["a", "a"], "assignments[0].phases",
        "names the same one twice; name each once"),
    ("assignments.0.dates", {"until": "x"}, "assignments[0].dates.until",
        "unknown key; allowed: from, to, except"),
    ("assignments.0.dates", {"from": "2027-02-29"}, "assignments[0].dates.from",
        "'2027-02-29' is not a date; write a day from 1970 to 2199 as \"YYYY-MM-DD\", such as "
        '"2027-03-28"'),
    ("assignments.0.dates", {"except": ["2200-01-01"]}, "assignments[0].dates.except[0]",
        "'2200-01-01' is not a date; write a day from 1970 to 2199 as \"YYYY-MM-DD\", such as "
        '"2027-03-28"'),
    ("assignments.0.bursts", {"on": "7d", "off": "0d"}, "assignments[0].bursts.off",
        "0m is out of range; from 1d to 366d"),
    ("assignments.0.bursts", {"on": "7d", "off": "7d", "at": 1}, "assignments[0].bursts.at",
        "unknown key; allowed: on, off, anchor"),
    ("assignments.0.bursts", {"on": "7d", "off": "7d", True: 1}, "assignments[0].bursts[1]",
        "keys must be text"),
]  # fmt: skip
EVENTS = [
    ({"kind": "event"}, "trigger.when", "is required"),
    (event(None), "trigger.when", f"must be a mapping with one of: {CONDITIONS}"),
    (event("craving"), "trigger.when", f"must be a mapping with one of: {CONDITIONS}"),
    (event({"op": "ge", "value": 1}), "trigger.when",
        f"must be a mapping with one of: {CONDITIONS}"),
    (event({"score": "phq9.total"}), "trigger.when.value", "is required"),
    (event({"score": "phq9", "value": 1}), "trigger.when.score",
        'must be "content.name", such as "phq9.total"'),
    (event({"item": "phq9.", "value": 1}), "trigger.when.item",
        'must be "content.name", such as "phq9.total"'),
    (event({"score": "phq9.total", "item": "phq9.phq9", "value": 1}), "trigger.when",
        "give either 'score' or 'item', as \"content.name\""),
    (event({"score": "phq9.total", "op": ">", "value": 1}), "trigger.when.op",
        "must be 'lt', 'le', 'eq', 'ne', 'ge' or 'gt'"),
    (event({"score": "phq9.total", "value": "10"}), "trigger.when.value",
        "must be a number from -1000000000 to 1000000000"),
    (event({"score": "phq9.total", "value": float("nan")}), "trigger.when.value",
        "must be a number from -1000000000 to 1000000000"),
    (event({"score": "phq9.total", "value": 1, "report": "x"}), "trigger.when.report",
        "unknown key; allowed: score, item, op, value"),
    (event({"report": "craving", "value": 1}), "trigger.when.value",
        "unknown key; allowed: report"),
    (event({"missed": "phq9", "value": 1}), "trigger.when.value", "unknown key; allowed: missed"),
    (event({"report": "craving"}, cooldown="15d"), "trigger.cooldown",
        "15d is out of range; from 0m to 14d"),
    (event({"report": "craving"}, at=["10:00"]), "trigger.at",
        "unknown key; allowed: kind, when, delay, cooldown, per_day"),
    ({"kind": "micro_randomised", "at": ["10:00"]}, "trigger.probability", "is required"),
    ({"kind": "micro_randomised", "at": ["10:00"], "probability": 1}, "trigger.probability",
        "must be a number from 0.01 to 0.99"),
    ({"kind": "micro_randomised", "at": ["10:00"], "probability": True}, "trigger.probability",
        "must be a number from 0.01 to 0.99"),
    ({"kind": "patient_initiated", "windows": []}, "trigger.windows",
        "unknown key; allowed: kind, per_day"),
    ({"kind": "interval", "every": "14d", "at": "18:00", "days": ["mon"]}, "trigger.days",
        "unknown key; allowed: kind, every, at, anchor"),
]  # fmt: skip


@pytest.mark.parametrize(("trigger", "path", "message"), EVENTS)
def test_a_trigger_of_the_wrong_form_says_what_its_kind_allows(trigger, path, message):
    assert faults_of(put("assignments.2.trigger", trigger)) == [(f"assignments[2].{path}", message)]


@pytest.mark.parametrize(("place", "value", "path", "message"), FORM)
def test_a_fault_of_form_is_alone_and_says_what_is_allowed(place, value, path, message):
    assert faults_of(put(place, value)) == [(path, message)]
