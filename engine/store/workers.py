"""Repository of the workers that run, by their signs of life."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import OperationalError

from engine.health_records import WorkerStatus
from engine.store import tables
from engine.store.database import Database, ReadTx, WriteTx
from engine.store.server_time import lease_time

log = logging.getLogger(__name__)

FORGET_AFTER = timedelta(days=1)
"""A worker that has not been seen for so long is not missed any more."""
SILENT_AFTER = timedelta(seconds=60)
"""A worker that has not been seen for so long is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a worker tells of itself: where it runs, its release, and how its parts are.

    `ticks` are the seconds since each tick last succeeded; `open_until` is until when it sends
    nothing as Firebase is in trouble.
    """

    host: str | None = None
    pid: int | None = None
    version: str | None = None
    open_until: datetime | None = None
    ticks: Mapping[str, float] = field(default_factory=dict)


NOTHING_TOLD = Beat()


@dataclass(frozen=True, slots=True)
class Workers:
    """How many workers are known, alive and at work, and what stands still in others.

    `dead` counts those not seen for a while that did not end in order; `ticks` are the seconds
    since each tick last succeeded in any worker at work.
    """

    known: int
    at_work: int
    stalled: tuple[str, ...]
    dead: int = 0
    ticks: Mapping[str, float] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Return whether prompts leave, as far as is known; no worker known is not a fault."""
        return self.at_work > 0 or self.known == 0


NO_WORKERS = Workers(known=0, at_work=0, stalled=())
"""What is known where no worker was ever started."""


def beat(
    tx: WriteTx,
    owner: str,
    stalled: str | None,
    *,
    now: datetime,
    told: Beat = NOTHING_TOLD,
) -> None:
    """Note that a worker is alive and what stands still in it; forget the long dead."""
    workers, at = tables.Worker, lease_time(tx, now)
    tx.conn.execute(delete(workers).where(workers.seen_at <= at - FORGET_AFTER))
    values = {
        "seen_at": at,
        "stalled": stalled,
        "host": told.host,
        "pid": told.pid,
        "version": told.version,
        "open_until": told.open_until,
        "ticks": dict(told.ticks),
    }
    known = tx.conn.execute(update(workers).where(workers.owner == owner).values(values))
    if known.rowcount == 0:
        tx.conn.execute(insert(workers).values(owner=owner, started_at=at, **values))


def leave(db: Database, owner: str) -> None:
    """Note that a worker has ended in order; that the database cannot be told does not matter."""
    try:
        with db.write() as tx:
            tx.conn.execute(delete(tables.Worker).where(tables.Worker.owner == owner))
    except OperationalError:
        log.warning("the database could not be told that this worker ended")


def at_work(tx: ReadTx, *, now: datetime) -> Workers:
    """Return how the workers of this database are."""
    found = statuses(tx, now=now)
    well = [one for one in found if one.alive and one.stalled is None]
    names = {name for one in well for name in one.ticks}
    return Workers(
        known=len(found),
        at_work=len(well),
        stalled=tuple(sorted({one.stalled for one in found if one.alive and one.stalled})),
        dead=sum(not one.alive for one in found),
        ticks={
            name: min(one.ticks[name] for one in well if name in one.ticks)
            for name in sorted(names)
        },
    )


def statuses(tx: ReadTx, *, now: datetime) -> list[WorkerStatus]:
    """Return what each worker told last, in the order they were started."""
    table, since = tables.Worker, lease_time(tx, now) - SILENT_AFTER
    rows = tx.conn.execute(select(table).order_by(table.started_at, table.owner))
    return [
        WorkerStatus(
            owner=row.owner,
            host=row.host,
            pid=row.pid,
            version=row.version,
            started_at=row.started_at,
            seen_at=row.seen_at,
            alive=row.seen_at > since,
            stalled=row.stalled,
            open_until=row.open_until,
            ticks=row.ticks,
        )
        for row in rows
    ]
