"""What therapists call: caseload, one patient, prompts, compliance, decisions, codes."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.bodies import EARLIEST, LATEST, Body, Document, Storable
from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from engine import compliance
from engine.commands import enrolling
from engine.errors import FieldFault, FieldsRefused, NotFound
from engine.health_records import Silence
from engine.localtime import zone
from engine.records import Counts, Patient, PromptRecord
from engine.store import health, reports
from prompting.explaining import explained

router = APIRouter(prefix="/v1/patients", tags=["therapist"])

WEEK = timedelta(days=6)
LONGEST_RANGE = timedelta(days=366)


class Out(BaseModel):
    """A reply made from one of our values."""

    model_config = ConfigDict(from_attributes=True)


class PatientOut(Out):
    """A patient of the caller's caseload."""

    id: UUID
    name: str
    zone: str
    created_at: datetime


class CountsOut(Out):
    """How far prompts came; compliance is answered / delivered."""

    planned: int
    sent: int
    delivered: int
    opened: int
    answered: int


class CaseloadOut(Out):
    """A patient on the list, with the last seven local days in counts."""

    patient: PatientOut
    counts: CountsOut
    last_answer_at: datetime | None
    risk_at: datetime | None
    devices: int
    silence: Silence | None = Field(
        default=None,
        description="Prompts sent since the patient's phones gave their last sign of life; null "
        "while they are heard of.",
    )


class NewPatient(Body):
    """A patient to add to the caller's caseload, under a protocol of their own."""

    name: Annotated[str, Field(min_length=1, max_length=enrolling.NAME_LIMIT), Storable]
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), Storable]
    protocol: Annotated[Document, Field(description="welltimed-protocol/1 document")]


class CodeOut(Out):
    """A one-time enrolment code, shown this once."""

    code: str
    expires_at: datetime


class PromptOut(Out):
    """One prompt's whole life; instants are null where not reached."""

    id: UUID
    assignment: str
    content_id: str
    local_date: date
    zone: str
    start_at: datetime
    end_at: datetime
    state: str
    reason: str | None
    timing: str
    due_at: datetime | None
    expires_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    shown_at: datetime | None
    opened_at: datetime | None
    answered_at: datetime | None
    late: bool
    arm: str | None
    propensity: float | None
    answers: dict[str, Any] | None
    scores: dict[str, Any] | None
    risk: bool


class ExplanationOut(Out):
    """Why a prompt came at its time, in one sentence each for patient and therapist.

    `objective` is what the protocol asks times to be chosen for, null where they never are;
    `rests_on` what this one was chosen for, null by no model.
    """

    patient: str
    therapist: str
    objective: str | None
    rests_on: str | None


class DecisionOut(Out):
    """The draw behind a prompt, complete enough to be recomputed, and what it says in words."""

    prompt_id: UUID
    decided_at: datetime
    policy: str
    policy_version: str
    arm: str
    arm_probability: float
    epsilon: float
    seed: int
    slots: list[datetime]
    available: list[bool]
    propensities: list[float]
    chosen: int
    features: dict[str, Any]
    explanation: ExplanationOut


class TimeBinOut(Out):
    """Answers by local time of day, with a Wilson 95 % interval; null where nothing was sent."""

    start_hour: float
    sent: int
    answered: int
    rate: float | None
    low: float | None
    high: float | None


class ComplianceOut(Out):
    """Counts over a span of local dates, in all and by assignment, and by time of day."""

    first: date
    last: date
    total: CountsOut
    by_assignment: dict[str, CountsOut]
    by_time_of_day: list[TimeBinOut]


FirstDay = Annotated[date | None, Query(description="First local date; six days before `last`.")]
LastDay = Annotated[date | None, Query(description="Last local date; the patient's today.")]


def _span(
    patient: Patient, now: datetime, first: date | None, last: date | None
) -> tuple[date, date]:
    end = last or now.astimezone(zone(patient.zone)).date()
    if not EARLIEST.date() <= end < LATEST.date():
        raise FieldsRefused(FieldFault("last", f"from {EARLIEST.year} to {LATEST.year - 1}"))
    start = first or end - WEEK
    if start > end:
        raise FieldsRefused(FieldFault("first", "must not be after `last`"))
    if end - start > LONGEST_RANGE:
        raise FieldsRefused(FieldFault("first", "at most 366 days before `last`"))
    return start, end


@router.get("")
def read_caseload(session: SessionDep, services: ServicesDep, now: NowDep) -> list[CaseloadOut]:
    """Return the caller's patients, by name."""
    with services.db.read() as tx:
        rows = reports.caseload_days(tx, session.clinician.id, now=now)
        silent = health.silent_phones(
            tx, list(rows), prompts=services.settings.silent_after, now=now
        )
    found = [CaseloadOut.model_validate(row) for row in rows.values()]
    return [one.model_copy(update={"silence": silent.get(one.patient.id)}) for one in found]


@router.post("", status_code=201)
def add_patient(
    body: NewPatient, session: SessionDep, services: ServicesDep, now: NowDep
) -> PatientOut:
    """Add a patient to the caller's caseload; prompts begin once a phone is enrolled."""
    patient = Patient(id=uuid4(), name=body.name.strip(), zone=body.zone, created_at=now)
    course = enrolling.course_from(
        body.protocol,
        known_content=services.library.vocabulary(),
        control_share=services.settings.control_share,
    )
    enrolling.add_patient(
        services.db,
        patient,
        course,
        therapist_ids=[session.clinician.id],
        by=session.clinician.name,
    )
    return PatientOut.model_validate(patient)


@router.get("/{patient_id}")
def read_patient(patient: PatientDep) -> PatientOut:
    """Return a patient of the caller's caseload."""
    return PatientOut.model_validate(patient)


@router.post("/{patient_id}/enrolment-codes", status_code=201)
def issue_code(
    patient: PatientDep, session: SessionDep, services: ServicesDep, now: NowDep
) -> CodeOut:
    """Make a one-time code for a new phone; earlier unused codes end."""
    code, expires_at = enrolling.issue_code(
        services.db, patient.id, by=session.clinician.id, now=now
    )
    return CodeOut(code=code, expires_at=expires_at)


@router.get("/{patient_id}/prompts")
def read_prompts(
    patient: PatientDep,
    services: ServicesDep,
    now: NowDep,
    first: FirstDay = None,
    last: LastDay = None,
) -> list[PromptOut]:
    """Return every prompt on these local dates: planned, sent, silent and answered."""
    start, end = _span(patient, now, first, last)
    with services.db.read() as tx:
        records = reports.prompt_records(tx, patient.id, first=start, last=end)
    return [PromptOut.model_validate(record) for record in records]


@router.get("/{patient_id}/prompts/{prompt_id}/decision")
def read_decision(
    patient: PatientDep, prompt_id: Annotated[UUID, Path()], services: ServicesDep
) -> DecisionOut:
    """Return the draw behind a prompt: all slots' propensities, arm, policy, seed; and why then."""
    found = explained(services.db, patient.id, prompt_id)
    if found is None:
        raise NotFound("decision")
    decision, told = found
    return DecisionOut.model_validate({**asdict(decision), "explanation": asdict(told)})


@router.get("/{patient_id}/compliance")
def read_compliance(
    patient: PatientDep,
    services: ServicesDep,
    now: NowDep,
    first: FirstDay = None,
    last: LastDay = None,
) -> ComplianceOut:
    """Return counts for these local dates, and when the patient answers by time of day."""
    start, end = _span(patient, now, first, last)
    with services.db.read() as tx:
        records = reports.prompt_records(tx, patient.id, first=start, last=end)
    return ComplianceOut(
        first=start,
        last=end,
        total=_counts(records),
        by_assignment={
            assignment: _counts([r for r in records if r.assignment == assignment])
            for assignment in sorted({record.assignment for record in records})
        },
        by_time_of_day=[
            TimeBinOut.model_validate(found) for found in compliance.by_time_of_day(records)
        ],
    )


def _counts(records: list[PromptRecord]) -> CountsOut:
    counts: Counts = compliance.tally(records)
    return CountsOut.model_validate(counts)
