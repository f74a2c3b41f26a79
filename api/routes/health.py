"""Routes that tell whether the process is up and can do its work."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.deps import ServicesDep
from engine.localtime import tzdata_version
from engine.store import Database, pending_migrations
from engine.store.database import DatabaseUnusable, is_reachable
from engine.store.workers import NO_WORKERS, at_work

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether the process can do its work, check by check."""

    ready: bool
    database: bool
    migrated: bool
    tzdata: str
    workers: int
    stalled: list[str]


@router.get("/health")
def health() -> Health:
    """Say that the process is up."""
    return Health()


@router.get("/ready", responses={503: {"model": Readiness}})
def ready(services: ServicesDep, response: Response) -> Readiness:
    """Check what the process needs; 503 while something is missing or no prompt leaves.

    `workers` are those at work, here or elsewhere; a worker that died, or whose ticks stand still
    (`stalled` says which), is missed for a day. Where none was ever started, none is missed.
    """
    database = is_reachable(services.db)
    migrated = database and _is_migrated(services.db)
    found = NO_WORKERS
    if migrated:
        with services.db.read() as tx:
            found = at_work(tx, now=services.clock())
    is_ready = migrated and found.ready
    response.status_code = 200 if is_ready else 503
    return Readiness(
        ready=is_ready,
        database=database,
        migrated=migrated,
        tzdata=tzdata_version(),
        workers=found.at_work,
        stalled=list(found.stalled),
    )


def _is_migrated(db: Database) -> bool:
    try:
        return not pending_migrations(db)
    except DatabaseUnusable:
        return False
