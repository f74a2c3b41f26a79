"""Routes that tell whether the process is up and can do its work."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.deps import ServicesDep
from engine.localtime import tzdata_version
from engine.store import Database, pending_migrations
from engine.store.database import DatabaseUnusable, is_reachable

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


@router.get("/health")
def health() -> Health:
    """Say that the process is up."""
    return Health()


@router.get("/ready", responses={503: {"model": Readiness}})
def ready(services: ServicesDep, response: Response) -> Readiness:
    """Check what the process needs; 503 while something is missing."""
    database = is_reachable(services.db)
    migrated = database and _is_migrated(services.db)
    response.status_code = 200 if migrated else 503
    return Readiness(ready=migrated, database=database, migrated=migrated, tzdata=tzdata_version())


def _is_migrated(db: Database) -> bool:
    try:
        return not pending_migrations(db)
    except DatabaseUnusable:
        return False
