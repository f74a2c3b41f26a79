"""Opening a database and its transactions.

SQLite runs in WAL mode with `synchronous=FULL` (an acknowledged answer survives a power cut) and
takes its write lock at BEGIN, so a write transaction never fails half way for lack of it.
PostgreSQL's sessions run with `synchronous_commit = on`, which is the same promise.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import StaticPool

from engine.errors import WelltimedError

BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for another process to end its write."""
CHECKPOINT_PAGES = 4_000
"""SQLite's log is worked into the file when it has 16 MB; a burst of prompts writes 4 MB in half
a second, and each time is a pause for whoever commits then."""
IDLE_TIMEOUT_MS = 4_000
"""After this long without a statement PostgreSQL ends a transaction and frees its locks."""
LOCK_TIMEOUT_MS = 6_000
"""Longer than the above, so that whoever waits for a stopped worker gets through."""
STATEMENT_TIMEOUT_MS = 30_000
"""No statement of the regular jobs or of a page takes this long; one that does is ended."""
RANDOM_PAGE_COST = 1.1
"""What PostgreSQL's manual advises for solid-state disks."""
_WRITES = "welltimed_writes"


class DatabaseUnusable(WelltimedError):
    """The database cannot be opened; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ReadTx:
    """An open transaction that only reads."""

    conn: Connection


@dataclass(frozen=True, slots=True)
class WriteTx(ReadTx):
    """An open transaction that may write; it commits when its block ends without an error."""


class Database:
    """A database and the two ways to use it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})
        # SQLite's own wait for its write lock sleeps in growing steps; threads of one process
        # queue here instead and go on the moment the lock is free.
        self._turn: AbstractContextManager[object] = (
            threading.Lock() if self.is_sqlite else nullcontext()
        )

    @property
    def url(self) -> str:
        """Return the address with any password hidden."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Return whether this is SQLite."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        """Open a consistent view of the data."""
        with self._engine.begin() as conn:
            yield ReadTx(conn)

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        """Open a write transaction: commit at the end of the block, roll back on any error."""
        with self._turn, self._writer.begin() as conn:
            yield WriteTx(conn)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a bare connection, for migrations: its statements may take as long as they need."""
        with self._engine.connect() as conn:
            if not self.is_sqlite:
                conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
            yield conn

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at `url` (`sqlite:///file` or `postgresql+psycopg://...`).

    Raises DatabaseUnusable when the address is malformed or a SQLite file cannot be written.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUnusable(
            "database_url: not an address like sqlite:///file or postgresql://host/name"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite(url, parsed.database))
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return Database(_postgres(parsed))


def _postgres(url: URL) -> Engine:
    engine = create_engine(url, pool_size=10, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine, "connect", _begin_session)
    return engine


def _begin_session(connection: Any, _record: Any) -> None:  # noqa: ANN401 (driver's own types)
    # A worker that was stopped inside a transaction must not hold up the others for ever; what is
    # committed is durable, whatever the server was told to begin with; rows found by an index are
    # not as dear as on the turning disks that PostgreSQL expects by default; and no statement here
    # is so long that compiling it pays, though stale statistics may have it look so.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET random_page_cost = {RANDOM_PAGE_COST}")
        cursor.execute("SET jit = off")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_TIMEOUT_MS}")
        cursor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
    connection.commit()


def _sqlite(url: str, path: str | None) -> Engine:
    in_memory = path in {None, "", ":memory:"}
    if in_memory:
        # Values stay out of error messages, which end in logs: they are patients' answers.
        engine = create_engine(url, poolclass=StaticPool, hide_parameters=True)
    else:
        _check_writable(Path(str(path)))
        engine = create_engine(url, pool_size=20, max_overflow=40, hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _check_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as error:
        raise DatabaseUnusable(f"cannot write {path}: {error.strerror}") from error


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 (driver's own types)
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(conn: Connection) -> None:
    writes = conn.get_execution_options().get(_WRITES, False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def unsafe_settings(db: Database) -> list[str]:
    """Return the server's settings by which a power cut may lose or break what is committed.

    No session can change them. SQLite has none.
    """
    if db.is_sqlite:
        return []
    with db.read() as tx:
        return [
            name
            for name in ("fsync", "full_page_writes")
            if tx.conn.exec_driver_sql(f"SHOW {name}").scalar_one() == "off"
        ]


def is_reachable(db: Database) -> bool:
    """Return whether the database answers."""
    try:
        with db.read() as tx:
            tx.conn.exec_driver_sql("SELECT 1")
    except OperationalError:
        return False
    return True
