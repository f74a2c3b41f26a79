"""What both databases promise: migrations, instants, transactions."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fakes import BERLIN, MONDAY, Practice
from sqlalchemy.exc import StatementError

from engine.errors import Conflict
from engine.records import Clinician, Patient
from engine.store import Database, migrate, open_database, pending_migrations, people, schedules
from engine.store.database import DatabaseUnusable, is_reachable, unsafe_settings
from engine.store.types import Base


def _patient(created_at=MONDAY) -> Patient:
    return Patient(id=uuid4(), name="P-01", zone=BERLIN, created_at=created_at)


def test_migrations_take_an_empty_database_to_the_newest_shape_once(empty_db: Database):
    before = pending_migrations(empty_db)
    assert before
    assert migrate(empty_db) == before
    assert pending_migrations(empty_db) == []
    assert migrate(empty_db) == []


def test_migrated_tables_are_those_the_code_declares(db: Database):
    with db.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize(
    "written",
    [
        datetime(2027, 3, 1, 7, 0, 0, 123456, tzinfo=UTC),
        datetime(2027, 10, 31, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2010, 1, 1, tzinfo=timezone(-timedelta(hours=11))),
    ],
)
def test_an_instant_comes_back_as_the_same_instant_in_utc(db: Database, written: datetime):
    patient = _patient(written)
    with db.write() as tx:
        people.add_patient(tx, patient, therapist_ids=[])
    with db.read() as tx:
        read = people.patient(tx, patient.id)
    assert read is not None
    assert read.created_at == written
    assert read.created_at.utcoffset() == timedelta(0)


def test_a_naive_instant_is_refused(db: Database):
    naive = datetime(2027, 3, 1)  # noqa: DTZ001 (the point of the test)
    with pytest.raises(StatementError, match="naive instant"), db.write() as tx:
        people.add_patient(tx, _patient(naive), therapist_ids=[])


def test_an_error_at_the_end_of_a_transaction_leaves_nothing_of_it(db: Database):
    patient = _patient()

    def fail_at_the_end() -> None:
        with db.write() as tx:
            people.add_patient(tx, patient, therapist_ids=[])
            schedules.add_protocol(tx, uuid4(), "Test", now=MONDAY)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_at_the_end()
    with db.read() as tx:
        assert people.patient(tx, patient.id) is None


def test_a_read_sees_nothing_of_a_write_that_is_not_committed(db: Database):
    patient = _patient()
    with db.write() as tx:
        people.add_patient(tx, patient, therapist_ids=[])
        with db.read() as other:
            assert people.patient(other, patient.id) is None
    with db.read() as after:
        assert people.patient(after, patient.id) == patient


def test_an_email_address_belongs_to_one_clinician_in_whatever_case(db: Database):
    def add(email: str) -> None:
        clinician = Clinician(
            id=uuid4(), email=email, name="T", role="therapist", password_hash="-"
        )
        with db.write() as tx:
            people.add_clinician(tx, clinician, now=MONDAY)

    add("one@clinic.example")
    with pytest.raises(Conflict, match="in use already"):
        add("ONE@clinic.example")


def test_a_database_that_answers_is_reachable(db: Database):
    assert is_reachable(db)


def test_sqlite_syncs_each_commit_and_has_no_setting_of_a_server(on_sqlite: Practice):
    with on_sqlite.db.read() as tx:
        assert tx.conn.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert tx.conn.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    assert unsafe_settings(on_sqlite.db) == []


def test_a_database_nobody_listens_for_is_not_reachable():
    db = open_database("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    assert not is_reachable(db)
    db.close()


def test_an_address_is_shown_without_its_password():
    db = open_database("postgresql://nobody:canary@127.0.0.1:1/none")
    assert "canary" not in db.url
    db.close()


@pytest.mark.parametrize("url", ["", "no address", "sqlite:////proc/no/such.db"])
def test_an_unusable_address_is_refused_in_words(url: str):
    with pytest.raises(DatabaseUnusable):
        open_database(url)
