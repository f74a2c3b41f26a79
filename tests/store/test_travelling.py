"""Patients who move between zones, with one phone and with two, and clocks that step."""

import logging
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from schedule_steps import live, logged

from engine.commands.scheduling import plan_horizon
from engine.commands.travelling import ZoneTold, report_zone
from engine.prompt import State
from engine.records import Device, LogKind
from engine.store import held, people

NEW_YORK, BERLIN, TOKYO = "America/New_York", "Europe/Berlin", "Asia/Tokyo"


def told(practice: Practice, phone: Device, zone_name: str) -> ZoneTold:
    return report_zone(practice.db, phone, zone_name, now=practice.clock())


def lives_in(practice: Practice, person: Person) -> str:
    with practice.db.read() as tx:
        return people.zones_of(tx, [person.patient.id])[person.patient.id]


def test_a_phone_that_lands_elsewhere_moves_what_is_not_sent(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00", "17:00", "21:00"), min_gap="45m"))
    live(practice, NINE + timedelta(minutes=1))
    practice.clock.now = datetime(2027, 3, 1, 20, tzinfo=UTC)  # 15:00 in New York
    assert told(practice, person.phones[0], NEW_YORK) == ZoneTold(NEW_YORK, known=True)
    live(practice, datetime(2027, 3, 2, 3, tzinfo=UTC), step=timedelta(minutes=5))
    today = practice.prompts(person, MONDAY.date())
    assert [p.sent_at for p in today] == [
        NINE,
        datetime(2027, 3, 1, 22, tzinfo=UTC),
        datetime(2027, 3, 2, 2, tzinfo=UTC),
    ]
    (entry,) = logged(practice, person, LogKind.ZONE)
    assert entry.detail == {"from": BERLIN, "to": NEW_YORK}


def test_saying_again_where_one_is_changes_nothing(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00")))
    practice.plan()
    before = practice.prompts(person)
    for _ in range(3):
        told(practice, person.phones[0], BERLIN)
    assert practice.prompts(person) == before
    assert logged(practice, person) == []


def test_of_two_phones_the_one_that_moved_last_counts(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")), phones=2)
    phone, tablet = person.phones
    told(practice, phone, NEW_YORK)
    assert lives_in(practice, person) == NEW_YORK
    for _ in range(3):  # the tablet was left at home and says so every hour
        practice.clock.forward(hours=1)
        assert told(practice, tablet, BERLIN) == ZoneTold(NEW_YORK, known=True)
    told(practice, tablet, TOKYO)
    assert lives_in(practice, person) == TOKYO


def test_when_each_phone_last_said_where_it_is_is_kept(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")), phones=2)
    practice.clock.forward(minutes=7)
    told(practice, person.phones[0], NEW_YORK)
    with practice.db.read() as tx:
        found = {one.device_id: one for one in held.held(tx, person.patient.id)}
    moved = found[person.phones[0].id]
    assert (moved.zone, moved.zone_at) == (NEW_YORK, practice.clock())
    assert found[person.phones[1].id].zone == BERLIN


@pytest.mark.parametrize("name", ["Mars/Base", "europe/berlin", "", "../etc/passwd", "UTC+1"])
def test_an_unknown_zone_keeps_the_last_good_one_and_raises_the_alarm(
    practice: Practice, name: str, caplog: pytest.LogCaptureFixture
):
    person = practice.enrol(protocol(fixed("20:00")))
    practice.plan()
    before = practice.prompts(person)
    with caplog.at_level(logging.ERROR):
        assert told(practice, person.phones[0], name) == ZoneTold(BERLIN, known=False)
    assert "unknown time zone" in caplog.text
    assert (lives_in(practice, person), practice.prompts(person)) == (BERLIN, before)
    (entry,) = logged(practice, person, LogKind.ZONE_UNKNOWN)
    assert entry.detail == {"zone": name, "kept": BERLIN}


def test_a_zone_that_new_data_no_longer_know_gives_way_to_the_last_good_one(
    practice: Practice, caplog: pytest.LogCaptureFixture
):
    person, other = (practice.enrol(protocol(fixed("20:00"))) for _ in range(2))
    told(practice, person.phones[0], NEW_YORK)
    with practice.db.write() as tx:
        people.set_zone(tx, person.patient.id, "Gone/City")
    with caplog.at_level(logging.ERROR):
        practice.plan()
    assert "'Gone/City'; America/New_York is kept" in caplog.text
    assert lives_in(practice, person) == NEW_YORK
    assert {p.zone for p in practice.prompts(person)} == {NEW_YORK}
    assert practice.prompts(other), "one patient's zone stops nobody else's plan"


def test_without_a_good_zone_nothing_is_planned_and_never_is_it_utc(
    practice: Practice, caplog: pytest.LogCaptureFixture
):
    person = practice.enrol(protocol(fixed("20:00")))
    with practice.db.write() as tx:
        people.set_zone(tx, person.patient.id, "Gone/City")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            practice.plan()
    assert "nothing is planned" in caplog.text
    assert (practice.prompts(person), lives_in(practice, person)) == ([], "Gone/City")
    assert len(logged(practice, person, LogKind.ZONE_UNKNOWN)) == 1


def test_the_minimum_gap_is_kept_in_real_time_across_zones(practice: Practice):
    person = practice.enrol(
        protocol(fixed("08:00", "11:00", "14:00", "17:00", "20:00"), min_gap="3h")
    )
    hops = [NEW_YORK, TOKYO, BERLIN, "Pacific/Honolulu", "Pacific/Apia"]
    for hop in hops * 2:
        live(practice, practice.clock() + timedelta(hours=7), step=timedelta(minutes=15))
        told(practice, person.phones[0], hop)
    sent = sorted(p.sent_at for p in practice.prompts(person) if p.sent_at)
    assert len(sent) > 2
    assert all(later - earlier >= timedelta(hours=3) for earlier, later in pairwise(sent))
    ids = [push.prompt_id for push in practice.pusher.pushed]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("back", [30, 90, 3_600, 86_400])
def test_a_clock_that_goes_back_plans_and_draws_nothing_twice(practice: Practice, back: int):
    person = practice.enrol(
        protocol(windowed("08:00-12:00", "13:00-17:00"), fixed("18:00", id="b"))
    )
    live(practice, NINE + timedelta(hours=5), step=timedelta(minutes=15))
    before = practice.prompts(person)
    practice.clock.now -= timedelta(seconds=back)
    practice.plan()
    practice.decide()
    known = {p.id: (p.due_at, p.sent_at) for p in before if p.due_at and p.timing != "fixed"}
    after = {p.id: (p.due_at, p.sent_at) for p in practice.prompts(person)}
    assert {key: after[key] for key in known} == known
    assert set(after) == {p.id for p in before}


def test_a_clock_three_days_ahead_draws_nothing_that_is_over(practice: Practice):
    person = practice.enrol(protocol(windowed("09:00-12:00", "13:00-17:00")))
    practice.plan()
    practice.clock.forward(days=3)
    plan_horizon(practice.db, now=practice.clock())
    practice.decide()
    practice.tick()
    over = [p for p in practice.prompts(person) if p.end_at <= practice.clock()]
    assert over
    assert {p.state for p in over} == {State.EXPIRED}
    assert practice.pusher.pushed == []
