"""What admins call: how delivery stands, in counts and instants. No patient is named."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.deps import AdminDep, NowDep, ServicesDep
from engine.commands.health import DeliveryHealth, delivery_health, learning_health
from engine.health_records import LATENESS_BOUNDS, Lateness

router = APIRouter(prefix="/v1/admin", tags=["admin"])


class Out(BaseModel):
    """A reply made from one of our values."""

    model_config = ConfigDict(from_attributes=True)


class StateOut(Out):
    """Prompts in one state for one reason, null where there is none."""

    state: str
    reason: str | None
    prompts: int


class BucketOut(BaseModel):
    """How many prompts left at most `up_to_seconds` after they were due; null has no bound."""

    up_to_seconds: float | None
    prompts: int


class LatenessOut(BaseModel):
    """From due to sent, in seconds; quantiles are null where nothing was sent."""

    prompts: int
    median: float | None
    p99: float | None
    latest: float | None
    buckets: list[BucketOut]


class SpanOut(BaseModel):
    """What became of the prompts whose time came in the last `hours`."""

    hours: int
    states: list[StateOut]
    lateness: LatenessOut


class WaitingOut(Out):
    """Prompts that are due and have not left, and since when the oldest has been."""

    prompts: int
    since: datetime | None


class ReachOut(Out):
    """Phones in use, those whose push token is dead, and patients with a silent phone."""

    phones: int
    dead_tokens: int
    silent_patients: int


class WorkerOut(Out):
    """A worker as it told last; `ticks` are seconds since each tick's last success, at `seen_at`.

    `open_until` is until when it sends nothing as Firebase is in trouble.
    """

    owner: str
    host: str | None
    pid: int | None
    version: str | None
    started_at: datetime
    seen_at: datetime
    alive: bool
    stalled: str | None
    open_until: datetime | None
    ticks: dict[str, float]


class LearningEventOut(Out):
    """Something that happened to the model of good moments."""

    at: datetime
    kind: str
    version: str | None
    detail: dict[str, Any]


class LearningOut(BaseModel):
    """The model that decides, null before the first, and what happened last, newest first."""

    version: str | None
    made_at: datetime | None
    events: list[LearningEventOut]


class DeliveryOut(BaseModel):
    """How delivery stands at one instant."""

    at: datetime
    silent_after: int
    spans: list[SpanOut]
    waiting: WaitingOut
    reach: ReachOut
    open_until: datetime | None
    workers: list[WorkerOut]
    learning: LearningOut


def _lateness(found: Lateness) -> LatenessOut:
    counts = [(bound, n) for bound, n in zip(LATENESS_BOUNDS, found.buckets, strict=True)]
    return LatenessOut(
        prompts=found.prompts,
        median=found.median,
        p99=found.p99,
        latest=found.latest,
        buckets=[
            BucketOut(up_to_seconds=bound, prompts=n)
            for bound, n in (*counts, (None, found.prompts))
        ],
    )


def _spans(found: DeliveryHealth) -> list[SpanOut]:
    return [
        SpanOut(
            hours=one.hours,
            states=[StateOut.model_validate(count) for count in one.states],
            lateness=_lateness(one.lateness),
        )
        for one in found.spans
    ]


@router.get("/delivery")
def read_delivery(_admin: AdminDep, services: ServicesDep, now: NowDep) -> DeliveryOut:
    """Return how delivery stands: states, lateness, tokens, silent phones, workers, learning."""
    after = services.settings.silent_after
    found = delivery_health(services.db, silent_after=after, now=now)
    learned = learning_health(services.db)
    return DeliveryOut(
        at=now,
        silent_after=after,
        spans=_spans(found),
        waiting=WaitingOut.model_validate(found.waiting),
        reach=ReachOut.model_validate(found.reach),
        open_until=found.open_until,
        workers=[WorkerOut.model_validate(one) for one in found.workers],
        learning=LearningOut(
            version=learned.version,
            made_at=learned.made_at,
            events=[LearningEventOut.model_validate(one) for one in learned.events],
        ),
    )
