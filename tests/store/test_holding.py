"""What a device pulls for two days off line, and what staff see of it."""

from datetime import timedelta

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from schedule_steps import change, live

from engine.commands.holding import held_by_devices, upcoming
from engine.commands.patient_rules import set_rules
from engine.errors import NotFound


def pulled(practice: Practice, person: Person, place: int = 0):
    return upcoming(practice.db, person.phones[place], now=practice.clock())


def test_a_device_gets_the_windows_of_two_days(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00"), fixed("20:00", id="b")))
    practice.plan()
    coming = pulled(practice, person)
    assert (coming.version, coming.rules_version) == (1, 0)
    assert coming.until == practice.clock() + timedelta(hours=48)
    assert [w.assignment for w in coming.windows] == ["checkin.momentary", "b"] * 2
    first, second = coming.windows[:2]
    assert (first.start_at, first.end_at) == (NINE, NINE + timedelta(hours=3))
    assert (first.due_at, first.expires_at) == (None, NINE + timedelta(hours=3, minutes=45))
    assert second.due_at == second.start_at
    assert {w.id for w in coming.windows} <= {p.id for p in practice.prompts(person)}
    assert all(w.content_id == "checkin.momentary" for w in coming.windows)


def test_a_drawn_window_tells_its_instant_and_a_sent_one_is_gone(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00")))
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    drawn = practice.prompts(person)[0]
    held = pulled(practice, person).windows[0]
    assert (held.id, held.due_at, held.expires_at) == (drawn.id, drawn.due_at, drawn.expires_at)
    live(practice, drawn.due_at + timedelta(minutes=1))
    assert drawn.id not in {w.id for w in pulled(practice, person).windows}


def test_staff_see_which_schedule_each_device_holds(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")), phones=2)
    practice.plan()

    def told():
        return {
            one.held.device_id: (one.held.version, one.held.rules_version, one.is_current)
            for one in held_by_devices(practice.db, person.patient.id)
        }

    phone, tablet = (device.id for device in person.phones)
    assert told() == {phone: (None, None, False), tablet: (None, None, False)}
    pulled(practice, person)
    assert told()[phone] == (1, 0, True)
    change(practice, person, protocol(fixed("19:00")))
    pulled(practice, person, 1)
    assert told() == {phone: (1, 0, False), tablet: (2, 0, True)}
    set_rules(practice.db, person.patient.id, {"per_day": 3}, by="patient", expected_version=0,
              now=MONDAY)  # fmt: skip
    assert told()[tablet] == (2, 0, False)
    at = practice.clock.forward(minutes=5)
    pulled(practice, person, 1)
    (newest,) = [o for o in held_by_devices(practice.db, person.patient.id) if o.is_current]
    assert (newest.held.device_id, newest.held.schedule_at) == (tablet, at)


def test_nobody_holds_anything_of_an_unknown_patient(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("20:00")))
    with pytest.raises(NotFound):
        held_by_devices(on_sqlite.db, person.phones[0].id)
