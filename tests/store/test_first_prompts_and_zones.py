"""First prompts of new phones, travellers, and days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from fakes import MONDAY, Person, Practice, fixed, protocol, windowed

from engine.commands import enrolling
from engine.commands.scheduling import (
    WELCOME,
    move_to_zone,
)
from engine.errors import CodeRefused, FieldsRefused
from engine.prompt import State

KNOWN = ["checkin.momentary"]
TODAY = MONDAY.date()


def redeem(practice: Practice, person: Person, *, zone_name="Europe/Berlin", code=None):
    if code is None:
        code, _ = enrolling.issue_code(
            practice.db, person.patient.id, by=None, now=practice.clock()
        )
    device, _ = enrolling.redeem_code(
        practice.db,
        code,
        platform="web",
        zone_name=zone_name,
        push_token=f"emu-{uuid4().hex}",
        now=practice.clock(),
    )
    return device


def welcomes(practice: Practice, person: Person):
    return [p for p in practice.prompts(person) if p.assignment == WELCOME]


def test_a_new_phone_gets_a_first_prompt_within_seconds(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("12:00")), phones=0)
    device = redeem(on_sqlite, person)
    on_sqlite.live(on_sqlite.clock() + timedelta(seconds=10), step=timedelta(seconds=1))
    (first,) = welcomes(on_sqlite, person)
    assert first.state == State.ACCEPTED
    assert on_sqlite.pusher.pushed[0].prompt_id == first.id
    assert device.patient_id == person.patient.id


@pytest.mark.parametrize("at", ["08:20", "08:40"])
def test_a_first_prompt_does_not_wait_for_the_gap_to_others(on_sqlite: Practice, at: str):
    person = on_sqlite.enrol(
        protocol(fixed(at), windowed("08:00-11:00", id="b"), min_gap="45m"), phones=0
    )
    on_sqlite.live(MONDAY + timedelta(minutes=10))
    redeem(on_sqlite, person)
    on_sqlite.live(on_sqlite.clock() + timedelta(seconds=10), step=timedelta(seconds=1))
    assert [w.state for w in welcomes(on_sqlite, person)] == [State.ACCEPTED]


def test_the_prompts_after_a_first_prompt_keep_their_gap_to_it(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("08:13"), min_gap="45m"), phones=0)
    on_sqlite.live(MONDAY + timedelta(minutes=10), step=timedelta(minutes=1))
    redeem(on_sqlite, person)
    on_sqlite.live(MONDAY + timedelta(hours=1), step=timedelta(minutes=1))
    sent = sorted(p.sent_at for p in on_sqlite.prompts(person) if p.sent_at)
    assert len(sent) == 2
    assert sent[1] - sent[0] >= timedelta(minutes=45)


def test_no_first_prompt_comes_in_quiet_hours(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("12:00"), quiet="21:00-09:00"), phones=0)
    redeem(on_sqlite, person)
    assert welcomes(on_sqlite, person) == []


def test_quiet_hours_for_the_first_prompt_are_those_of_the_phone(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("12:00"), quiet="21:00-07:30"), phones=0)
    redeem(on_sqlite, person, zone_name="America/New_York")
    assert welcomes(on_sqlite, person) == []


def test_a_second_phone_on_the_same_day_gets_a_first_prompt_of_its_own(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("12:00"), min_gap="45m"), phones=0)
    for number in range(2):
        redeem(on_sqlite, person)
        on_sqlite.live(on_sqlite.clock() + timedelta(seconds=10), step=timedelta(seconds=1))
        assert len(on_sqlite.pusher.pushed) == number + 1
    tokens = [push.token for push in on_sqlite.pusher.pushed]
    assert len(set(tokens)) == 2
    assert len({p.id for p in welcomes(on_sqlite, person)}) == 2


def test_a_code_is_good_once_and_only_the_newest(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("12:00")), phones=0)
    now = on_sqlite.clock()
    older, _ = enrolling.issue_code(on_sqlite.db, person.patient.id, by=None, now=now)
    newer, ends_at = enrolling.issue_code(on_sqlite.db, person.patient.id, by=None, now=now)
    with pytest.raises(CodeRefused):
        redeem(on_sqlite, person, code=older)
    with pytest.raises(FieldsRefused, match="Mars"):
        redeem(on_sqlite, person, code=newer, zone_name="Mars/Base")
    on_sqlite.clock.now = ends_at - timedelta(microseconds=1)
    redeem(on_sqlite, person, code=newer)
    with pytest.raises(CodeRefused):
        redeem(on_sqlite, person, code=newer)


def test_a_code_ends_to_the_instant(on_sqlite: Practice):
    person = on_sqlite.enrol(protocol(fixed("12:00")), phones=0)
    code, ends_at = enrolling.issue_code(
        on_sqlite.db, person.patient.id, by=None, now=on_sqlite.clock()
    )
    on_sqlite.clock.now = ends_at
    with pytest.raises(CodeRefused):
        redeem(on_sqlite, person, code=code)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2027, 3, 27), [8, 19]),
        (date(2027, 3, 28), [7, 18]),  # forward at two in the night
        (date(2027, 10, 30), [7, 18]),
        (date(2027, 10, 31), [8, 19]),  # back at three
    ],
)
def test_the_patients_clock_rules_on_days_when_it_changes(on_sqlite: Practice, day, hours):
    on_sqlite.clock.now = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    person = on_sqlite.enrol(protocol(fixed("09:00", "20:00")))
    on_sqlite.live(on_sqlite.clock() + timedelta(days=2, hours=3), step=timedelta(minutes=30))
    sent = [p.sent_at.hour for p in on_sqlite.prompts(person, day)]
    assert sent == hours


def test_a_time_that_happens_twice_comes_once(on_sqlite: Practice):
    on_sqlite.clock.now = datetime(2027, 10, 30, 20, tzinfo=UTC)
    person = on_sqlite.enrol(protocol(fixed("02:30")))
    on_sqlite.live(on_sqlite.clock() + timedelta(hours=8), step=timedelta(minutes=15))
    sent = [p.sent_at for p in on_sqlite.prompts(person) if p.sent_at]
    assert sent == [datetime(2027, 10, 31, 0, 30, tzinfo=UTC)]


def test_a_traveller_gets_the_rest_of_the_day_by_the_new_clock(on_sqlite: Practice):
    """Nine o'clock was sent in Berlin; landing in New York at 15:00 there."""
    on_sqlite.clock.now = datetime(2027, 5, 10, 6, tzinfo=UTC)
    person = on_sqlite.enrol(protocol(fixed("09:00", "13:00", "17:00", "21:00"), min_gap="45m"))
    on_sqlite.live(datetime(2027, 5, 10, 7, 30, tzinfo=UTC))
    on_sqlite.clock.now = datetime(2027, 5, 10, 19, tzinfo=UTC)
    with on_sqlite.db.write() as tx:
        move_to_zone(tx, person.patient.id, "America/New_York", now=on_sqlite.clock())
    on_sqlite.live(datetime(2027, 5, 11, 4, tzinfo=UTC), step=timedelta(minutes=15))
    day = on_sqlite.prompts(person, date(2027, 5, 10))
    assert [p.sent_at for p in day if p.sent_at] == [
        datetime(2027, 5, 10, 7, tzinfo=UTC),
        datetime(2027, 5, 10, 21, tzinfo=UTC),
        datetime(2027, 5, 11, 1, tzinfo=UTC),
    ]


def test_a_day_lived_twice_brings_no_prompt_twice(on_sqlite: Practice):
    on_sqlite.clock.now = datetime(2027, 1, 14, 18, tzinfo=UTC)  # 15 January, 07:00 in Apia
    person = on_sqlite.enrol(protocol(fixed("09:00", "12:00")), zone_name="Pacific/Apia")
    on_sqlite.live(datetime(2027, 1, 14, 23, 30, tzinfo=UTC), step=timedelta(minutes=15))
    assert len(on_sqlite.pusher.pushed) == 2
    with on_sqlite.db.write() as tx:  # 14 January, 13:30 in Honolulu: the 15th comes again
        move_to_zone(tx, person.patient.id, "Pacific/Honolulu", now=on_sqlite.clock())
    on_sqlite.live(datetime(2027, 1, 16, 4, tzinfo=UTC), step=timedelta(minutes=15))
    sent = [push.prompt_id for push in on_sqlite.pusher.pushed]
    assert len(sent) == len(set(sent)) == 2


def test_what_is_left_of_a_day_that_a_traveller_skipped_does_not_come(on_sqlite: Practice):
    on_sqlite.clock.now = datetime(2027, 5, 10, 15, tzinfo=UTC)  # 08:00 in Los Angeles
    person = on_sqlite.enrol(protocol(fixed("20:00")), zone_name="America/Los_Angeles")
    on_sqlite.plan()
    on_sqlite.clock.now = datetime(2027, 5, 10, 23, tzinfo=UTC)  # 08:00 on the 11th in Tokyo
    with on_sqlite.db.write() as tx:
        move_to_zone(tx, person.patient.id, "Asia/Tokyo", now=on_sqlite.clock())
    on_sqlite.live(datetime(2027, 5, 11, 12, tzinfo=UTC), step=timedelta(minutes=15))
    sent = [p.sent_at for p in on_sqlite.prompts(person) if p.sent_at]
    assert sent == [datetime(2027, 5, 11, 11, tzinfo=UTC)]
