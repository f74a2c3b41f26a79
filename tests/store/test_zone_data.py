"""New zone data: what is planned moves to the new instants, what was sent stays, all is logged."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from fakes import MONDAY, NINE, Person, Practice, fixed, protocol, windowed
from schedule_steps import after, followed, live, logged, report

from engine import localtime
from engine.commands import basis, replanning, scheduling, zone_data
from engine.commands.zone_data import follow_tzdata
from engine.prompt import State
from engine.records import Enrolment, LogKind, Patient, ProtocolVersion
from engine.store import Database, WriteTx, meta, people, schedules

ZONES = (
    "Africa/Casablanca", "America/Bogota", "America/Edmonton", "America/New_York",
    "America/Vancouver", "America/Winnipeg", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tokyo",
    "Asia/Tehran", "Atlantic/Azores", "Australia/Perth", "Europe/Berlin", "Europe/Dublin",
    "Europe/Kyiv", "Europe/London", "Europe/Madrid", "Pacific/Apia", "Pacific/Auckland",
    "Pacific/Honolulu",
)  # fmt: skip


class NewRules:
    """New zone data for some zones: their clocks go an hour further from UTC."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._known = localtime.zone

    def publish(self, release: str, *moved: str) -> None:
        """Replace the release, and with it the clocks of some zones."""

        def zone(name: str) -> ZoneInfo | timezone:
            old = self._known(name)
            if name not in moved:
                return old
            return timezone(MONDAY.astimezone(old).utcoffset() + timedelta(hours=1), name)

        for module in (basis, scheduling):
            self._monkeypatch.setattr(module, "zone", zone)
        for module in (zone_data, replanning):
            self._monkeypatch.setattr(module, "tzdata_version", lambda: release)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[NewRules]:
    rules = NewRules(monkeypatch)
    rules.publish("2025b")
    return rules


def starts(practice: Practice, person: Person) -> list[datetime]:
    return [p.start_at for p in practice.prompts(person)]


def test_only_the_zones_that_changed_move(practice: Practice, data: NewRules):
    vancouver, berlin = (
        practice.enrol(protocol(fixed("18:00")), zone_name=name)
        for name in ("America/Vancouver", "Europe/Berlin")
    )
    practice.plan()
    before = {person: practice.prompts(person) for person in (vancouver, berlin)}
    data.publish("2026f", "America/Vancouver")
    assert follow_tzdata(practice.db, now=practice.clock()) == len(before[vancouver])
    assert starts(practice, vancouver) == [
        p.start_at - timedelta(hours=1) for p in before[vancouver]
    ]
    assert practice.prompts(berlin) == before[berlin]
    assert {p.id for p in practice.prompts(vancouver)} == {p.id for p in before[vancouver]}
    assert logged(practice, berlin) == []


def test_it_is_done_by_the_planning_tick_and_once(practice: Practice, data: NewRules):
    person = practice.enrol(protocol(fixed("18:00")))
    practice.plan()
    before = starts(practice, person)
    data.publish("2026f", "Europe/Berlin")
    practice.plan()
    assert starts(practice, person)[: len(before)] == [at - timedelta(hours=1) for at in before]
    assert follow_tzdata(practice.db, now=practice.clock()) == 0
    with practice.db.read() as tx:
        assert meta.fact(tx, meta.TZDATA) == "2026f"


def test_each_moved_slot_has_a_row_that_says_from_where_to_where(
    practice: Practice, data: NewRules
):
    person = practice.enrol(protocol(fixed("18:00")))
    practice.plan()
    before = practice.prompts(person)
    data.publish("2026f", "Europe/Berlin")
    practice.plan()
    entries = logged(practice, person, LogKind.TZDATA_MOVED)
    assert [entry.prompt_id for entry in entries] == [p.id for p in before]
    assert entries[0].detail == {
        "from": "2025b",
        "to": "2026f",
        "zone": "Europe/Berlin",
        "assignment": "checkin.momentary",
        "was_at": "2027-03-01T17:00:00+00:00",
        "is_at": "2027-03-01T16:00:00+00:00",
    }


def test_what_was_sent_is_untouched_and_never_comes_again(practice: Practice, data: NewRules):
    person = practice.enrol(protocol(fixed("09:00", "18:00")))
    live(practice, NINE + timedelta(minutes=5))
    sent = next(p for p in practice.prompts(person) if p.sent_at)
    data.publish("2026f", "Europe/Berlin")
    live(practice, NINE + timedelta(hours=1), step=timedelta(minutes=10))
    assert practice.prompt(person, sent.id) == sent
    assert practice.pusher.times(sent.id) == 1
    assert sent.id not in {e.prompt_id for e in logged(practice, person)}


def test_a_drawn_slot_moves_with_its_window_and_its_reminders_with_it(
    practice: Practice, data: NewRules
):
    person = practice.enrol(protocol(windowed("11:00-14:00", reminders=["10m"])))
    practice.plan()
    practice.clock.now = NINE + timedelta(hours=2)
    practice.decide()
    drawn = practice.prompts(person)[0]
    decision = practice.decision(person, drawn.id)
    practice.clock.now = NINE
    data.publish("2026f", "Europe/Berlin")
    practice.plan()
    moved = practice.prompt(person, drawn.id)
    assert drawn.due_at - moved.due_at == timedelta(hours=1)
    assert drawn.expires_at - moved.expires_at == timedelta(hours=1)
    assert practice.decision(person, drawn.id) == decision, "drawn once, whatever the clocks do"
    live(practice, NINE + timedelta(hours=5))
    assert [push.repeat for push in practice.pusher.pushed] == [0, 1]
    assert practice.prompt(person, drawn.id).sent_at == moved.due_at


def test_reminders_keep_their_distance_when_the_clocks_change(practice: Practice, data: NewRules):
    practice.enrol(protocol(windowed("11:00-14:00", reminders=["10m"])))
    practice.plan()
    practice.clock.now = NINE + timedelta(hours=2)
    practice.decide()
    practice.clock.now = NINE
    data.publish("2026f", "Europe/Berlin")
    left: list[datetime] = []
    practice.pusher.before = lambda pushes: left.extend(practice.clock() for _ in pushes)
    practice.live(NINE + timedelta(hours=5))
    prompt, reminder = left
    assert reminder - prompt == timedelta(minutes=10)


def test_a_window_already_over_by_the_new_clock_ends_and_is_logged(
    practice: Practice, data: NewRules
):
    person = practice.enrol(protocol(fixed("08:30")))
    practice.plan()
    first = practice.prompts(person)[0]
    data.publish("2026f", "Europe/Berlin")
    practice.plan()
    assert first.id not in {p.id for p in practice.prompts(person)}
    (entry,) = logged(practice, person, LogKind.TZDATA_ENDED)
    assert entry.prompt_id == first.id


def test_ten_thousand_windows_in_twenty_zones_move_only_where_the_clocks_did(
    practice: Practice, data: NewRules
):
    """One transaction; the figures are those of a large practice with two days planned ahead."""
    zones = enrol_many(practice.db, 26)
    practice.plan()
    before = all_starts(practice.db)
    assert len(before) >= 10_000
    changed = {"America/Vancouver", "America/Edmonton", "Africa/Casablanca"}
    data.publish("2026f", *changed)
    moves = follow_tzdata(practice.db, now=practice.clock())
    afterwards = all_starts(practice.db)
    moved = Counter(
        zones[patient]
        for (patient, key), at in before.items()
        if afterwards.get((patient, key)) != at
    )
    assert set(moved) == changed
    assert moves == sum(moved.values())


def enrol_many(db: Database, each: int) -> dict[UUID, str]:
    """Enrol so many patients in each zone under one schedule; return the zone of each."""
    document = protocol(fixed(*(f"{hour:02}:00" for hour in range(8, 20))))
    with db.write() as tx:
        return {enrol_one(tx, name, document): name for name in ZONES for _ in range(each)}


def enrol_one(tx: WriteTx, zone_name: str, document: dict) -> UUID:
    patient = Patient(id=uuid4(), name="P", zone=zone_name, created_at=MONDAY)
    enrolment = Enrolment(
        id=uuid4(),
        patient_id=patient.id,
        zone=zone_name,
        protocol_id=uuid4(),
        seed=1,
        control_share=0.2,
        first_day=MONDAY.date() - timedelta(days=2),
        planned_through=None,
    )
    version = ProtocolVersion(
        protocol_id=enrolment.protocol_id,
        version=1,
        document=document,
        created_by="test",
        created_at=MONDAY,
    )
    people.add_patient(tx, patient, therapist_ids=[])
    schedules.add_protocol(tx, enrolment.protocol_id, "Test", now=MONDAY)
    schedules.add_version(tx, version)
    schedules.add_enrolment(tx, enrolment, now=MONDAY)
    return patient.id


def all_starts(db: Database) -> dict[tuple[UUID, str], datetime]:
    with db.read() as tx:
        rows = tx.conn.exec_driver_sql("SELECT patient_id, id, start_at FROM prompts").all()
    return {(UUID(str(row[0])), str(row[1])): _instant(row[2]) for row in rows}


def _instant(value: datetime | str) -> datetime:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def test_prompts_after_an_event_stay_so_long_after_it(practice: Practice, data: NewRules):
    person = practice.enrol(protocol(fixed("20:00"), after({"report": "smoked"}, delay="3h")))
    practice.plan()
    report(practice, person, "smoked")
    before = followed(practice, person)
    data.publish("2026f", "Europe/Berlin")
    practice.plan()
    assert followed(practice, person) == before
    assert before[0].state == State.PLANNED
