"""Tables of people, and of the phones that are theirs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    String,
    Text,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, Key, Name, Sha256, Word


class Clinician(Base):
    """People of the clinic who sign in."""

    __tablename__ = "clinicians"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(Name)
    role: Mapped[str] = mapped_column(Word)
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class SignIn(Base):
    """Sessions of clinicians; only a hash of the token is kept."""

    __tablename__ = "sessions"
    token_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    clinician_id: Mapped[UUID] = mapped_column(Key, ForeignKey("clinicians.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Patient(Base):
    """Patients of the clinic."""

    __tablename__ = "patients"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name)
    zone: Mapped[str] = mapped_column(Word)
    created_at: Mapped[datetime]


class Caseload(Base):
    """Which clinician may see which patient."""

    __tablename__ = "caseload"
    clinician_id: Mapped[UUID] = mapped_column(Key, ForeignKey("clinicians.id"), primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(
        Key, ForeignKey("patients.id"), primary_key=True, index=True
    )
    since_at: Mapped[datetime]


class EnrolmentCode(Base):
    """One-time codes that tie a device to a patient; only a hash is kept."""

    __tablename__ = "enrolment_codes"
    code_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    created_by: Mapped[UUID | None] = mapped_column(Key, ForeignKey("clinicians.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Device(Base):
    """Phones and browsers; only a hash of the credential is kept.

    `deduplicates` says that the app drops a push it has had, so that one may be repeated.
    `seen_at` is its last call, known to some minutes.
    """

    __tablename__ = "devices"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    credential_sha256: Mapped[str] = mapped_column(Sha256, unique=True)
    platform: Mapped[str] = mapped_column(Word)
    zone: Mapped[str] = mapped_column(Word)
    zone_at: Mapped[datetime | None]
    push_token: Mapped[str | None] = mapped_column(Text)
    deduplicates: Mapped[bool] = mapped_column(server_default=false())
    token_dead_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    schedule_at: Mapped[datetime | None]
    schedule_version: Mapped[int | None]
    schedule_rules_version: Mapped[int | None]
    seen_at: Mapped[datetime | None]
