"""Reports of patients, and what keeps a prompt from following: cooldown, caps, rules, phases."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol
from schedule_steps import after, followed, live, logged, report

from engine.commands.patient_rules import set_rules
from engine.commands.reporting import reportable
from engine.errors import Conflict, FieldsRefused
from engine.prompt import State
from engine.records import LogKind

MINUTE = timedelta(minutes=1)


def reasons(practice: Practice, person: Person) -> list[str]:
    return [e.detail["reason"] for e in logged(practice, person, LogKind.NOT_FOLLOWED)]


def smoker(practice: Practice, document: dict | None = None, **trigger: object) -> Person:
    """Return a person who may report "smoked", at nine."""
    person = practice.enrol(
        document or protocol(fixed("20:00"), after({"report": "smoked"}, **trigger))
    )
    practice.clock.now = NINE
    return person


def test_a_report_is_followed_once_however_often_it_is_sent(practice: Practice):
    person = smoker(practice)
    report_id = uuid4()
    assert [report(practice, person, "smoked", report_id).new for _ in range(3)] == [
        True, False, False,
    ]  # fmt: skip
    assert len(followed(practice, person)) == 1
    with pytest.raises(Conflict):
        report(practice, person, "slept", report_id)


def test_a_report_nothing_waits_for_is_kept_and_not_followed(practice: Practice):
    person = smoker(practice)
    assert reportable(practice.db, person.phones[0]) == ("smoked",)
    taken = report(practice, person, "slept")
    assert (taken.new, taken.prompts) == (True, 0)
    with pytest.raises(FieldsRefused, match="name"):
        report(practice, person, "No Name!")


def test_within_the_cooldown_no_further_one_follows(practice: Practice):
    person = smoker(practice, cooldown="2h")
    for minutes in (0, 60, 119, 120):
        practice.clock.now = NINE + timedelta(minutes=minutes)
        report(practice, person, "smoked")
    assert [p.start_at - NINE for p in followed(practice, person)] == [
        timedelta(0), timedelta(hours=2),
    ]  # fmt: skip
    assert reasons(practice, person) == ["cooldown", "cooldown"]


def test_a_cooldown_counts_only_what_came(practice: Practice):
    person = smoker(practice, cooldown="4h", expires_after="10m")
    report(practice, person, "smoked")
    practice.clock.now = NINE + timedelta(hours=1)
    live(practice, practice.clock() + MINUTE)
    assert [p.state for p in followed(practice, person)] == [State.EXPIRED]
    report(practice, person, "smoked")
    assert len(followed(practice, person)) == 2


def test_a_day_has_as_many_as_the_trigger_says_and_the_next_begins_anew(practice: Practice):
    person = smoker(practice, per_day=2)
    for hours in (0, 1, 2, 24):
        practice.clock.now = NINE + timedelta(hours=hours)
        report(practice, person, "smoked")
    days = [p.local_date.day for p in followed(practice, person)]
    assert days == [1, 1, 2]
    assert reasons(practice, person) == ["per_day cap of the assignment"]


def test_the_days_cap_holds_for_what_follows_too(practice: Practice):
    person = smoker(practice, protocol(fixed("08:30"), after({"report": "smoked"}), per_day=2))
    practice.clock.now = MONDAY
    live(practice, NINE)
    report(practice, person, "smoked")
    live(practice, NINE + MINUTE)
    report(practice, person, "smoked")
    assert len(followed(practice, person)) == 1
    assert reasons(practice, person) == ["per_day cap"]


def test_what_was_planned_yields_the_last_place_to_what_followed(practice: Practice):
    person = smoker(
        practice,
        protocol(fixed("12:00"), fixed("20:00", id="b"), after({"report": "smoked"}), per_day=2),
    )
    practice.plan()
    report(practice, person, "smoked")
    live(practice, NINE + timedelta(hours=12), step=timedelta(minutes=5))
    states = {p.assignment: (p.state, p.reason) for p in practice.prompts(person, MONDAY.date())}
    assert states["cbt.thought-record"][0] == State.ACCEPTED
    assert states["checkin.momentary"][0] == State.ACCEPTED
    assert states["b"] == (State.CANCELLED, "per_day cap")


def test_a_place_with_precedence_is_kept_for_its_prompt(practice: Practice):
    person = smoker(
        practice,
        protocol(fixed("20:00", priority=1), after({"report": "smoked"}), per_day=1),
    )
    practice.plan()
    report(practice, person, "smoked")
    assert reasons(practice, person) == ["per_day cap"]


@pytest.mark.parametrize(
    ("quiet", "own", "reason"),
    [
        ("09:00-11:00", {}, "quiet hours"),
        (None, {"quiet_hours": [{"from": "09:00", "to": "11:00"}]}, "quiet hours"),
        (None, {"pauses": [{"from": "2027-03-01", "to": "2027-03-02"}]}, "paused"),
        (None, {"without": ["cbt.thought-record"]}, "left out by the patient"),
    ],
)
def test_what_would_fall_into_a_time_without_prompts_is_dropped_and_logged(
    practice: Practice, quiet, own, reason
):
    person = smoker(
        practice, protocol(fixed("20:00"), after({"report": "smoked"}, delay="5m"), quiet=quiet)
    )
    if own:
        set_rules(practice.db, person.patient.id, own, by="patient", expected_version=0, now=NINE)
    report(practice, person, "smoked")
    assert followed(practice, person) == []
    assert reasons(practice, person) == [reason]


def test_outside_its_phase_nothing_follows(practice: Practice):
    document = protocol(fixed("20:00"), after({"report": "smoked"}, phases=["later"])) | {
        "phases": [{"name": "first", "days": 2}, {"name": "later"}]
    }
    person = smoker(practice, document)
    report(practice, person, "smoked")
    assert followed(practice, person) == []
    practice.clock.now = NINE + timedelta(days=2)
    report(practice, person, "smoked")
    (one,) = followed(practice, person)
    assert one.phase == "later"


def test_a_prompt_that_followed_keeps_its_identity_through_a_new_plan(practice: Practice):
    person = smoker(practice, delay="30m")
    practice.plan()
    report(practice, person, "smoked")
    before = followed(practice, person)
    rules = {"per_day": 3}
    set_rules(practice.db, person.patient.id, rules, by="patient", expected_version=0, now=NINE)
    assert followed(practice, person) == before
    quiet = {"quiet_hours": [{"from": "09:15", "to": "10:00"}]}
    set_rules(practice.db, person.patient.id, quiet, by="patient", expected_version=1, now=NINE)
    (ended,) = followed(practice, person)
    assert (ended.state, ended.reason) == (State.CANCELLED, "the schedule was changed")
