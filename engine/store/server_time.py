"""Time as the database tells it: workers on several machines share no other clock.

SQLite has one machine, so there the worker's clock is the database's.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import OperationalError

from engine.clock import Clock, system_clock
from engine.store.database import Database, ReadTx

log = logging.getLogger(__name__)

RESYNC = timedelta(seconds=10)
"""How long the server's time is carried on by this machine's steady clock before asking again."""


def lease_time(tx: ReadTx, now: datetime) -> datetime:
    """Return the instant leases are counted from: the server's `now()`, on SQLite `now`.

    A worker whose clock is wrong so takes nobody's lease early, and gives none that is too long.
    """
    if tx.conn.dialect.name != "postgresql":
        return now
    at: datetime = tx.conn.exec_driver_sql("SELECT now()").scalar_one()
    return at.astimezone(UTC)


def steady() -> float:
    """Return seconds by a clock that never steps and, where the system has one, never sleeps."""
    return time.clock_gettime(_STEADY)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ServerClock:
    """A clock that tells the PostgreSQL server's time, whatever this machine's clock says.

    It asks once every `RESYNC` and goes by a steady clock in between, so steps of the machine's
    own clock do not reach it. While the server cannot be asked it goes on by the steady clock.
    """

    def __init__(self, db: Database, elapsed: Callable[[], float] = steady) -> None:
        self._db = db
        self._elapsed = elapsed
        self._known = self._ask()

    def __call__(self) -> datetime:
        """Return the server's present instant, in UTC."""
        at, since = self._known
        passed = timedelta(seconds=self._elapsed() - since)
        if passed < RESYNC:
            return at + passed
        try:
            self._known = self._ask()
        except OperationalError:
            log.warning("the database could not be asked for the time")
            return at + passed
        return self._known[0]

    def _ask(self) -> tuple[datetime, float]:
        """Return the server's instant and the steady clock's reading for it."""
        with self._db.read() as tx:
            # Read before the question goes out: so this clock is ahead by the way there and never
            # behind, and nothing is sent after its expiry.
            since = self._elapsed()
            at: datetime = tx.conn.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return at.astimezone(UTC), since


def shared_clock(db: Database) -> Clock:
    """Return the clock all workers of this database share."""
    return system_clock if db.is_sqlite else ServerClock(db)
