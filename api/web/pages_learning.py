"""Declared hours on the patient's page: the therapist enters what the patient told."""

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from api.bodies import Storable
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.web.learning_view import FIELDS
from api.web.pages_patient import render_patient
from api.web.rendering import PageRoute, check_form, faults_by_path, go_to
from api.web.schedule_form import clock_text
from engine.commands import declaring
from engine.durations import parse_time
from engine.errors import FieldFault, FieldsRefused, StaleVersion
from engine.learning_records import DeclaredHours

router = APIRouter(route_class=PageRoute)

CHANGED = FieldFault("wake", "was changed meanwhile; look at it again and repeat your change")


Hour = Annotated[str, Field(max_length=200), Storable]


class HoursForm(BaseModel):
    """The form as a browser sends it; `version` is the one that was changed."""

    csrf: Hour = ""
    version: Annotated[int, Field(ge=0, le=10**9)] = 0
    wake: Hour = ""
    bed: Hour = ""
    work_start: Hour = ""
    work_end: Hour = ""


@router.post("/patients/{patient_id}/declared-hours")
def declare(
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    form: Annotated[HoursForm, Form()],
) -> Response:
    """Store the hours; the page again, with the reason, if refused."""
    check_form(session, form.csrf)
    typed = {name: getattr(form, name) for name in FIELDS}
    try:
        declaring.declare_hours(
            services.db,
            patient.id,
            _hours(typed),
            by=session.clinician.name,
            now=now,
            expected_version=form.version,
        )
    except FieldsRefused as refused:
        faults = faults_by_path(refused.faults)
        return render_patient(patient, session, services, now, faults=faults, typed=typed)
    except StaleVersion:
        faults = faults_by_path((CHANGED,))
        return render_patient(patient, session, services, now, faults=faults)
    return go_to(f"/patients/{patient.id}?status=declared#declared")


def _hours(typed: dict[str, str]) -> DeclaredHours:
    """Return the hours as typed; empty is none. Raises FieldsRefused naming each odd one."""
    hours: dict[str, time] = {}
    faults = []
    for name, text in typed.items():
        if not text.strip():
            continue
        try:
            hours[name] = parse_time(clock_text(text))
        except ValueError:
            faults.append(FieldFault(name, "must be a time such as 07:30"))
    if faults:
        raise FieldsRefused(*faults)
    return DeclaredHours(**hours)
