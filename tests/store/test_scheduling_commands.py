"""Planning ahead, changing a protocol, first prompts, and days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from fakes import FAR_FIRST, MONDAY, NINE, Person, Practice, fixed, protocol, windowed

from engine.commands import enrolling
from engine.commands.scheduling import (
    HORIZON,
    WELCOME,
    change_protocol,
    move_to_zone,
    preview,
    protocol_for,
)
from engine.errors import CodeRefused, FieldsRefused, NotFound, StaleVersion
from engine.prompt import State
from engine.protocol import ProtocolFaults
from engine.store import windows

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
