"""Repository of the workers that run, by their signs of life."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import OperationalError

from engine.store import tables
from engine.store.database import Database, ReadTx, WriteTx
from engine.store.server_time import lease_time

log = logging.getLogger(__name__)

FORGET_AFTER = timedelta(days=1)
"""A worker that has not been seen for so long is not missed any more."""
SILENT_AFTER = timedelta(seconds=60)
"""A worker that has not been seen for so long is taken for dead."""


@dataclass(frozen=True, slots=True)
class Workers:
    """How many workers are known, alive and at work, and what stands still in others."""

    known: int
    at_work: int
    stalled: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Return whether prompts leave, as far as is known; no worker known is not a fault."""
        return self.at_work > 0 or self.known == 0


NO_WORKERS = Workers(known=0, at_work=0, stalled=())
"""What is known where no worker was ever started."""


def beat(tx: WriteTx, owner: str, stalled: str | None, *, now: datetime) -> None:
    """Note that a worker is alive and what stands still in it; forget the long dead."""
    workers, at = tables.Worker, lease_time(tx, now)
    tx.conn.execute(delete(workers).where(workers.seen_at <= at - FORGET_AFTER))
    known = tx.conn.execute(
        update(workers).where(workers.owner == owner).values(seen_at=at, stalled=stalled)
    )
    if known.rowcount == 0:
        tx.conn.execute(
            insert(workers).values(owner=owner, started_at=at, seen_at=at, stalled=stalled)
        )


def leave(db: Database, owner: str) -> None:
    """Note that a worker has ended in order; that the database cannot be told does not matter."""
    try:
        with db.write() as tx:
            tx.conn.execute(delete(tables.Worker).where(tables.Worker.owner == owner))
    except OperationalError:
        log.warning("the database could not be told that this worker ended")


def at_work(tx: ReadTx, *, now: datetime) -> Workers:
    """Return how the workers of this database are."""
    table = tables.Worker
    since = lease_time(tx, now) - SILENT_AFTER
    rows = tx.conn.execute(select(table.seen_at, table.stalled)).all()
    alive = [row for row in rows if row.seen_at > since]
    return Workers(
        known=len(rows),
        at_work=sum(row.stalled is None for row in alive),
        stalled=tuple(sorted({str(row.stalled) for row in alive if row.stalled})),
    )
