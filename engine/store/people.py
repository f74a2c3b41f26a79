"""Repository of clinicians, their sessions, patients and caseloads."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.errors import Conflict
from engine.records import Clinician, Patient
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_PATIENT = select(tables.Patient).where(tables.Patient.id == bindparam("patient"))


def add_clinician(tx: WriteTx, clinician: Clinician, *, now: datetime) -> None:
    """Store a clinician. Raises Conflict if the e-mail address is taken."""
    values = {
        "id": clinician.id,
        "email": clinician.email.casefold(),
        "name": clinician.name,
        "role": clinician.role,
        "password_hash": clinician.password_hash,
        "created_at": now,
    }
    try:
        tx.conn.execute(insert(tables.Clinician).values(**values))
    except IntegrityError as error:
        raise Conflict(f"email: {clinician.email} is in use already") from error


def clinician_by_email(tx: ReadTx, email: str) -> Clinician | None:
    """Return the clinician who signs in with `email`, unless disabled."""
    found = tx.conn.execute(
        select(tables.Clinician).where(
            tables.Clinician.email == email.casefold(), tables.Clinician.disabled_at.is_(None)
        )
    ).one_or_none()
    return _clinician(found) if found else None


def set_password_hash(tx: WriteTx, clinician_id: UUID, password_hash: str) -> None:
    """Replace the stored hash, as when its parameters were strengthened."""
    tx.conn.execute(
        update(tables.Clinician)
        .where(tables.Clinician.id == clinician_id)
        .values(password_hash=password_hash)
    )


def open_session(tx: WriteTx, token_sha256: str, clinician_id: UUID, *, now: datetime) -> None:
    """Store a new session under the hash of its token."""
    tx.conn.execute(
        insert(tables.SignIn).values(
            token_sha256=token_sha256, clinician_id=clinician_id, created_at=now, seen_at=now
        )
    )


def session(
    tx: ReadTx, token_sha256: str, *, seen_after: datetime, created_after: datetime
) -> tuple[Clinician, datetime] | None:
    """Return whose live session this is and when it was last seen."""
    found = tx.conn.execute(
        select(tables.Clinician, tables.SignIn.seen_at)
        .join(tables.SignIn, tables.SignIn.clinician_id == tables.Clinician.id)
        .where(
            tables.SignIn.token_sha256 == token_sha256,
            tables.SignIn.seen_at > seen_after,
            tables.SignIn.created_at > created_after,
            tables.Clinician.disabled_at.is_(None),
        )
    ).one_or_none()
    return (_clinician(found), found.seen_at) if found else None


def touch_session(tx: WriteTx, token_sha256: str, *, now: datetime) -> None:
    """Note that the session was used."""
    tx.conn.execute(
        update(tables.SignIn).where(tables.SignIn.token_sha256 == token_sha256).values(seen_at=now)
    )


def close_session(tx: WriteTx, token_sha256: str) -> None:
    """End a session; harmless if it has ended."""
    tx.conn.execute(delete(tables.SignIn).where(tables.SignIn.token_sha256 == token_sha256))


def add_patient(tx: WriteTx, patient: Patient, *, therapist_ids: Sequence[UUID]) -> None:
    """Store a patient on the caseload of the given therapists."""
    tx.conn.execute(
        insert(tables.Patient).values(
            id=patient.id, name=patient.name, zone=patient.zone, created_at=patient.created_at
        )
    )
    for clinician_id in therapist_ids:
        tx.conn.execute(
            insert(tables.Caseload).values(
                clinician_id=clinician_id, patient_id=patient.id, since_at=patient.created_at
            )
        )


def patient_of(tx: ReadTx, clinician_id: UUID, patient_id: UUID) -> Patient | None:
    """Return the patient if on this clinician's caseload: the one gate to a patient's data."""
    found = tx.conn.execute(
        select(tables.Patient)
        .join(tables.Caseload, tables.Caseload.patient_id == tables.Patient.id)
        .where(tables.Patient.id == patient_id, tables.Caseload.clinician_id == clinician_id)
    ).one_or_none()
    return patient_value(found) if found else None


def patient(tx: ReadTx, patient_id: UUID) -> Patient | None:
    """Return a patient by id, for the patient's own device."""
    found = tx.conn.execute(_PATIENT, {"patient": patient_id}).one_or_none()
    return patient_value(found) if found else None


def zones_of(tx: ReadTx, patient_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the zone each patient lives in now."""
    rows = tx.conn.execute(
        select(tables.Patient.id, tables.Patient.zone).where(tables.Patient.id.in_(patient_ids))
    )
    return {row.id: row.zone for row in rows}


def set_zone(tx: WriteTx, patient_id: UUID, zone: str) -> None:
    """Store the zone the patient lives in."""
    tx.conn.execute(update(tables.Patient).where(tables.Patient.id == patient_id).values(zone=zone))


def patient_value(row: AnyRow) -> Patient:
    """Turn a row that has the columns of `patients` into a value."""
    return Patient(id=row.id, name=row.name, zone=row.zone, created_at=row.created_at)


def _clinician(row: AnyRow) -> Clinician:
    return Clinician(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        password_hash=row.password_hash,
    )
