"""One patient: how it goes, what they answered, what is asked when, and their phone."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.web.pages_caseload import code_page
from api.web.patient_view import Sources, first_day, patient_view
from api.web.rendering import PageRoute, check_form, page
from engine.commands import scheduling
from engine.localtime import zone
from engine.store import devices, reports

router = APIRouter(route_class=PageRoute)

STATUSES = {
    "saved": "The schedule was saved. Prompts not yet sent follow it from now on.",
    "unchanged": "Nothing was changed, so no new version was saved.",
}
CHOICES = (1, 2, 4, 8, 12)


@router.get("/patients/{patient_id}")
def patient_page(
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    weeks: Annotated[int, Query(ge=1, le=12)] = 4,
    status: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Return the patient's page over the last `weeks`."""
    _, versions = scheduling.protocol_for(services.db, patient.id)
    first, last = first_day(now, patient, weeks), now.astimezone(zone(patient.zone)).date()
    with services.db.read() as tx:
        records = reports.prompt_records(tx, patient.id, first=first, last=last)
        device = devices.reachable_devices(tx, [patient.id]).get(patient.id)
    view = patient_view(
        Sources(
            patient=patient,
            records=records,
            versions=versions,
            device=device,
            library=services.library,
            weeks=weeks,
            now=now,
        )
    )
    message = STATUSES.get(status)
    return page("patient.html", session=session, view=view, message=message, choices=CHOICES)


@router.post("/patients/{patient_id}/code")
def new_code(
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Make an enrolment code and show it this once; earlier unused ones end."""
    check_form(session, csrf)
    return code_page(session, services, patient, now, is_new=False)
