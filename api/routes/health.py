"""Routes for those who watch over the installation: is it up, can it work, how does it do."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from api.deps import Bearer, NowDep, ServicesDep
from api.metrics import MEDIA_TYPE, SPAN_HOURS, check_scraper, exposition
from engine.commands.health import delivery_health
from engine.localtime import tzdata_version
from engine.release import release
from engine.store import Database, pending_migrations
from engine.store.database import DatabaseUnusable, is_reachable
from engine.store.workers import NO_WORKERS, at_work

router = APIRouter(tags=["health"])
_metrics_bearer = HTTPBearer(auto_error=False, scheme_name="metrics")


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether the process can do its work, check by check."""

    ready: bool
    version: str
    database: bool
    migrated: bool
    tzdata: str
    workers: int
    dead_workers: int
    stalled: list[str]
    ticks: dict[str, float]


@router.get("/health")
def health() -> Health:
    """Say that the process is up."""
    return Health()


@router.get("/ready", responses={503: {"model": Readiness}})
def ready(services: ServicesDep, response: Response) -> Readiness:
    """Check what the process needs; 503 while something is missing or no prompt leaves.

    `workers` are those at work, here or elsewhere: their watchdog told so within the last minute
    and none of their ticks stands still (`stalled` says which does). One that died is in
    `dead_workers` for a day. `ticks` are the seconds since each tick last succeeded. Where no
    worker was ever started, none is missed.
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
        version=release(),
        database=database,
        migrated=migrated,
        tzdata=tzdata_version(),
        workers=found.at_work,
        dead_workers=found.dead,
        stalled=list(found.stalled),
        ticks=dict(found.ticks),
    )


@router.get("/metrics", response_class=Response)
def metrics(
    request: Request,
    services: ServicesDep,
    now: NowDep,
    bearer: Annotated[Bearer, Depends(_metrics_bearer)],
) -> Response:
    """Return delivery health in Prometheus' text format, to those who may read it."""
    settings = services.settings
    check_scraper(request, bearer.credentials if bearer else None, settings.metrics_token)
    found = delivery_health(
        services.db, silent_after=settings.silent_after, now=now, spans=(SPAN_HOURS,)
    )
    return Response(exposition(found), media_type=MEDIA_TYPE)


def _is_migrated(db: Database) -> bool:
    try:
        return not pending_migrations(db)
    except DatabaseUnusable:
        return False
