"""Planning ahead, changing a protocol, first prompts, and days on which the clocks change."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fakes import FAR_FIRST, MONDAY, NINE, Person, Practice, at_nine, fixed, protocol, windowed

from engine.commands.scheduling import (
    HORIZON,
    change_protocol,
    preview,
    protocol_for,
)
from engine.errors import NotFound, StaleVersion
from engine.prompt import State
from engine.protocol import ProtocolFaults
from engine.store import delivery, windows

KNOWN = ["checkin.momentary"]
TODAY = MONDAY.date()


def change(practice: Practice, person: Person, document: dict, expected: int = 1):
    return change_protocol(
        practice.db,
        person.patient.id,
        document,
        expected_version=expected,
        known_content=KNOWN,
        by="Therapist One",
        now=practice.clock(),
    )


def stored(practice: Practice, person: Person):
    with practice.db.read() as tx:
        return windows.windows_from(tx, person.enrolment.id, FAR_FIRST)


def test_planning_twice_adds_nothing(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00", "14:00-17:00")))
    assert practice.plan() == 6
    before = stored(practice, person)
    assert practice.plan() == 0
    assert stored(practice, person) == before


def test_planning_reaches_as_far_as_a_phone_may_be_off_line(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    for _ in range(30):
        practice.plan()
        last = max(w.start_at for w in stored(practice, person))
        assert last > practice.clock() + HORIZON - timedelta(days=1)
        practice.clock.forward(hours=7)
    days = [w.local_date for w in stored(practice, person)]
    assert days == sorted(set(days)), "every day once"
    assert (days[-1] - days[0]).days + 1 == len(days), "no day left out"


def test_windows_already_over_are_not_planned(practice: Practice):
    practice.clock.now = NINE + timedelta(minutes=30)
    person = practice.enrol(protocol(windowed("08:00-09:00", "09:00-10:00")))
    practice.plan()
    today = [w for w in stored(practice, person) if w.local_date == TODAY]
    assert [w.window for w in today] == [1]


def test_a_change_moves_only_what_is_not_sent(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00", "13:00", "17:00")))
    practice.live(NINE + timedelta(minutes=10))
    sent = [p for p in practice.prompts(person) if p.sent_at]
    assert len(sent) == 1
    version = change(practice, person, protocol(fixed("10:00", "14:00")))
    assert version.version == 2
    assert practice.prompt(person, sent[0].id) == sent[0]
    today = [p for p in practice.prompts(person, TODAY) if p.id != sent[0].id]
    assert [p.start_at.hour for p in today] == [13], "what was sent does not come again at ten"
    tomorrow = practice.prompts(person, TODAY + timedelta(days=1))
    assert [p.start_at.hour for p in tomorrow] == [9, 13]
    practice.live(NINE + timedelta(hours=14))
    assert practice.pusher.times(sent[0].id) == 1


def test_a_change_back_and_forth_never_repeats_a_prompt(practice: Practice):
    documents = [protocol(fixed("09:00", "13:00")), protocol(fixed("09:30", "13:30"))]
    person = practice.enrol(documents[0])
    expected = 1
    while practice.clock() < MONDAY + timedelta(hours=8):
        practice.plan()
        practice.decide()
        practice.tick()
        change(practice, person, documents[expected % 2], expected)
        expected += 1
        practice.clock.forward(minutes=7)
    sent = [push.prompt_id for push in practice.pusher.pushed]
    assert len(sent) == len(set(sent)) <= 2


@pytest.mark.parametrize(
    ("document", "state"),
    [
        (protocol(windowed("08:00-13:00")), State.PLANNED),
        (protocol(windowed("18:00-20:00")), State.CANCELLED),
        (protocol(fixed("18:00", id="other")), State.CANCELLED),
        (protocol(windowed("08:00-20:00"), quiet="07:00-12:30"), State.CANCELLED),
    ],
)
def test_a_drawn_prompt_keeps_its_draw_if_still_allowed_else_it_is_cancelled(
    practice: Practice, document: dict, state: State
):
    person = practice.enrol(protocol(windowed("08:00-12:00")))
    practice.plan()
    practice.decide()
    drawn = practice.prompts(person)[0]
    decision = practice.decision(person, drawn.id)
    change(practice, person, document)
    found = practice.prompt(person, drawn.id)
    assert (found.state, found.due_at) == (state, drawn.due_at)
    assert practice.decision(person, drawn.id) == decision
    if state == State.CANCELLED:
        assert found.reason == "the schedule was changed"


def test_a_prompt_that_is_due_but_not_sent_is_cancelled_too(practice: Practice):
    person = at_nine(practice)
    with practice.db.write() as tx:
        (due,) = delivery.claim(tx, now=NINE, limit=9)
    change(practice, person, protocol(fixed("18:00", id="other")))
    assert practice.prompt(person, due.id).state == State.CANCELLED
    practice.tick()
    assert practice.pusher.pushed == []


def test_a_change_of_a_version_somebody_else_replaced_is_refused(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    practice.plan()
    change(practice, person, protocol(fixed("10:00")))
    before = stored(practice, person)
    with pytest.raises(StaleVersion, match="version 2 has been saved since") as refused:
        change(practice, person, protocol(fixed("11:00")), expected=1)
    assert (refused.value.expected, refused.value.current) == (1, 2)
    assert stored(practice, person) == before
    assert [v.version for v in protocol_for(practice.db, person.patient.id)[1]] == [2, 1]


def test_a_bad_protocol_changes_nothing(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    practice.plan()
    before = stored(practice, person)
    with pytest.raises(ProtocolFaults, match=r"assignments\[0\]\.content"):
        change(practice, person, protocol(fixed("10:00", content="no.such")))
    assert stored(practice, person) == before


def test_a_preview_shows_what_would_be_and_stores_nothing(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    practice.plan()
    before = stored(practice, person)
    document = protocol(fixed("10:00", "16:00"))
    shown = preview(
        practice.db, person.patient.id, document, known_content=KNOWN, now=practice.clock()
    )
    assert stored(practice, person) == before
    assert len(protocol_for(practice.db, person.patient.id)[1]) == 1
    change(practice, person, document)
    for day, plan in shown[:2]:
        planned = [w for w in stored(practice, person) if w.local_date == day]
        assert [w.slots for w in planned] == [w.slots for w in plan.windows]


def test_nothing_can_be_changed_or_shown_of_an_unknown_patient(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    nobody = Person(
        patient=type(person.patient)(
            id=uuid4(), name="x", zone=person.patient.zone, created_at=MONDAY
        ),
        enrolment=person.enrolment,
        phones=(),
    )
    with pytest.raises(NotFound):
        change(practice, nobody, protocol(fixed("10:00")))
    with pytest.raises(NotFound):
        preview(practice.db, nobody.patient.id, protocol(fixed("09:00")),
                known_content=KNOWN, now=MONDAY)  # fmt: skip
