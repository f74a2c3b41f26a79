"""What patients set for themselves: it holds at once, everywhere, and only ever narrows."""

from datetime import timedelta

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from schedule_steps import live

from engine.commands.patient_rules import rules_for, set_rules
from engine.errors import FieldsRefused, NotFound, StaleVersion
from engine.prompt import State
from engine.rules import NO_RULES
from engine.store import rules

TODAY = MONDAY.date()


def narrow(practice: Practice, person: Person, document: object, expected: int = 0, by="patient"):
    return set_rules(
        practice.db,
        person.patient.id,
        document,
        by=by,
        expected_version=expected,
        now=practice.clock(),
    )


def sent_hours(practice: Practice, person: Person) -> list[int]:
    live(practice, MONDAY + timedelta(hours=15), step=timedelta(minutes=5))
    return [(p.sent_at - MONDAY).seconds // 3600 + 8 for p in practice.prompts(person) if p.sent_at]


ALL_DAY = fixed("09:00", "12:00", "15:00", "18:00")


@pytest.mark.parametrize(
    ("own", "hours"),
    [
        ({}, [9, 12, 15, 18]),
        ({"quiet_hours": [{"from": "11:00", "to": "16:00"}]}, [9, 18]),
        ({"pauses": [{"from": "2027-03-01", "to": "2027-03-01"}]}, []),
        ({"pauses": [{"from": "2027-02-01"}]}, []),
        ({"pauses": [{"from": "2027-03-02"}]}, [9, 12, 15, 18]),
        ({"per_day": 2}, [9, 12]),
        ({"per_day": 50}, [9, 12, 15, 18]),
        ({"without": ["checkin.momentary"]}, []),
    ],
)
@pytest.mark.parametrize("planned_before", [False, True])
def test_own_rules_narrow_the_day(
    on_sqlite: Practice, own: dict, hours: list[int], planned_before: bool
):
    person = on_sqlite.enrol(protocol(ALL_DAY))
    if planned_before:
        on_sqlite.plan()
    narrow(on_sqlite, person, own)
    assert sent_hours(on_sqlite, person) == hours


def test_rules_taken_back_bring_the_prompts_back(practice: Practice):
    person = practice.enrol(protocol(ALL_DAY))
    practice.plan()
    before = [(p.id, p.start_at) for p in practice.prompts(person)]
    narrow(practice, person, {"pauses": [{"from": "2027-03-01"}]})
    assert practice.prompts(person) == []
    narrow(practice, person, {}, expected=1)
    assert [(p.id, p.start_at) for p in practice.prompts(person)] == before


def test_a_drawn_prompt_ends_when_its_slot_becomes_quiet(practice: Practice):
    person = practice.enrol(protocol(windowed("08:00-12:00")))
    practice.plan()
    practice.decide()
    narrow(practice, person, {"quiet_hours": [{"from": "08:00", "to": "12:30"}]})
    found = practice.prompts(person, TODAY)[0]
    assert (found.state, found.reason) == (State.CANCELLED, "the schedule was changed")


def test_slots_in_own_quiet_hours_are_never_drawn(practice: Practice):
    people = [practice.enrol(protocol(windowed("09:00-13:00"))) for _ in range(20)]
    for person in people:
        narrow(practice, person, {"quiet_hours": [{"from": "10:00", "to": "12:30"}]})
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    quiet = [NINE + timedelta(hours=1), NINE + timedelta(hours=3, minutes=30)]
    for person in people:
        drawn = practice.prompts(person, TODAY)[0]
        assert not quiet[0] <= drawn.due_at < quiet[1]


def test_each_change_is_a_version_and_a_stale_one_is_refused(practice: Practice):
    person = practice.enrol(protocol(ALL_DAY))
    assert rules_for(practice.db, person.patient.id) == (NO_RULES, 0)
    narrow(practice, person, {"per_day": 3})
    practice.clock.forward(minutes=1)
    narrow(practice, person, {"per_day": 2}, expected=1, by="Therapist One")
    with pytest.raises(StaleVersion):
        narrow(practice, person, {"per_day": 1}, expected=1)
    held, number = rules_for(practice.db, person.patient.id)
    assert (held.per_day, number) == (2, 2)
    with practice.db.read() as tx:
        versions = rules.rules_versions(tx, person.patient.id)
    assert [(v.version, v.set_by, v.document["per_day"]) for v in versions] == [
        (2, "Therapist One", 2),
        (1, "patient", 3),
    ]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"per_day": 0}, "per_day"),
        ({"quiet": []}, "quiet"),
        ({"quiet_hours": [{"from": "25:00", "to": "06:00"}]}, r"quiet_hours\[0\]\.from"),
        ({"pauses": [{"from": "2027-03-02", "to": "2027-03-01"}]}, r"pauses\[0\]\.to"),
        ({"pauses": [{"from": "tomorrow"}]}, r"pauses\[0\]\.from"),
        (
            {"without": ["no.such"]},
            r"without\[0\]: unknown assignment 'no.such'; known: checkin\.momentary",
        ),
        ([], "document"),
    ],
)
def test_bad_rules_are_refused_at_their_path_and_change_nothing(
    on_sqlite: Practice, document: object, path: str
):
    person = on_sqlite.enrol(protocol(ALL_DAY))
    on_sqlite.plan()
    before = on_sqlite.prompts(person)
    with pytest.raises(FieldsRefused, match=path):
        narrow(on_sqlite, person, document)
    assert on_sqlite.prompts(person) == before
    assert rules_for(on_sqlite.db, person.patient.id)[1] == 0


def test_nobody_elses_rules_can_be_set(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(ALL_DAY))
    with pytest.raises(NotFound):
        set_rules(on_sqlite.db, person.phones[0].id, {}, by="patient", expected_version=0,
                  now=MONDAY)  # fmt: skip
