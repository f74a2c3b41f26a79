"""What leaves, when, and how often: the dispatcher's promises, on both databases."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from fakes import (
    MONDAY,
    NINE,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    Person,
    Practice,
    at_nine,
    fixed,
    protocol,
    throttled,
    windowed,
)

from engine.commands.scheduling import change_protocol, plan_welcome
from engine.localtime import in_quiet_hours, zone
from engine.prompt import ENDED, State
from engine.protocol import parse_protocol
from engine.store import people


def first(practice: Practice, person: Person):
    return practice.prompts(person)[0]


def test_a_due_prompt_is_sent_at_its_instant_and_not_before(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.clock.now = NINE - timedelta(seconds=1)
    anywhere.tick()
    assert anywhere.pusher.pushed == []
    anywhere.clock.now = NINE
    assert anywhere.tick().accepted == 1
    found = first(anywhere, person)
    assert (found.state, found.sent_at) == (State.ACCEPTED, NINE)
    assert anywhere.tick().accepted == 0


@pytest.mark.parametrize(("late", "sent"), [(59, 1), (60, 0), (61, 0)])
def test_nothing_is_sent_once_the_prompt_has_expired(anywhere: Practice, late: int, sent: int):
    person = at_nine(anywhere)
    anywhere.clock.now = NINE + timedelta(minutes=late)
    anywhere.tick()
    assert len(anywhere.pusher.pushed) == sent
    assert first(anywhere, person).state == (State.ACCEPTED if sent else State.EXPIRED)


def test_a_push_says_when_it_expires(practice: Practice):
    at_nine(practice, expires_after="25m")
    practice.tick()
    assert practice.pusher.pushed[0].expires_at == NINE + timedelta(minutes=25)


def test_nothing_is_sent_in_quiet_hours_even_when_they_were_set_after_the_draw(
    anywhere: Practice,
):
    person = at_nine(anywhere)
    drawn = first(anywhere, person)
    change_protocol(
        anywhere.db,
        person.patient.id,
        protocol(fixed("12:00"), windowed("08:00-09:30", id="b"), quiet="09:00-10:00"),
        expected_version=1,
        known_content=["checkin.momentary"],
        by="test",
        now=NINE,
    )
    anywhere.tick()
    assert anywhere.pusher.pushed == []
    assert anywhere.prompt(person, drawn.id).state == State.CANCELLED


def test_quiet_hours_hold_for_a_prompt_that_is_held_up_into_them(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00", expires_after="3h"), quiet="09:30-10:30"))
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.script = [throttled(1800)]
    anywhere.tick()
    anywhere.clock.now = NINE + timedelta(minutes=30)
    anywhere.tick()
    found = first(anywhere, person)
    assert (found.state, found.reason) == (State.CANCELLED, "quiet hours")
    assert len(anywhere.pusher.pushed) == 1


def test_quiet_hours_are_those_of_where_the_patient_is_now(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00"), quiet="21:00-08:00"))
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    with anywhere.db.write() as tx:
        people.set_zone(tx, person.patient.id, "America/New_York")  # where it is 03:00
    anywhere.tick()
    assert anywhere.pusher.pushed == []
    assert first(anywhere, person).reason == "quiet hours"


def test_after_three_days_without_a_worker_a_patient_gets_at_most_one_overdue_prompt(
    anywhere: Practice,
):
    doc = protocol(
        *(
            windowed("08:00-10:00", "12:00-14:00", "16:00-18:00", id=f"a{n}", expires_after="2h")
            for n in range(3)
        ),
        min_gap="10m",
    )
    people_ = [anywhere.enrol(doc) for _ in range(3)]
    anywhere.live(MONDAY + timedelta(minutes=5))
    anywhere.pusher.pushed.clear()
    anywhere.clock.now = MONDAY + timedelta(days=3, hours=2)
    for _ in range(3):
        anywhere.plan()
        anywhere.decide()
        anywhere.tick()
    for person in people_:
        tokens = {phone.push_token for phone in person.phones}
        overdue = [push for push in anywhere.pusher.pushed if push.token in tokens]
        assert len(overdue) <= 1
        past = [
            p for p in anywhere.prompts(person) if p.end_at + timedelta(hours=2) < anywhere.clock()
        ]
        assert len(past) >= 20
        assert all(p.state in ENDED for p in past)


def test_of_several_overdue_prompts_the_newest_is_sent_and_the_others_expire(anywhere: Practice):
    person = anywhere.enrol(
        protocol(*(fixed(f"09:{n}0", id=f"a{n}", expires_after="3h") for n in range(4)))
    )
    drawn = anywhere.draw_day(person)
    today = [p for p in drawn if p.local_date == drawn[0].local_date]
    anywhere.clock.now = NINE + timedelta(hours=1)
    anywhere.tick()
    states = {p.assignment: anywhere.prompt(person, p.id) for p in today}
    assert [push.prompt_id for push in anywhere.pusher.pushed] == [states["a3"].id]
    for name in ("a0", "a1", "a2"):
        assert states[name].state == State.EXPIRED
        assert states[name].reason == "overtaken by a later prompt"


def test_overdue_prompts_in_different_batches_are_still_one_a_patient(anywhere: Practice):
    anywhere.batch = 1
    doc = protocol(*(fixed(f"09:{n}0", id=f"a{n}", expires_after="8h") for n in range(4)))
    person = anywhere.enrol(doc)
    anywhere.draw_day(person)
    anywhere.clock.now = NINE + timedelta(hours=1)
    for _ in range(5):
        anywhere.tick()
        anywhere.clock.forward(hours=1)
    assert len(anywhere.pusher.pushed) == 1


def test_an_overdue_prompt_is_overtaken_by_a_later_one_that_has_left(anywhere: Practice):
    doc = protocol(*(fixed(f"09:{n}0", id=f"a{n}", expires_after="8h") for n in range(2)))
    person = anywhere.enrol(doc)
    anywhere.draw_day(person)
    anywhere.clock.now = NINE
    anywhere.pusher.script = [throttled(1_800)]
    anywhere.live(NINE + timedelta(hours=1))
    held_up, later = anywhere.prompts(person, MONDAY.date())
    assert (held_up.state, held_up.reason) == (State.EXPIRED, "overtaken by a later prompt")
    assert later.sent_at == NINE + timedelta(minutes=10)
    assert len(anywhere.pusher.pushed) == 2, "the first try, and the later one"


@pytest.mark.parametrize("back", [30, 90, 3_600, 86_400])
def test_a_clock_that_goes_back_sends_nothing_again(anywhere: Practice, back: int):
    person = at_nine(anywhere)
    anywhere.tick()
    anywhere.clock.now -= timedelta(seconds=back)
    for _ in range(4):
        anywhere.plan()
        anywhere.decide()
        anywhere.tick()
        anywhere.clock.forward(seconds=back / 2)
    assert anywhere.pusher.times(first(anywhere, person).id) == 1


@pytest.mark.parametrize("back", [30, 3_600, 86_400])
def test_a_clock_that_goes_back_between_intent_and_send_sends_once(anywhere: Practice, back: int):
    person = at_nine(anywhere)

    def step_back(_pushes) -> None:
        anywhere.clock.now -= timedelta(seconds=back)

    anywhere.pusher.before = step_back
    anywhere.tick()
    anywhere.pusher.before = lambda _pushes: None
    anywhere.clock.now = NINE
    anywhere.live(NINE + timedelta(hours=2))
    assert anywhere.pusher.times(first(anywhere, person).id) == 1


def test_two_prompts_keep_the_minimum_gap_in_real_time(anywhere: Practice):
    person = anywhere.enrol(
        protocol(
            fixed("09:00", id="a", expires_after="3h"),
            fixed("10:00", id="b", expires_after="3h"),
            min_gap="45m",
        )
    )
    anywhere.draw_day(person)
    anywhere.clock.now = NINE
    anywhere.pusher.script = [throttled(50 * 60)]
    anywhere.live(NINE + timedelta(hours=3))
    sent = sorted(p.sent_at for p in anywhere.prompts(person) if p.sent_at)
    assert sent == [NINE + timedelta(minutes=50), NINE + timedelta(minutes=95)]


def test_the_first_prompt_of_a_phone_counts_towards_the_cap_of_the_day(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00"), per_day=1))
    with anywhere.db.write() as tx:
        assert plan_welcome(tx, person.patient.id, now=anywhere.clock())
    anywhere.live(NINE + timedelta(minutes=30))
    welcome, regular = anywhere.prompts(person, MONDAY.date())
    assert welcome.state == State.ACCEPTED
    assert (regular.state, regular.reason) == (State.CANCELLED, "per_day cap")


def test_a_cap_lowered_after_the_draw_holds(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00", id="a"), fixed("09:04", id="b")))
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.tick()
    anywhere.clock.now = NINE + timedelta(minutes=4)
    change_protocol(
        anywhere.db,
        person.patient.id,
        protocol(windowed("09:00-09:15", id="a"), windowed("09:00-09:15", id="b"), per_day=1),
        expected_version=1,
        known_content=["checkin.momentary"],
        by="test",
        now=anywhere.clock(),
    )
    anywhere.live(NINE + timedelta(minutes=30), step=timedelta(minutes=1))
    assert len(anywhere.pusher.pushed) == 1


def test_over_a_week_of_faults_every_prompt_ends_and_none_is_doubled(practice: Practice):
    doc = protocol(
        windowed("09:00-12:00", "12:00-15:00", "15:00-18:00"),
        fixed("20:00", id="evening"),
        quiet="21:30-08:00",
        min_gap="45m",
        per_day=6,
    )
    patients = [practice.enrol(doc, zone_name=name) for name in ("Europe/Berlin", "Asia/Tokyo")]
    kinds = [NOT_SENT, UNKNOWN, throttled(300), REFUSED]
    practice.pusher.script = [
        step for n in range(30) for step in (kinds[n % 4], *[kinds[0]] * (n % 2))
    ]
    start = datetime(2027, 3, 25, tzinfo=UTC)  # the clocks go forward on the 28th in Berlin
    practice.clock.now = start
    practice.live(start + timedelta(days=4), step=timedelta(minutes=15))
    for person in patients:
        tz, quiet = zone(person.patient.zone), parse_protocol(doc).quiet_hours
        over = [p for p in practice.prompts(person) if p.end_at < start + timedelta(days=3)]
        assert len(over) > 9
        assert all(p.state in ENDED for p in over)
        sent = sorted(p.sent_at for p in practice.prompts(person) if p.sent_at)
        assert not any(in_quiet_hours(at, tz, quiet) for at in sent)
        gaps = [b - a for a, b in pairwise(sent)]
        assert min(gaps) >= timedelta(minutes=45)
