"""The list of patients, and adding one."""

from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form, Response

from api.auth import Session
from api.deps import NowDep, ServicesDep, SessionDep
from api.services import Services
from api.web import caseload_view
from api.web.rendering import PageRoute, check_form, faults_by_path, page
from api.web.starting import starting_document
from engine.commands import enrolling
from engine.errors import FieldsRefused
from engine.localtime import zone_names
from engine.records import Patient

router = APIRouter(route_class=PageRoute)

Typed = Annotated[str, Form()]


def grouped(code: str) -> str:
    """Return an enrolment code as it is read out: ABCDE-12345."""
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}"


@router.get("/caseload")
def caseload(session: SessionDep, services: ServicesDep, now: NowDep) -> Response:
    """Return the therapist's patients, those who need attention first."""
    with services.db.read() as tx:
        entries = caseload_view.entries(
            tx, session.clinician.id, now, silent_after=services.settings.silent_after
        )
    return page(
        "caseload.html", session=session, entries=entries, rules=caseload_view.RULES, now=now
    )


@router.get("/patients/new")
def new_patient_form(session: SessionDep) -> Response:
    """Return the form for a new patient."""
    return _form(session_page=session, name="", zone="", faults={}, status=200)


@router.post("/patients/new")
def add_patient(
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    csrf: Typed = "",
    name: Typed = "",
    zone: Typed = "",
) -> Response:
    """Add a patient and show the enrolment code; the form again where a field is refused."""
    check_form(session, csrf)
    patient = Patient(id=uuid4(), name=name, zone=zone.strip(), created_at=now)
    known = services.library.vocabulary()
    course = enrolling.course_from(
        starting_document(known), known_content=known, control_share=services.settings.control_share
    )
    try:
        enrolling.add_patient(
            services.db,
            patient,
            course,
            therapist_ids=[session.clinician.id],
            by=session.clinician.name,
        )
    except FieldsRefused as refused:
        faults = faults_by_path(refused.faults)
        return _form(session_page=session, name=name, zone=zone, faults=faults, status=422)
    return code_page(session, services, patient, now, is_new=True)


def _form(
    *, session_page: SessionDep, name: str, zone: str, faults: dict[str, str], status: int
) -> Response:
    zones = sorted(one for one in zone_names() if "/" in one and not one.startswith("Etc/"))
    return page(
        "new_patient.html",
        session=session_page,
        status=status,
        name=name,
        zone=zone,
        zones=zones,
        faults=faults,
    )


def code_page(
    session: Session, services: Services, patient: Patient, now: datetime, *, is_new: bool
) -> Response:
    """Make an enrolment code and return the page that shows it this once."""
    code, expires_at = enrolling.issue_code(
        services.db, patient.id, by=session.clinician.id, now=now
    )
    return page(
        "code.html",
        session=session,
        patient=patient,
        code=grouped(code),
        expires_at=expires_at,
        is_new=is_new,
    )
