"""Events of a course: what hangs on them moves when they are recorded."""

from datetime import date, timedelta

import pytest
from fakes import MONDAY, Person, Practice, fixed, protocol
from schedule_steps import logged

from engine.commands.milestones import milestones_for, record_milestone
from engine.errors import FieldsRefused, NotFound
from engine.records import LogKind

TODAY = MONDAY.date()
PHASES = {
    "phases": [{"name": "waiting", "until": "first-session"}, {"name": "treatment"}],
}


def record(practice: Practice, person: Person, name: str, on: date):
    return record_milestone(
        practice.db, person.patient.id, name, on, by="Therapist One", now=practice.clock()
    )


@pytest.fixture
def waiting(practice: Practice) -> Person:
    document = protocol(
        fixed("09:00", id="before", phases=["waiting"]),
        fixed("18:00", id="after", phases=["treatment"]),
        {
            "content": "checkin.momentary",
            "id": "every-other-day",
            "trigger": {
                "kind": "interval",
                "every": "2d",
                "at": "12:00",
                "anchor": "first-session",
            },
        },
    )
    return practice.enrol(document | PHASES)


def names(practice: Practice, person: Person, day: date) -> set[str]:
    return {p.assignment for p in practice.prompts(person, day)}


def test_a_milestone_begins_the_next_phase_and_what_is_anchored_to_it(
    practice: Practice, waiting: Person
):
    practice.plan()
    days = [TODAY + timedelta(days=ahead) for ahead in range(3)]
    assert [names(practice, waiting, day) for day in days] == [{"before"}] * 3
    record(practice, waiting, "first-session", days[1])
    assert [names(practice, waiting, day) for day in days] == [
        {"before"},
        {"after", "every-other-day"},
        {"after"},
    ]
    assert next(p.phase for p in practice.prompts(waiting)) == "waiting"


def test_a_milestone_from_before_the_course_leaves_no_day_of_waiting(
    practice: Practice, waiting: Person
):
    practice.plan()
    record(practice, waiting, "first-session", TODAY - timedelta(days=7))
    assert {p.phase for p in practice.prompts(waiting)} == {"treatment"}


def test_a_milestone_told_again_is_put_right(practice: Practice, waiting: Person):
    practice.plan()
    record(practice, waiting, "first-session", TODAY + timedelta(days=1))
    record(practice, waiting, "first-session", TODAY + timedelta(days=2))
    assert names(practice, waiting, TODAY + timedelta(days=1)) == {"before"}
    known, told = milestones_for(practice.db, waiting.patient.id)
    assert known == ("first-session",)
    assert [(one.name, one.local_date) for one in told] == [
        ("first-session", TODAY + timedelta(days=2))
    ]
    entries = logged(practice, waiting, LogKind.MILESTONE)
    assert [entry.detail.get("was") for entry in entries] == [None, "2027-03-02"]


def test_only_events_the_protocol_waits_for_are_taken_and_dates_near_the_course(
    practice: Practice, waiting: Person
):
    with pytest.raises(FieldsRefused, match="name: must be one of: first-session"):
        record(practice, waiting, "last-session", TODAY)
    for day in (TODAY - timedelta(days=367), TODAY + timedelta(days=367)):
        with pytest.raises(FieldsRefused, match="date: must be from 2026-02-28 to 2028-03-01"):
            record(practice, waiting, "first-session", day)
    plain = practice.enrol(protocol(fixed("09:00")))
    with pytest.raises(FieldsRefused, match="waits for none"):
        record(practice, plain, "first-session", TODAY)
    with pytest.raises(NotFound):
        record_milestone(practice.db, waiting.enrolment.id, "first-session", TODAY, by="t",
                         now=MONDAY)  # fmt: skip
