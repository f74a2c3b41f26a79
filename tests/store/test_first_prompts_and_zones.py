"""First prompts of new phones, travellers, and days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from fakes import (
    BERLIN,
    MONDAY,
    REFUSED,
    TOKEN_DEAD,
    UNKNOWN,
    Person,
    Practice,
    fixed,
    protocol,
    windowed,
)

from engine.commands import enrolling
from engine.commands.scheduling import (
    WELCOME,
    WELCOME_AGAIN,
    WELCOME_EXPIRES,
    move_to_zone,
)
from engine.errors import CodeRefused, FieldsRefused
from engine.prompt import State
from engine.store import devices

KNOWN = ["checkin.momentary"]
TODAY = MONDAY.date()


def redeem(practice: Practice, person: Person, *, zone_name=BERLIN, code=None, reachable=True):
    if code is None:
        code, _ = enrolling.issue_code(
            practice.db, person.patient.id, by=None, now=practice.clock()
        )
    device, _ = enrolling.redeem_code(
        practice.db,
        code,
        platform="web",
        zone_name=zone_name,
        push_token=f"emu-{uuid4().hex}" if reachable else None,
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


def some_seconds(practice: Practice) -> None:
    practice.live(practice.clock() + timedelta(seconds=10), step=timedelta(seconds=1))


def newcomer(practice: Practice) -> Person:
    return practice.enrol(protocol(fixed("12:00")), phones=0)


def test_several_phones_in_a_row_bring_one_first_prompt_and_the_last_one_gets_it(
    practice: Practice,
):
    person = newcomer(practice)
    for _ in range(3):
        last = redeem(practice, person)
        practice.clock.forward(seconds=1)
    some_seconds(practice)
    assert [w.state for w in welcomes(practice, person)] == [State.ACCEPTED]
    with practice.db.read() as tx:
        phones = devices.whereabouts(tx, [person.patient.id])[person.patient.id].phones
    tokens = [phone.push_token for phone in phones if phone.id == last.id]
    assert [push.token for push in practice.pusher.pushed] == tokens


def test_once_a_first_prompt_left_a_further_phone_brings_one_only_a_day_later(practice: Practice):
    person = newcomer(practice)
    redeem(practice, person)
    some_seconds(practice)
    (first,) = welcomes(practice, person)
    for since in (timedelta(minutes=1), WELCOME_AGAIN - timedelta(seconds=1)):
        practice.clock.now = first.start_at + since
        redeem(practice, person)
        assert len(welcomes(practice, person)) == 1
    practice.clock.now = first.start_at + WELCOME_AGAIN
    redeem(practice, person)
    assert len({w.id for w in welcomes(practice, person)}) == 2


def test_a_phone_connected_while_a_first_prompt_is_being_sent_brings_no_other(practice: Practice):
    person = newcomer(practice)
    redeem(practice, person)
    practice.pusher.before = lambda _pushes: redeem(practice, person)
    some_seconds(practice)
    assert [w.state for w in welcomes(practice, person)] == [State.ACCEPTED]


def test_a_first_prompt_that_may_have_arrived_is_not_followed_by_another(practice: Practice):
    person = newcomer(practice)
    practice.pusher.script = [UNKNOWN] * 100
    redeem(practice, person)
    some_seconds(practice)
    redeem(practice, person)
    assert [w.state for w in welcomes(practice, person)] == [State.UNKNOWN]


def test_a_phone_gets_its_first_prompt_once_it_can_be_reached(practice: Practice):
    person = newcomer(practice)
    device = redeem(practice, person, reachable=False)
    some_seconds(practice)
    assert welcomes(practice, person) == []
    practice.clock.forward(minutes=2)  # until its owner has allowed notifications
    enrolling.keep_push_token(practice.db, device, "emu-a", now=practice.clock())
    some_seconds(practice)
    assert [push.token for push in practice.pusher.pushed] == ["emu-a"]


def test_a_phone_whose_token_is_renewed_gets_no_first_prompt_again(practice: Practice):
    person = newcomer(practice)
    redeem(practice, person)
    some_seconds(practice)
    with practice.db.read() as tx:
        device = devices.reachable_devices(tx, [person.patient.id])[person.patient.id]
    practice.clock.forward(hours=30)
    enrolling.keep_push_token(practice.db, device, "emu-b", now=practice.clock())
    assert len(welcomes(practice, person)) == 1


@pytest.mark.parametrize("answer", [TOKEN_DEAD, REFUSED])
def test_a_first_prompt_that_reached_no_phone_is_followed_by_one_for_the_next(
    practice: Practice, answer
):
    person = newcomer(practice)
    redeem(practice, person)
    practice.pusher.script = [answer]
    some_seconds(practice)
    assert [w.state for w in welcomes(practice, person)] == [State.FAILED]
    redeem(practice, person)
    some_seconds(practice)
    assert sorted(w.state for w in welcomes(practice, person)) == [State.ACCEPTED, State.FAILED]


@pytest.mark.parametrize("drawn", [True, False])
def test_a_first_prompt_that_nobody_sent_in_time_is_followed_by_one_for_the_next(
    practice: Practice, drawn: bool
):
    person = newcomer(practice)
    redeem(practice, person)
    (first,) = welcomes(practice, person)
    if drawn:
        practice.clock.now = first.start_at
        practice.decide()
    practice.clock.now = first.start_at + WELCOME_EXPIRES - timedelta(seconds=1)
    redeem(practice, person)
    assert len(welcomes(practice, person)) == 1
    practice.clock.now = first.start_at + WELCOME_EXPIRES
    redeem(practice, person)
    some_seconds(practice)
    assert State.ACCEPTED in {w.state for w in welcomes(practice, person)}
    assert len(practice.pusher.pushed) == 1


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
