"""Repository of what therapists and researchers read: caseloads, prompt lives, counts."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, func, select

from engine.localtime import zone
from engine.prompt import PromptKind, State
from engine.records import PATIENT_INITIATED, CaseloadRow, Counts, PromptRecord
from engine.store import tables
from engine.store.by_patient import of_patient, of_patients
from engine.store.database import ReadTx
from engine.store.people import patient_value
from engine.store.types import AnyRow

CLOCK_IS_OFF = timedelta(minutes=5)
"""From this skew on a phone's clock is worth a word to the therapist."""
# The patient's own starts, reminders, and draws for no prompt are not what compliance is about.
_COUNTS = (
    tables.Prompt.kind == PromptKind.PROMPT,
    tables.Prompt.timing != PATIENT_INITIATED,
    tables.Prompt.state != State.WITHHELD,
)


def caseload_days(
    tx: ReadTx, clinician_id: UUID, *, now: datetime, first: int = 6, last: int = 0
) -> dict[UUID, CaseloadRow]:
    """Return rows by patient, over the dates `first` to `last` days before each one's own today."""

    def rows_of(today: date) -> list[CaseloadRow]:
        since, until = today - timedelta(days=first), today - timedelta(days=last)
        return caseload(tx, clinician_id, first=since, last=until)

    utc = now.date()
    rows = {row.patient.id: row for row in rows_of(utc)}
    todays = {key: now.astimezone(zone(row.patient.zone)).date() for key, row in rows.items()}
    for other in set(todays.values()) - {utc}:
        rows |= {row.patient.id: row for row in rows_of(other) if todays[row.patient.id] == other}
    return rows


def caseload(tx: ReadTx, clinician_id: UUID, *, first: date, last: date) -> list[CaseloadRow]:
    """Return the clinician's patients by name, with counts over the local dates given."""
    rows = tx.conn.execute(
        _patients_of(clinician_id).order_by(func.lower(tables.Patient.name), tables.Patient.id)
    ).all()
    ids = [row.id for row in rows]
    counts = _counts(tx, ids, first, last)
    answers = _answers(tx, ids)
    phones = _phones(tx, ids)
    skews = clock_skews(tx, ids)
    return [
        CaseloadRow(
            patient=patient_value(row),
            counts=counts.get(row.id, Counts()),
            last_answer_at=answers.get(row.id, (None, None))[0],
            risk_at=answers.get(row.id, (None, None))[1],
            devices=phones.get(row.id, 0),
            skew=skews.get(row.id),
        )
        for row in rows
    ]


def _patients_of(clinician_id: UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(tables.Patient)
        .join(tables.Caseload, tables.Caseload.patient_id == tables.Patient.id)
        .where(tables.Caseload.clinician_id == clinician_id)
    )


def _counts(tx: ReadTx, patient_ids: Sequence[UUID], first: date, last: date) -> dict[UUID, Counts]:
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(
            prompts.patient_id,
            func.count().label("planned"),
            func.count(prompts.sent_at).label("sent"),
            func.count(prompts.delivered_at).label("delivered"),
            func.count(prompts.opened_at).label("opened"),
            func.count(prompts.answered_at).label("answered"),
        )
        .where(of_patients(patient_ids), prompts.local_date.between(first, last), *_COUNTS)
        .group_by(prompts.patient_id)
    )
    return {
        row.patient_id: Counts(
            planned=row.planned,
            sent=row.sent,
            delivered=row.delivered,
            opened=row.opened,
            answered=row.answered,
        )
        for row in rows
    }


def _answers(
    tx: ReadTx, patient_ids: Sequence[UUID]
) -> dict[UUID, tuple[datetime | None, datetime | None]]:
    responses = tables.Response
    risky = case((responses.risk, responses.answered_at), else_=None)
    rows = tx.conn.execute(
        select(
            responses.patient_id,
            func.max(responses.answered_at, type_=responses.answered_at.type).label("last"),
            func.max(risky, type_=responses.answered_at.type).label("risk"),
        )
        .where(responses.patient_id.in_(patient_ids))
        .group_by(responses.patient_id)
    )
    return {row.patient_id: (row.last, row.risk) for row in rows}


def clock_skews(tx: ReadTx, patient_ids: Sequence[UUID]) -> dict[UUID, timedelta]:
    """Return how far each patient's phone was ahead at its last answer, where it was far off."""
    responses = tables.Response
    newest = (
        select(
            responses.patient_id,
            func.max(responses.received_at, type_=responses.received_at.type).label("at"),
        )
        .where(responses.patient_id.in_(patient_ids))
        .group_by(responses.patient_id)
        .subquery()
    )
    rows = tx.conn.execute(
        select(responses.patient_id, responses.device_skew_seconds)
        .join(
            newest,
            and_(responses.patient_id == newest.c.patient_id, responses.received_at == newest.c.at),
        )
        .where(func.abs(responses.device_skew_seconds) > CLOCK_IS_OFF.total_seconds())
    )
    return {row.patient_id: timedelta(seconds=row.device_skew_seconds) for row in rows}


def _phones(tx: ReadTx, patient_ids: Sequence[UUID]) -> dict[UUID, int]:
    devices = tables.Device
    rows = tx.conn.execute(
        select(devices.patient_id, func.count().label("n"))
        .where(devices.patient_id.in_(patient_ids), devices.retired_at.is_(None))
        .group_by(devices.patient_id)
    )
    return {row.patient_id: row.n for row in rows}


def prompt_records(tx: ReadTx, patient_id: UUID, *, first: date, last: date) -> list[PromptRecord]:
    """Return the whole life of each of the patient's prompts on these local dates, in order."""
    prompts, decisions, responses = tables.Prompt, tables.Decision, tables.Response
    rows = tx.conn.execute(
        select(
            prompts,
            decisions.arm,
            decisions.arm_probability,
            decisions.propensities,
            decisions.chosen,
            responses.answers,
            responses.scores,
            responses.risk,
            responses.late,
            tables.Unavailability.reason.label("unavailable"),
        )
        .outerjoin(tables.Unavailability, tables.Unavailability.prompt_id == prompts.id)
        .outerjoin(decisions, decisions.prompt_id == prompts.id)
        .outerjoin(responses, responses.prompt_id == prompts.id)
        .where(
            of_patient(patient_id),
            prompts.local_date.between(first, last),
            prompts.kind == PromptKind.PROMPT,
        )
        .order_by(prompts.local_date, prompts.start_at, prompts.assignment, prompts.window)
    )
    return [_record(row) for row in rows]


def arm_outcomes(tx: ReadTx) -> list[tuple[str, str, int]]:
    """Return (person, arm, proximal outcome) of every adaptive window's prompt."""
    rows = tx.conn.execute(
        select(tables.Outcome.person, tables.Outcome.arm, tables.Outcome.y)
        .where(tables.Outcome.arm.in_(["uniform", "adaptive"]))
        .join(tables.Prompt, tables.Prompt.id == tables.Outcome.prompt_id)
        .where(tables.Prompt.timing == "adaptive")
        .order_by(tables.Outcome.seq)
    )
    return [(row.person, row.arm, row.y) for row in rows]


def totals(tx: ReadTx) -> dict[str, int]:
    """Return how many prompts were planned, sent and answered in all."""
    prompts = tables.Prompt
    row = tx.conn.execute(
        select(
            func.count().label("planned"),
            func.count(prompts.sent_at).label("sent"),
            func.count(prompts.answered_at).label("answered"),
        )
        .select_from(prompts)
        .where(*_COUNTS)
    ).one()
    return dict(row._mapping)


def _record(row: AnyRow) -> PromptRecord:
    chosen = None if row.chosen is None else row.propensities[row.chosen]
    return PromptRecord(
        id=row.id,
        assignment=row.assignment,
        content_id=row.content_id,
        local_date=row.local_date,
        zone=row.zone,
        start_at=row.start_at,
        end_at=row.end_at,
        state=row.state,
        reason=row.reason,
        timing=row.timing,
        due_at=row.due_at,
        expires_at=row.expires_at,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        shown_at=row.shown_at,
        opened_at=row.opened_at,
        answered_at=row.answered_at,
        late=bool(row.late),
        arm=row.arm,
        propensity=chosen,
        answers=row.answers,
        scores=row.scores,
        risk=bool(row.risk),
        probability=row.probability,
        phase=row.phase,
        declined_at=row.declined_at,
        unavailable=row.unavailable,
    )


def drawn_on(
    tx: ReadTx, day: date, assignment: str
) -> dict[tuple[UUID, UUID], tuple[int, datetime]]:
    """Return (window, due instant) of each drawn prompt, by (patient, prompt)."""
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(prompts.patient_id, prompts.id, prompts.window, prompts.due_at).where(
            prompts.local_date == day,
            prompts.assignment == assignment,
            prompts.decided_at.is_not(None),
        )
    )
    return {(row.patient_id, row.id): (row.window, row.due_at) for row in rows}
