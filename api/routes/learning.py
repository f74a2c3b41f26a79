"""What therapists call about learning: declared hours, when a patient is reachable, objectives."""

from datetime import datetime, time
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.bodies import Body
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.routes.patients import Out
from api.services import Services
from api.versions import etag, expected_version
from api.web.reach_view import curve_views
from engine.commands import declaring, marking, scheduling
from engine.durations import parse_time
from engine.learning_records import DeclaredHours
from prompting.objectives import objectives_of

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["therapist"])


def _clock(written: object) -> time:
    try:
        return parse_time(written)
    except ValueError as error:
        raise PydanticCustomError("clock", 'must be a time such as "07:30", or null') from error


Clock = Annotated[
    time,
    BeforeValidator(_clock),
    WithJsonSchema(
        {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["07:30"]}
    ),
]


class HoursIn(Body):
    """Local times at which the patient usually gets up, goes to bed, and works on work days.

    Each pair is given whole or left out; either may run past midnight.
    """

    wake: Clock | None = None
    bed: Clock | None = None
    work_start: Clock | None = None
    work_end: Clock | None = None

    def hours(self) -> DeclaredHours:
        """Return them as commands take them."""
        return DeclaredHours(**self.model_dump())


class HoursOut(BaseModel):
    """The hours declared last; the version is also the ETag, 0 where none were ever declared."""

    version: int
    wake: str | None
    bed: str | None
    work_start: str | None
    work_end: str | None
    declared_by: str | None
    declared_at: datetime | None


class HalfHourOut(BaseModel):
    """Chance of an answer in time, with the 95 % interval of the patient's own, and prompts behind.

    `n` counts the patient's own prompts in this half hour; older ones may count in part.
    """

    start_hour: float
    mean: float
    low: float
    high: float
    n: float


class CurveOut(BaseModel):
    """A day in half hours, and what it says in words about the hours of the schedule."""

    day_type: Literal["work", "off"]
    sentences: list[str]
    half_hours: list[HalfHourOut]


class ReachabilityOut(BaseModel):
    """When the patient is reachable on work days and off days; empty while there is no model."""

    curves: list[CurveOut]


class ObjectiveOut(Out):
    """What an assignment's times are chosen for, and what they rest on now; null is chance."""

    assignment: str
    content_id: str
    timing: Literal["uniform", "adaptive"]
    objective: Literal["answered", "completed", "relevance"]
    rests_on: Literal["answered", "completed", "relevance"] | None


class MarksOut(Out):
    """How many prompts the patient called well timed, and how many not."""

    good: int
    bad: int


class LearningOut(BaseModel):
    """The clinic's policy, the objectives of assignments in windows, and the patient's marks."""

    policy: str
    objectives: list[ObjectiveOut]
    marks: MarksOut


@router.get("/declared-hours")
def read_hours(patient: PatientDep, services: ServicesDep, response: Response) -> HoursOut:
    """Return the hours the patient declared; send the ETag back as If-Match to change them."""
    return hours_out(services, patient.id, response)


@router.put("/declared-hours")
def put_hours(
    body: HoursIn,
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> HoursOut:
    """Enter the hours the patient told you; all null takes them back."""
    declaring.declare_hours(
        services.db,
        patient.id,
        body.hours(),
        by=session.clinician.name,
        now=now,
        expected_version=expected_version(if_match),
    )
    return hours_out(services, patient.id, response)


def hours_out(services: Services, patient_id: UUID, response: Response) -> HoursOut:
    """Return a patient's declared hours, their version as ETag."""
    found = declaring.declared_version(services.db, patient_id)
    hours = found.hours if found else DeclaredHours()
    etag(response, found.version if found else 0)
    return HoursOut(
        version=found.version if found else 0,
        wake=written(hours.wake),
        bed=written(hours.bed),
        work_start=written(hours.work_start),
        work_end=written(hours.work_end),
        declared_by=found.declared_by if found else None,
        declared_at=found.declared_at if found else None,
    )


def written(at: time | None) -> str | None:
    """Return a local time like "07:30"."""
    return None if at is None else f"{at:%H:%M}"


@router.get("/reachability")
def read_reachability(patient: PatientDep, services: ServicesDep) -> ReachabilityOut:
    """Return by half hour how likely the patient answers in time, and how sure that is."""
    curves = services.standing.curves(patient.id)
    _, versions = scheduling.protocol_for(services.db, patient.id)
    return ReachabilityOut(
        curves=[
            CurveOut(
                day_type=day_type,
                sentences=view.sentences,
                half_hours=[
                    HalfHourOut(
                        start_hour=one.start, mean=one.mean, low=one.low, high=one.high, n=one.n
                    )
                    for one in view.whole_day
                ],
            )
            for day_type, view in zip(
                ("work", "off"), curve_views(curves, versions[0].document), strict=True
            )
        ]
        if curves
        else []
    )


@router.get("/learning")
def read_learning(patient: PatientDep, services: ServicesDep) -> LearningOut:
    """Return what the patient's times are chosen for and rest on, and how moments were marked."""
    policy = services.settings.policy
    return LearningOut(
        policy=policy,
        objectives=[
            ObjectiveOut.model_validate(one)
            for one in objectives_of(services.db, services.standing, patient.id, policy=policy)
        ],
        marks=MarksOut.model_validate(marking.moments_of(services.db, patient.id)),
    )
