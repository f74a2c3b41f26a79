"""Who changed what when, in words; and what a change would do, before it is made."""

from datetime import timedelta

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol
from schedule_steps import KNOWN, after, change, live, report

from engine.commands.history import compare_versions, history
from engine.commands.milestones import record_milestone
from engine.commands.patient_rules import set_rules
from engine.commands.travelling import report_zone
from engine.errors import NotFound
from engine.protocol import ProtocolFaults


def compared(practice: Practice, person: Person, document: dict, days: int = 3):
    return compare_versions(
        practice.db,
        person.patient.id,
        document,
        known_content=KNOWN,
        now=practice.clock(),
        days=days,
    )


def test_two_versions_are_compared_prompt_by_prompt(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00", "13:00"), fixed("20:00", id="b")))
    practice.plan()
    before = practice.prompts(person)
    found = compared(practice, person, protocol(fixed("10:00", "13:00"), fixed("20:00", id="c")))
    assert found.prompts.summary == "3 prompts move, 3 go, 3 come"
    assert found.prompts.same == 3
    assert "assignments[checkin.momentary].trigger.at" in {d.path for d in found.differences}
    assert practice.prompts(person) == before, "nothing is stored"


def test_what_is_over_or_sent_is_no_part_of_a_comparison(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00", "13:00")))
    live(practice, NINE + timedelta(minutes=5))
    found = compared(practice, person, protocol(fixed("12:00", "14:00")), days=1)
    assert found.prompts.summary == "1 prompt moves", "the one at nine has left"


def test_what_was_told_is_what_publishing_does(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00", "13:00", "17:00")))
    live(practice, NINE + timedelta(minutes=5))
    document = protocol(fixed("10:00", "13:00", "18:00", "20:00"))
    told = compared(practice, person, document, days=2)
    before = {p.id: p for p in practice.prompts(person)}
    change(practice, person, document)
    days = {MONDAY.date(), MONDAY.date() + timedelta(days=1)}
    after_it = {p.id: p for p in practice.prompts(person)}
    moved = [
        key
        for key, p in after_it.items()
        if p.local_date in days and key in before and before[key].start_at != p.start_at
    ]
    come = [key for key, p in after_it.items() if p.local_date in days and key not in before]
    assert (len(moved), len(come)) == (told.prompts.count("moves"), told.prompts.count("comes"))
    assert told.prompts.count("goes") == len(set(before) - set(after_it)) == 0


def test_a_comparison_with_a_bad_protocol_or_of_nobody_is_refused(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("09:00")))
    with pytest.raises(ProtocolFaults):
        compared(on_sqlite, person, protocol(fixed("09:00", content="no.such")))
    with pytest.raises(NotFound):
        compare_versions(on_sqlite.db, person.enrolment.id, protocol(fixed("09:00")),
                         known_content=KNOWN, now=MONDAY)  # fmt: skip


def test_the_history_tells_who_changed_what_and_when(practice: Practice):
    first = protocol(fixed("09:00"), after({"report": "smoked"}, cooldown="2h")) | {
        "phases": [{"name": "waiting", "until": "first-session"}, {"name": "treatment"}]
    }
    person = practice.enrol(first)
    practice.clock.forward(hours=1)
    change(practice, person, {**first, "limits": {"per_day": 4}})
    practice.clock.forward(hours=1)
    set_rules(practice.db, person.patient.id, {"per_day": 2}, by="patient", expected_version=0,
              now=practice.clock())  # fmt: skip
    practice.clock.forward(hours=1)
    record_milestone(practice.db, person.patient.id, "first-session", MONDAY.date(),
                     by="Therapist One", now=practice.clock())  # fmt: skip
    practice.clock.forward(hours=1)
    for _ in range(2):
        report(practice, person, "smoked")
    practice.clock.forward(hours=1)
    report_zone(practice.db, person.phones[0], "Asia/Tokyo", now=practice.clock())
    told = history(practice.db, person.patient.id)[::-1]
    assert [(entry.by, entry.summary) for entry in told] == [
        ("test", "version 1: the first"),
        ("Therapist One", "version 2: limits.per_day: added 4"),
        ("patient", "own rules, version 1: per_day: added 2"),
        ("Therapist One", "first-session on 2027-03-01"),
        ("event", "no cbt.thought-record after an event: cooldown"),
        ("phone", "moved from Europe/Berlin to Asia/Tokyo"),
    ]
    assert [entry.at - MONDAY for entry in told] == [timedelta(hours=n) for n in range(6)]
    assert told[1].differences[0].path == "limits.per_day"
