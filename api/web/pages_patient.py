"""One patient: how it goes, what they answered, what is asked when, and their phone."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query, Response

from api.auth import Session
from api.bodies import Storable
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.services import Services
from api.web.course_view import course_of
from api.web.history_view import Past, history_lines
from api.web.learning_view import learning_view, why_words
from api.web.pages_caseload import code_page
from api.web.patient_view import Sources, first_day, patient_view
from api.web.rendering import PageRoute, check_form, go_to, page
from engine.commands import history, marking, milestones, scheduling, tracing
from engine.commands.health import silence_of
from engine.durations import parse_date
from engine.errors import FieldFault, FieldsRefused
from engine.localtime import zone
from engine.records import Patient
from engine.store import devices, reports, rules
from prompting.explaining import explanation_of

router = APIRouter(route_class=PageRoute)

STATUSES = {
    "saved": "The schedule was saved. Prompts not yet sent follow it from now on.",
    "unchanged": "Nothing was changed, so no new version was saved.",
    "entered": "The date was entered. Prompts not yet sent follow it from now on.",
    "declared": "The hours were saved. Times drawn from now on take them into account.",
}
CHOICES = (1, 2, 4, 8, 12)
Typed = Annotated[str, Form(max_length=200), Storable]


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
    return render_patient(
        patient, session, services, now, weeks=weeks, message=STATUSES.get(status)
    )


def render_patient(
    patient: Patient,
    session: Session,
    services: Services,
    now: NowDep,
    *,
    weeks: int = 4,
    message: str | None = None,
    faults: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """Return the patient's page; `faults` by field, with `typed` in the form of declared hours."""
    past = history.history(services.db, patient.id)
    _, versions = scheduling.protocol_for(services.db, patient.id)
    first, last = first_day(now, patient, weeks), now.astimezone(zone(patient.zone)).date()
    with services.db.read() as tx:
        records = reports.prompt_records(tx, patient.id, first=first, last=last)
        device = devices.reachable_devices(tx, [patient.id]).get(patient.id)
        own = rules.rules_versions(tx, patient.id)
    sources = Sources(
        patient=patient,
        records=records,
        versions=versions,
        device=device,
        library=services.library,
        weeks=weeks,
        now=now,
    )
    told = Past(entries=past, versions=versions, rules=own)
    return page(
        "patient.html",
        session=session,
        status=422 if faults else 200,
        view=patient_view(sources),
        course=course_of(services.db, patient, services.library, sources.shown, now=now),
        history=history_lines(told, services.library, patient.zone),
        learning=learning_view(services, patient, versions[0].document, typed),
        silence=silence_of(
            services.db, patient.id, silent_after=services.settings.silent_after, now=now
        ),
        message=message,
        faults=faults or {},
        choices=CHOICES,
    )


@router.post("/patients/{patient_id}/milestones")
def enter_milestone(
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    csrf: Typed = "",
    name: Typed = "",
    on: Annotated[str, Form(alias="date", max_length=40), Storable] = "",
) -> Response:
    """Enter the date of an event of the course; the page again, with the reason, if refused."""
    check_form(session, csrf)
    try:
        milestones.record_milestone(
            services.db, patient.id, name, _date(on), by=session.clinician.name, now=now
        )
    except FieldsRefused as refused:
        return render_patient(
            patient, session, services, now, faults={name: refused.faults[0].message}
        )
    return go_to(f"/patients/{patient.id}?status=entered")


def _date(written: str) -> date:
    try:
        return parse_date(written.strip())
    except ValueError as error:
        fault = FieldFault("date", "must be a date like 2026-11-20")
        raise FieldsRefused(fault) from error


@router.get("/patients/{patient_id}/prompts/{prompt_id}")
def trace_page(
    patient: PatientDep,
    session: SessionDep,
    prompt_id: Annotated[UUID, Path()],
    services: ServicesDep,
) -> Response:
    """Return what became of one prompt, step by step."""
    found = tracing.trace(services.db, prompt_id, patient_id=patient.id)
    why = explanation_of(services.db, patient.id, prompt_id)
    return page(
        "trace.html",
        session=session,
        patient=patient,
        trace=found,
        why=why,
        chosen_for=why_words(why) if why else "",
        moment=marking.moment_of(services.db, prompt_id),
    )


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
