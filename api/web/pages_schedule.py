"""Changing a patient's schedule: form, preview of the week, saving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.auth import Session
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.services import Services
from api.web import schedule_form
from api.web.compare_view import Row, compared_rows
from api.web.course_view import PhaseLine, phase_lines
from api.web.preview_view import DayView, preview_days
from api.web.protocol_words import (
    differences,
    further_words,
    identity,
    often_words,
    protocol_words,
    titles_of,
    trigger_words,
)
from api.web.rendering import PageRoute, check_form, go_to, page
from engine.commands import history, scheduling
from engine.commands.basis import basis_for
from engine.errors import FieldFault, FieldsRefused, StaleVersion
from engine.protocol import stored_protocol
from engine.records import Patient, ProtocolVersion

router = APIRouter(route_class=PageRoute)

PATH = "/patients/{patient_id}/schedule"


async def typed_fields(request: Request) -> dict[str, str]:
    """Return the text fields of the posted form."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


TypedDep = Annotated[dict[str, str], Depends(typed_fields)]


@dataclass(kw_only=True)
class Form:
    """The state of the page: fields as shown, faults beside them, and what was asked for.

    `summary`, `rows` and `words` say what the draft would change, in prompts and in the document.
    """

    document: Mapping[str, Any]
    fields: dict[str, str]
    version: int
    faults: dict[str, str] = field(default_factory=dict)
    other_faults: list[str] = field(default_factory=list)
    days: Sequence[DayView] = ()
    phases: Sequence[PhaseLine] = ()
    summary: str | None = None
    rows: Sequence[Row] = ()
    words: Sequence[tuple[str, str, str]] = ()
    theirs: Sequence[tuple[str, str, str]] = ()
    own: Sequence[tuple[str, str, str]] = ()
    stale: ProtocolVersion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An assignment on the form: where, what it is called, and in words what cannot be typed."""

    path: str
    title: str
    kind: str
    trigger: str
    often: str
    further: str


@router.get(PATH)
def schedule(patient: PatientDep, session: SessionDep, services: ServicesDep) -> Response:
    """Return the form with the current schedule."""
    current = _versions(services, patient)[0]
    fields = schedule_form.shown(current.document)
    form = Form(document=current.document, fields=fields, version=current.version)
    return _page(form, patient, session, services)


@router.post(PATH + "/preview")
def preview(
    patient: PatientDep, session: SessionDep, services: ServicesDep, now: NowDep, typed: TypedDep
) -> Response:
    """Return the form as typed, with the coming week it would give or its faults."""
    check_form(session, typed.get("csrf", ""))
    versions = _versions(services, patient)
    base = _base(versions, typed)
    parsed = schedule_form.parsed(base.document, typed)
    form = _as_typed(base, typed)
    try:
        planned = scheduling.preview(
            services.db,
            patient.id,
            parsed.document,
            known_content=services.library.vocabulary(),
            now=now,
        )
    except FieldsRefused as refused:
        _put_faults(form, refused.faults, parsed.places)
        return _page(form, patient, session, services, status=422)
    form.days = preview_days(planned, patient.zone, titles_of(parsed.document, services.library))
    _compare(form, patient, services, parsed.document, now)
    return _page(form, patient, session, services)


def _compare(
    form: Form, patient: Patient, services: Services, document: Mapping[str, Any], now: datetime
) -> None:
    """Put in what the draft would do against the version in force, and its phases with dates."""
    found = history.compare_versions(
        services.db,
        patient.id,
        document,
        known_content=services.library.vocabulary(),
        now=now,
    )
    with services.db.read() as tx:
        basis = basis_for(tx, patient.id)
    form.summary = found.prompts.summary
    form.rows = compared_rows(found.prompts, patient.zone, services.library)
    before, after = (
        protocol_words(one, services.library) for one in (basis.version.document, document)
    )
    form.words = differences(before, after)
    form.phases = phase_lines(basis, stored_protocol(document), basis.day_of(now))


@router.post(PATH)
def save(
    patient: PatientDep, session: SessionDep, services: ServicesDep, now: NowDep, typed: TypedDep
) -> Response:
    """Save and go to the patient; the form again with faults, or 409 if another saved first."""
    check_form(session, typed.get("csrf", ""))
    versions = _versions(services, patient)
    base = _base(versions, typed)
    parsed = schedule_form.parsed(base.document, typed)
    here = f"/patients/{patient.id}"
    if base == versions[0] and parsed.document == base.document:
        return go_to(f"{here}?status=unchanged")
    try:
        _save(patient, session, services, now, parsed.document, base.version)
    except FieldsRefused as refused:
        form = _as_typed(base, typed)
        _put_faults(form, refused.faults, parsed.places)
        return _page(form, patient, session, services, status=422)
    except StaleVersion:
        newest = _versions(services, patient)[0]
        form = _outdated(base, newest, typed, services)
        before = protocol_words(base.document, services.library)
        form.own = differences(before, protocol_words(parsed.document, services.library))
        return _page(form, patient, session, services, status=409)
    return go_to(f"{here}?status=saved")


def _save(
    patient: Patient,
    session: Session,
    services: Services,
    now: datetime,
    document: Mapping[str, Any],
    version: int,
) -> None:
    scheduling.change_protocol(
        services.db,
        patient.id,
        document,
        expected_version=version,
        known_content=services.library.vocabulary(),
        by=session.clinician.name,
        now=now,
    )


def _versions(services: Services, patient: Patient) -> list[ProtocolVersion]:
    return scheduling.protocol_for(services.db, patient.id)[1]


def _base(versions: Sequence[ProtocolVersion], typed: Mapping[str, str]) -> ProtocolVersion:
    """Return the version the form was made from; the newest if it names none there is."""
    named = typed.get("version", "")
    return next((one for one in versions if str(one.version) == named), versions[0])


def _as_typed(base: ProtocolVersion, typed: Mapping[str, str]) -> Form:
    shown = schedule_form.shown(base.document)
    fields = {name: typed.get(name, text) for name, text in shown.items()}
    return Form(document=base.document, fields=fields, version=base.version)


def _outdated(
    base: ProtocolVersion, newest: ProtocolVersion, typed: Mapping[str, str], services: Services
) -> Form:
    """Return the form on top of the newest version: what was typed, and what the other changed."""
    before = schedule_form.shown(base.document)
    fields = schedule_form.shown(newest.document)
    own = {name: text for name, text in typed.items() if name in before and text != before[name]}
    fields |= {name: text for name, text in own.items() if name in fields}
    form = Form(document=newest.document, fields=fields, version=newest.version, stale=newest)
    form.theirs = differences(
        protocol_words(base.document, services.library),
        protocol_words(newest.document, services.library),
    )
    return form


def _put_faults(form: Form, faults: tuple[FieldFault, ...], places: Mapping[str, str]) -> None:
    form.faults, form.other_faults = schedule_form.faults_on_fields(faults, places, form.fields)


def _page(
    form: Form, patient: Patient, session: Session, services: Services, status: int = 200
) -> Response:
    titles = titles_of(form.document, services.library)
    sections = [
        Section(
            path=f"assignments[{place}]",
            title=titles[identity(one)],
            kind=one["trigger"]["kind"],
            trigger=trigger_words(one["trigger"], titles, services.library),
            often=often_words(one["trigger"]) if one["trigger"]["kind"] == "window" else "",
            further="; ".join(further_words(one)),
        )
        for place, one in enumerate(form.document["assignments"])
    ]
    return page(
        "schedule.html",
        session=session,
        status=status,
        patient=patient,
        form=form,
        sections=sections,
        labels={
            name: schedule_form.label_of(name, {one.path: one.title for one in sections})
            for name in form.faults
        },
        first_fault=next((name for name in form.fields if name in form.faults), None),
    )
