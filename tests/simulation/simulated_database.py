"""A database in memory, and one process's view of it: each transaction is a place to stop at.

SQLite lets one write at a time, so a transaction is one step of the simulation; a crash inside it
rolls back. What it committed as intents is noted, with all the process could know at that moment.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from fakes import sqlite_template
from simulated_time import Hub, Process

from engine.store import Database, open_database
from engine.store.database import ReadTx, WriteTx

_INTENTS = """
    SELECT a.rowid, p.id, coalesce(p.parent_id, p.id), p.repeat, p.kind, p.patient_id,
        p.local_date, p.assignment, p.cause_id, p.zone, p.expires_at, a.attempt, a.intended_at,
        d.deduplicates, d.id
    FROM attempts a JOIN prompts p ON p.id = a.prompt_id JOIN devices d ON d.id = a.device_id
    WHERE a.rowid > ? ORDER BY a.rowid
"""
_LAST_INTENT = "SELECT coalesce(max(rowid), 0) FROM attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An intent as its worker committed it; `seq` numbers the transaction."""

    row_id: UUID
    push_id: UUID
    repeat: int
    kind: str
    patient_id: UUID
    local_date: str
    assignment: str
    caused: bool
    zone: str
    expires_at: datetime
    attempt: int
    intended_at: datetime
    strict: bool
    device_id: UUID
    seq: int


def instant(stored: str | None) -> datetime | None:
    """Return an instant as SQLite holds it."""
    return None if stored is None else datetime.fromisoformat(stored).replace(tzinfo=UTC)


@cache
def _template() -> sqlite3.Connection:
    return sqlite3.connect(f"file:{sqlite_template()}?mode=ro", uri=True)


def memory_database() -> Database:
    """Return a migrated SQLite database that lives in memory."""
    db = open_database("sqlite://")
    with db.connect() as conn:
        raw = conn.connection.dbapi_connection
        conn.rollback()
        _template().backup(raw)
    return db


def raw_connection(db: Database) -> sqlite3.Connection:
    """Return the one connection of a database in memory, for looks unseen by the simulation."""
    with db.connect() as conn:
        return conn.connection.dbapi_connection


class SteppedDatabase(Database):
    """A database as one process sees it."""

    def __init__(self, db: Database, hub: Hub, process: Process) -> None:
        super().__init__(db._engine)
        self._raw = raw_connection(db)
        self.hub, self.process = hub, process
        self.promises: dict[tuple[UUID, int], Promise] = {}
        self.writing = False
        self.at_begin: Callable[[WriteTx, datetime], None] = lambda _tx, _now: None

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        self.process.step()
        with super().read() as tx:
            self.hub.tick()
            yield tx

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        self.process.step()
        with super().write() as tx:
            self.writing = True
            try:
                seq = self.hub.tick()
                (last,) = self._raw.execute(_LAST_INTENT).fetchone()
                self.at_begin(tx, self.hub.clock())
                yield tx
                if self.hub.rng.random() < self.hub.temper.crash:
                    self.process.crash()  # inside the transaction: it never was
                self._note_intents(last, seq)
            finally:
                self.writing = False
        self.process.step()

    def _note_intents(self, last: int, seq: int) -> None:
        for row in self._raw.execute(_INTENTS, (last,)):
            promise = _promise(row, seq)
            self.promises[promise.push_id, promise.repeat] = promise


def _promise(row: Any, seq: int) -> Promise:
    (_, row_id, push_id, repeat, kind, patient, day, assignment, cause, zone, expires, number) = (
        row[:12]
    )
    return Promise(
        row_id=UUID(row_id),
        push_id=UUID(push_id),
        repeat=repeat,
        kind=kind,
        patient_id=UUID(patient),
        local_date=day,
        assignment=assignment,
        caused=cause is not None,
        zone=zone,
        expires_at=instant(expires),
        attempt=number,
        intended_at=instant(row[12]),
        strict=not row[13],
        device_id=UUID(row[14]),
        seq=seq,
    )
