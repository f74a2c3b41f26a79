"""Reading, previewing and changing a patient's protocol."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel

from api import bodies
from api.bodies import Body
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.routes.patients import Out
from api.versions import etag, expected_version
from engine.commands import scheduling
from engine.records import ProtocolVersion

router = APIRouter(prefix="/v1/patients/{patient_id}/protocol", tags=["therapist"])


class ProtocolOut(Out):
    """One immutable version; its number is also the ETag."""

    version: int
    document: dict[str, Any]
    created_by: str
    created_at: datetime


class Document(Body):
    """A welltimed-protocol/1 document."""

    document: bodies.Document


class WindowOut(Out):
    """A window as it would be planned; instants in UTC."""

    assignment: str
    content: str
    window: int
    start_at: datetime
    end_at: datetime
    slots: list[datetime]
    timing: str
    expires_after: timedelta


class DroppedOut(Out):
    """A window that would not take place, and why."""

    assignment: str
    local_date: date
    window: int
    reason: str


class DayOut(BaseModel):
    """One coming local day."""

    local_date: date
    windows: list[WindowOut]
    dropped: list[DroppedOut]


def _out(response: Response, version: ProtocolVersion) -> ProtocolOut:
    etag(response, version.version)
    return ProtocolOut.model_validate(version)


@router.get("")
def read_protocol(patient: PatientDep, services: ServicesDep, response: Response) -> ProtocolOut:
    """Return the newest version; send its ETag back as If-Match to change it."""
    _, versions = scheduling.protocol_for(services.db, patient.id)
    return _out(response, versions[0])


@router.get("/versions")
def read_versions(patient: PatientDep, services: ServicesDep) -> list[ProtocolOut]:
    """Return all versions, newest first: who changed what, and when."""
    _, versions = scheduling.protocol_for(services.db, patient.id)
    return [ProtocolOut.model_validate(version) for version in versions]


@router.put("")
def put_protocol(
    body: Document,
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> ProtocolOut:
    """Save a new version and re-plan what is not sent; 412 if another was saved meanwhile."""
    version = scheduling.change_protocol(
        services.db,
        patient.id,
        body.document,
        expected_version=expected_version(if_match),
        known_content=services.library.vocabulary(),
        by=session.clinician.name,
        now=now,
    )
    return _out(response, version)


@router.post("/preview")
def preview_protocol(
    body: Document, patient: PatientDep, services: ServicesDep, now: NowDep
) -> list[DayOut]:
    """Return the coming seven days as this document would plan them; stores nothing."""
    days = scheduling.preview(
        services.db, patient.id, body.document, known_content=services.library.vocabulary(), now=now
    )
    return [
        DayOut(
            local_date=day,
            windows=[WindowOut.model_validate(window) for window in plan.windows],
            dropped=[DroppedOut.model_validate(dropped) for dropped in plan.dropped],
        )
        for day, plan in days
    ]
