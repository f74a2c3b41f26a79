"""What patients' phones call about timing: the hours a patient keeps, and "good moment?"."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Response
from pydantic import Field

from api.bodies import Body
from api.deps import DeviceDep, NowDep, ServicesDep
from api.routes.learning import HoursIn, HoursOut, hours_out
from api.versions import expected_version
from engine.commands import declaring, marking

router = APIRouter(prefix="/v1/device", tags=["device"])

BY_PATIENT = "patient"


class MarkIn(Body):
    """Whether the moment of a prompt was a good one."""

    good: Annotated[bool, Field(strict=True)]


@router.get("/declared-hours")
def read_own_hours(device: DeviceDep, services: ServicesDep, response: Response) -> HoursOut:
    """Return the hours the patient declared; send the ETag back as If-Match to change them."""
    return hours_out(services, device.patient_id, response)


@router.put("/declared-hours")
def put_own_hours(
    body: HoursIn,
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> HoursOut:
    """Declare when you usually get up, go to bed and work; all null takes it back."""
    declaring.declare_hours(
        services.db,
        device.patient_id,
        body.hours(),
        by=BY_PATIENT,
        now=now,
        expected_version=expected_version(if_match),
    )
    return hours_out(services, device.patient_id, response)


@router.put("/prompts/{prompt_id}/mark", status_code=204)
def put_mark(
    prompt_id: Annotated[UUID, Path(description="The prompt's id.")],
    body: MarkIn,
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
) -> None:
    """Say whether the moment of a prompt was good; what was said last counts."""
    marking.mark_moment(services.db, device, prompt_id, good=body.good, now=now)
