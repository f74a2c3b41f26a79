"""What patients' phones call about times: what comes, what does not suit, what they set."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from api import bodies
from api.bodies import Body, Instant, Storable
from api.deps import DeviceDep, DeviceTime, NowDep, ServicesDep
from api.routes.device import PromptOut
from api.routes.patients import Out
from api.versions import etag, expected_version
from content.library import public_view
from engine.commands import holding, patient_rules, postponing, reporting, starting, travelling
from engine.commands.postponing import LONGEST, SHORTEST, Unavailable
from engine.commands.reporting import ReportIn

router = APIRouter(prefix="/v1/device", tags=["device"])

BY_PATIENT = "patient"
PromptId = Annotated[UUID, Path(description="The prompt's id.")]


class ComingOut(Out):
    """A window to come; `due_at` is null until its moment is drawn."""

    id: UUID
    assignment: str
    content_id: str
    start_at: datetime
    end_at: datetime
    due_at: datetime | None
    expires_at: datetime


class ScheduleOut(Out):
    """The windows of the coming 48 hours, and the versions they come from."""

    version: int
    rules_version: int
    until: datetime
    windows: list[ComingOut]


class ZoneIn(Body):
    """Where the phone is."""

    zone: Annotated[str, Field(max_length=64, examples=["America/New_York"]), Storable]


class ZoneOut(Out):
    """The zone the patient's times follow; `known` is false if ours lack the one reported."""

    zone: str
    known: bool


class SnoozeIn(Body):
    """For how long an open prompt is put off."""

    minutes: Annotated[int, Field(ge=SHORTEST, le=LONGEST, strict=True)]


class SnoozeOut(Out):
    """When the prompt comes again, when it now expires, and how often it may still be put off."""

    due_at: datetime
    expires_at: datetime
    left: int


class NotNowIn(Body):
    """Why a prompt does not suit."""

    reason: Unavailable


class StartableOut(Out):
    """Something the patient may start; `left` is how often today, null without a cap."""

    assignment: str
    title: str
    left: int | None


class ReportBody(Body):
    """Something that happened, by the phone's clock."""

    name: Annotated[str, Field(max_length=80, examples=["smoked"]), Storable]
    at: Instant


class ReportOut(Out):
    """Whether the report was new, and how many prompts will follow it."""

    new: bool
    prompts: int


class RulesIn(Body):
    """What the patient sets for themselves; it narrows the plan and never widens it."""

    rules: bodies.Document


class RulesOut(BaseModel):
    """The patient's own rules; the version is also the ETag, 0 where none was set."""

    version: int
    rules: dict[str, Any]


@router.get("/schedule")
def read_schedule(device: DeviceDep, services: ServicesDep, now: NowDep) -> ScheduleOut:
    """Return the coming 48 hours, for a phone off line; the server notes what it holds."""
    return ScheduleOut.model_validate(holding.upcoming(services.db, device, now=now))


@router.put("/zone")
def put_zone(body: ZoneIn, device: DeviceDep, services: ServicesDep, now: NowDep) -> ZoneOut:
    """Say where the phone is now; what is not sent is planned anew on that clock."""
    told = travelling.report_zone(services.db, device, body.zone, now=now)
    return ZoneOut.model_validate(told)


@router.post("/prompts/{prompt_id}/snooze")
def snooze_prompt(
    prompt_id: PromptId, body: SnoozeIn, device: DeviceDep, services: ServicesDep, now: NowDep
) -> SnoozeOut:
    """Put an open prompt off for some minutes; refused where it would come too late."""
    found = postponing.snooze(services.db, device, prompt_id, body.minutes, now=now)
    return SnoozeOut.model_validate(found)


@router.post("/prompts/{prompt_id}/not-now", status_code=204)
def decline_prompt(
    prompt_id: PromptId, body: NotNowIn, device: DeviceDep, services: ServicesDep, now: NowDep
) -> None:
    """Say that the moment does not suit; it counts as not available, never as missed."""
    postponing.not_now(services.db, device, prompt_id, body.reason, now=now)


@router.get("/startable")
def read_startable(device: DeviceDep, services: ServicesDep, now: NowDep) -> list[StartableOut]:
    """Return what the patient may start whenever they like."""
    return [
        StartableOut(
            assignment=one.assignment,
            title=services.library.get(one.content_id).title,
            left=one.left,
        )
        for one in starting.startable(services.db, device, now=now)
        if one.content_id in services.library
    ]


@router.post("/startable/{assignment}", status_code=201)
def start_content(
    assignment: Annotated[str, Path(max_length=80)],
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
) -> PromptOut:
    """Start something; one that is open still is returned again."""
    prompt = starting.start(services.db, device, assignment, now=now)
    return PromptOut(
        id=prompt.id,
        sent_at=prompt.sent_at,
        expires_at=prompt.expires_at,
        content=public_view(services.library.get(prompt.content_id)),
    )


@router.get("/reports")
def read_reportable(device: DeviceDep, services: ServicesDep) -> list[str]:
    """Return the names of what the patient may report."""
    return list(reporting.reportable(services.db, device))


@router.put("/reports/{report_id}", status_code=201)
def put_report(
    report_id: Annotated[UUID, Path(description="Made by the phone, kept on retries.")],
    body: ReportBody,
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
    device_time: DeviceTime = None,
) -> ReportOut:
    """Report something that happened, once; the same id again is harmless."""
    report = ReportIn(id=report_id, name=body.name, at=body.at)
    taken = reporting.report_event(services.db, device, report, device_now=device_time, now=now)
    return ReportOut.model_validate(taken)


@router.get("/rules")
def read_rules(device: DeviceDep, services: ServicesDep, response: Response) -> RulesOut:
    """Return the patient's own rules; send the ETag back as If-Match to change them."""
    return rules_out(services, device.patient_id, response)


@router.put("/rules")
def put_rules(
    body: RulesIn,
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> RulesOut:
    """Set own quiet hours, pause days, a lower daily number, or things left out."""
    patient_rules.set_rules(
        services.db,
        device.patient_id,
        body.rules,
        by=BY_PATIENT,
        expected_version=expected_version(if_match),
        now=now,
    )
    return rules_out(services, device.patient_id, response)


def rules_out(services: ServicesDep, patient_id: UUID, response: Response) -> RulesOut:
    """Return a patient's own rules, their version as ETag."""
    rules, version = patient_rules.rules_for(services.db, patient_id)
    etag(response, version)
    return RulesOut(version=version, rules=rules.model_dump(mode="json", by_alias=True))
