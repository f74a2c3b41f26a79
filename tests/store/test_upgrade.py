"""Databases of the first release move on with all that is in them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from fakes import MONDAY, NINE, Practice, fixed, protocol
from releases import moved
from sqlalchemy import MetaData, insert

from engine.planning import prompt_id
from engine.prompt import State
from engine.store import Database, answers, events, learning, migrate, reports, windows

PATIENT, ENROLMENT, PROTOCOL, DEVICE = (UUID(int=number) for number in range(1, 5))
ANSWERED, MISSED, OPEN, PLANNED = (
    prompt_id(ENROLMENT, "checkin.momentary", MONDAY.date(), number) for number in range(4)
)
DOCUMENT = protocol(fixed("09:00", "13:00", "17:00", "20:00"))


def prompt(number: int, key: UUID, **columns: object) -> dict[str, object]:
    at = NINE + timedelta(hours=4 * number)
    return {
        "id": key,
        "enrolment_id": ENROLMENT,
        "patient_id": PATIENT,
        "protocol_id": PROTOCOL,
        "protocol_version": 1,
        "zone": "Europe/Berlin",
        "assignment": "checkin.momentary",
        "content_id": "checkin.momentary",
        "local_date": MONDAY.date(),
        "window": number,
        "start_at": at,
        "end_at": at + timedelta(hours=1),
        "slots": [int(at.timestamp())],
        "timing": "fixed",
        "objective": "answered",
        "representative": False,
        "within_seconds": 900,
        "expires_after_seconds": 3600,
        "state": "planned",
        "due_at": at,
        "epoch": 0,
        "attempts": 0,
        **columns,
    }


def sent(number: int, key: UUID, **columns: object) -> dict[str, object]:
    at = NINE + timedelta(hours=4 * number)
    return prompt(
        number,
        key,
        state="accepted",
        decided_at=at,
        expires_at=at + timedelta(hours=1),
        sent_at=at,
        attempts=1,
        **columns,
    )


ROWS: dict[str, list[dict[str, object]]] = {
    "patients": [{"id": PATIENT, "name": "P-01", "zone": "Europe/Berlin", "created_at": MONDAY}],
    "devices": [
        {
            "id": DEVICE,
            "patient_id": PATIENT,
            "credential_sha256": "0" * 64,
            "platform": "web",
            "zone": "Europe/Berlin",
            "push_token": "emu-P-01",
            "created_at": MONDAY,
        }
    ],
    "protocols": [{"id": PROTOCOL, "name": "Test", "created_at": MONDAY}],
    "protocol_versions": [
        {
            "protocol_id": PROTOCOL,
            "version": 1,
            "document": DOCUMENT,
            "created_by": "Therapist One",
            "created_at": MONDAY,
        }
    ],
    "enrolments": [
        {
            "id": ENROLMENT,
            "patient_id": PATIENT,
            "protocol_id": PROTOCOL,
            "seed": 1,
            "control_share": 0.2,
            "first_day": MONDAY.date(),
            "planned_through": MONDAY.date(),
            "created_at": MONDAY,
        }
    ],
    "prompts": [
        sent(0, ANSWERED, answered_at=NINE + timedelta(minutes=4)),
        sent(1, MISSED),
        sent(2, OPEN),
        prompt(3, PLANNED),
    ],
    "attempts": [
        {
            "prompt_id": ANSWERED,
            "attempt": 1,
            "epoch": 1,
            "device_id": DEVICE,
            "intended_at": NINE,
            "finished_at": NINE,
            "outcome": "accepted",
            "http_status": 200,
        }
    ],
    "decisions": [
        {
            "prompt_id": ANSWERED,
            "decided_at": NINE,
            "policy": "fixed",
            "policy_version": "1",
            "arm": "fixed",
            "arm_probability": 1.0,
            "epsilon": 1.0,
            "seed": 1,
            "slots": [int(NINE.timestamp())],
            "available": [True],
            "propensities": [1.0],
            "chosen": 0,
            "features": {"hours": [9.0]},
        }
    ],
}


def fill(db: Database) -> None:
    """Write rows as the first release did: by the shape that the tables have then."""
    with db.connect() as connection:
        found = MetaData()
        found.reflect(connection)
        for name, rows in ROWS.items():
            table = found.tables[name]
            for row in rows:
                connection.execute(insert(table).values(_written(row, db)))
        connection.commit()


def _written(row: dict[str, object], db: Database) -> dict[str, object]:
    """Return the values as this database stores them: SQLite knows no UUID and no zone."""
    return {key: _plain(value) for key, value in row.items()} if db.is_sqlite else row


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


@pytest.fixture
def upgraded(empty_db: Database) -> Practice:
    moved(empty_db, "0001")
    fill(empty_db)
    assert migrate(empty_db)[0] == "0002"
    practice = Practice(empty_db)
    practice.clock.now = NINE + timedelta(hours=8, minutes=10)
    return practice


def test_all_that_was_there_is_there(upgraded: Practice):
    with upgraded.db.read() as tx:
        found = reports.prompt_records(tx, PATIENT, first=date(2027, 3, 1), last=date(2027, 3, 1))
    assert [p.id for p in found] == [ANSWERED, MISSED, OPEN, PLANNED]
    assert [p.state for p in found] == [State.ACCEPTED] * 3 + [State.PLANNED]
    assert found[0].answered_at == NINE + timedelta(minutes=4)
    assert (found[0].arm, found[0].propensity, found[0].probability) == ("fixed", 1.0, 1.0)


def test_references_hold_and_are_checked_again_afterwards(upgraded: Practice):
    with upgraded.db.connect() as connection:
        if upgraded.db.is_sqlite:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        parent = connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one()
    assert parent == 1


def test_an_open_prompt_stays_open_and_what_is_planned_goes_on(upgraded: Practice):
    with upgraded.db.read() as tx:
        open_now = answers.open_prompts(tx, PATIENT, now=upgraded.clock())
    assert [prompt.id for prompt in open_now] == [OPEN]
    upgraded.live(NINE + timedelta(hours=12, minutes=10), step=timedelta(minutes=10))
    assert [push.prompt_id for push in upgraded.pusher.pushed] == [PLANNED]


def test_old_silences_are_no_news(upgraded: Practice):
    with upgraded.db.read() as tx:
        assert events.run_out(tx, now=NINE + timedelta(days=3), limit=9) == []


def test_what_was_not_learned_yet_still_is(upgraded: Practice):
    with upgraded.db.write() as tx:
        assert [row["id"] for row in learning.unclosed(tx, limit=9)] == [ANSWERED]


def test_old_windows_are_put_right_by_the_zone_data_of_today(upgraded: Practice):
    upgraded.plan()
    with upgraded.db.read() as tx:
        stored = {w.id: w for w in windows.windows_from(tx, ENROLMENT, MONDAY.date())}
    assert stored[PLANNED].tzdata is not None
    assert stored[ANSWERED].tzdata is None
