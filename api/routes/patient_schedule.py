"""What therapists call about a patient's times: history, comparing, events, phones, traces."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from api import bodies
from api.bodies import Body, Storable
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.routes.device_schedule import RulesIn, RulesOut, rules_out
from api.routes.patients import Out
from api.versions import expected_version
from engine.commands import history, holding, milestones, patient_rules, tracing
from engine.compare import Change

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["therapist"])


class DifferenceOut(Out):
    """A place where two documents differ; null is a key that is not there."""

    path: str
    before: str | None
    after: str | None


class HistoryOut(Out):
    """One change of a patient's times: who, when, what."""

    at: datetime
    by: str
    kind: str
    summary: str
    differences: list[DifferenceOut]


class Draft(Body):
    """A welltimed-protocol/1 document to compare with the one in force."""

    document: bodies.Document


class ChangeOut(BaseModel):
    """One prompt that would differ; `what` names the fields."""

    kind: str
    assignment: str
    local_date: date
    window: int
    before_at: datetime | None
    after_at: datetime | None
    what: list[str]


class ComparisonOut(BaseModel):
    """What a draft would do to the coming two weeks, and where the documents differ."""

    summary: str
    same: int
    changes: list[ChangeOut]
    differences: list[DifferenceOut]


class MilestoneIn(Body):
    """The local date on which an event of the course happens."""

    name: Annotated[str, Field(max_length=80, examples=["first-session"]), Storable]
    date: date


class MilestoneOut(Out):
    """An event of the course, who entered it and when."""

    name: str
    local_date: date
    recorded_by: str
    recorded_at: datetime


class MilestonesOut(BaseModel):
    """The events the protocol waits for, and those that were entered."""

    waited_for: list[str]
    recorded: list[MilestoneOut]


class HeldOut(BaseModel):
    """What a phone holds; null where it never pulled its schedule."""

    device_id: UUID
    platform: str
    zone: str
    zone_at: datetime | None
    schedule_at: datetime | None
    version: int | None
    rules_version: int | None
    is_current: bool


class StepOut(Out):
    """One step of a prompt's way: the instant, the same on the patient's clock, and words."""

    at: datetime
    local: datetime
    text: str


class TraceOut(BaseModel):
    """A prompt's way in words."""

    state: str
    summary: str
    steps: list[StepOut]


@router.get("/history")
def read_history(patient: PatientDep, services: ServicesDep) -> list[HistoryOut]:
    """Return who changed the patient's times, what and when, newest first."""
    return [HistoryOut.model_validate(e) for e in history.history(services.db, patient.id)]


@router.post("/protocol/compare")
def compare_protocol(
    body: Draft, patient: PatientDep, services: ServicesDep, now: NowDep
) -> ComparisonOut:
    """Return which prompts a draft would move, drop and add; stores nothing."""
    found = history.compare_versions(
        services.db,
        patient.id,
        body.document,
        known_content=services.library.vocabulary(),
        now=now,
    )
    return ComparisonOut(
        summary=found.prompts.summary,
        same=found.prompts.same,
        changes=[_change(change) for change in found.prompts.changes],
        differences=[DifferenceOut.model_validate(d) for d in found.differences],
    )


def _change(change: Change) -> ChangeOut:
    return ChangeOut(
        kind=change.kind,
        assignment=change.window.assignment,
        local_date=change.window.local_date,
        window=change.window.window,
        before_at=change.before.start_at if change.before else None,
        after_at=change.after.start_at if change.after else None,
        what=list(change.what),
    )


@router.get("/milestones")
def read_milestones(patient: PatientDep, services: ServicesDep) -> MilestonesOut:
    """Return the events the protocol waits for, and those that were entered."""
    waited, recorded = milestones.milestones_for(services.db, patient.id)
    return MilestonesOut(
        waited_for=list(waited), recorded=[MilestoneOut.model_validate(m) for m in recorded]
    )


@router.post("/milestones", status_code=201)
def post_milestone(
    body: MilestoneIn, patient: PatientDep, session: SessionDep, services: ServicesDep, now: NowDep
) -> MilestoneOut:
    """Enter the date of an event, such as the first session, and re-plan; again puts it right."""
    milestone = milestones.record_milestone(
        services.db, patient.id, body.name, body.date, by=session.clinician.name, now=now
    )
    return MilestoneOut.model_validate(milestone)


@router.get("/rules")
def read_rules(patient: PatientDep, services: ServicesDep, response: Response) -> RulesOut:
    """Return what the patient has set for themselves."""
    return rules_out(services, patient.id, response)


@router.put("/rules")
def put_rules(
    body: RulesIn,
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> RulesOut:
    """Set the patient's own rules together with them."""
    patient_rules.set_rules(
        services.db,
        patient.id,
        body.rules,
        by=session.clinician.name,
        expected_version=expected_version(if_match),
        now=now,
    )
    return rules_out(services, patient.id, response)


@router.get("/phones")
def read_phones(patient: PatientDep, services: ServicesDep) -> list[HeldOut]:
    """Return what each of the patient's phones holds, and whether it is up to date."""
    return [
        HeldOut(
            device_id=one.held.device_id,
            platform=one.held.platform,
            zone=one.held.zone,
            zone_at=one.held.zone_at,
            schedule_at=one.held.schedule_at,
            version=one.held.version,
            rules_version=one.held.rules_version,
            is_current=one.is_current,
        )
        for one in holding.held_by_devices(services.db, patient.id)
    ]


@router.get("/prompts/{prompt_id}/trace")
def read_trace(
    patient: PatientDep, prompt_id: Annotated[UUID, Path()], services: ServicesDep
) -> TraceOut:
    """Return what became of a prompt, step by step, in words."""
    found = tracing.trace(services.db, prompt_id, patient_id=patient.id)
    return TraceOut(
        state=found.state,
        summary=found.summary,
        steps=[StepOut.model_validate(line) for line in found.lines],
    )
