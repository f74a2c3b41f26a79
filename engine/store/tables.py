"""All tables. A private detail of `engine.store`: rows and columns are not for others."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, Key, Name, Sha256, Word

BigSerial = BigInteger().with_variant(Integer(), "sqlite")


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
    """Phones and browsers; only a hash of the credential is kept."""

    __tablename__ = "devices"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    credential_sha256: Mapped[str] = mapped_column(Sha256, unique=True)
    platform: Mapped[str] = mapped_column(Word)
    zone: Mapped[str] = mapped_column(Word)
    push_token: Mapped[str | None] = mapped_column(Text)
    token_dead_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Protocol(Base):
    """A line of protocol versions: a clinic's template, or one enrolment's own copy."""

    __tablename__ = "protocols"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name)
    created_at: Mapped[datetime]


class ProtocolVersion(Base):
    """Immutable documents; a change is a new row."""

    __tablename__ = "protocol_versions"
    protocol_id: Mapped[UUID] = mapped_column(Key, ForeignKey("protocols.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]]
    created_by: Mapped[str] = mapped_column(Name)
    created_at: Mapped[datetime]


class Enrolment(Base):
    """A patient under a protocol; `planned_through` is the last local day already planned."""

    __tablename__ = "enrolments"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    protocol_id: Mapped[UUID] = mapped_column(Key, ForeignKey("protocols.id"), unique=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    control_share: Mapped[float]
    first_day: Mapped[date]
    planned_through: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Prompt(Base):
    """One window and its prompt, from plan to end. Identity: enrolment, assignment, date, window.

    `slots` holds epoch seconds. Milestones (`sent_at` ... `answered_at`) repeat what attempts,
    receipts and responses prove, so that lists are one read.
    """

    __tablename__ = "prompts"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    enrolment_id: Mapped[UUID] = mapped_column(Key, ForeignKey("enrolments.id"))
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"))
    protocol_id: Mapped[UUID] = mapped_column(Key)
    protocol_version: Mapped[int]
    zone: Mapped[str] = mapped_column(Word)
    assignment: Mapped[str] = mapped_column(Name)
    content_id: Mapped[str] = mapped_column(Name)
    local_date: Mapped[date]
    window: Mapped[int]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    slots: Mapped[list[Any]]
    timing: Mapped[str] = mapped_column(Word)
    objective: Mapped[str] = mapped_column(Word)
    representative: Mapped[bool]
    within_seconds: Mapped[int]
    expires_after_seconds: Mapped[int]

    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Name)
    decided_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(Word)
    epoch: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)

    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    shown_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("enrolment_id", "assignment", "local_date", "window"),
        ForeignKeyConstraint(
            ["protocol_id", "protocol_version"],
            ["protocol_versions.protocol_id", "protocol_versions.version"],
        ),
        Index("ix_prompts_enrolment_day", "enrolment_id", "local_date"),
        Index("ix_prompts_patient_day", "patient_id", "local_date"),
    )


# Predicates of the partial indexes. A query must say the very same words to use the index: with
# bound values SQLite cannot prove that the rows it wants are among those indexed, and reads all.
UNDECIDED = text("state = 'planned' AND decided_at IS NULL")
DUE = text("state IN ('planned', 'retry') AND decided_at IS NOT NULL")
BUSY = text("state IN ('claimed', 'sending')")
UNLEARNED = text("sent_at IS NOT NULL AND closed_at IS NULL")
Index("ix_prompts_undecided", Prompt.start_at, sqlite_where=UNDECIDED, postgresql_where=UNDECIDED)
Index("ix_prompts_due", Prompt.due_at, sqlite_where=DUE, postgresql_where=DUE)
Index("ix_prompts_busy", Prompt.lease_until, sqlite_where=BUSY, postgresql_where=BUSY)
Index(
    "ix_prompts_unlearned",
    Prompt.sent_at,
    sqlite_where=UNLEARNED,
    postgresql_where=UNLEARNED,
)


class Decision(Base):
    """Draws: committed before anything is sent, never changed."""

    __tablename__ = "decisions"
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), primary_key=True)
    decided_at: Mapped[datetime]
    policy: Mapped[str] = mapped_column(Word)
    policy_version: Mapped[str] = mapped_column(Word)
    arm: Mapped[str] = mapped_column(Word)
    arm_probability: Mapped[float]
    epsilon: Mapped[float]
    seed: Mapped[int] = mapped_column(BigInteger)
    slots: Mapped[list[Any]]
    available: Mapped[list[Any]]
    propensities: Mapped[list[Any]]
    chosen: Mapped[int]
    features: Mapped[dict[str, Any]]


class Attempt(Base):
    """Intents, each committed before its first byte, and what came of them."""

    __tablename__ = "attempts"
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"))
    intended_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Word)
    http_status: Mapped[int | None]
    detail: Mapped[str | None] = mapped_column(Text)


class Receipt(Base):
    """What the phone reported of a prompt: delivered, shown, opened, dismissed."""

    __tablename__ = "receipts"
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), primary_key=True)
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Word, primary_key=True)
    happened_at: Mapped[datetime]
    device_at: Mapped[datetime]
    received_at: Mapped[datetime]


class Response(Base):
    """Answers, keyed by the UUID the phone made; one a prompt."""

    __tablename__ = "responses"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), unique=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"))
    content_id: Mapped[str] = mapped_column(Name)
    content_version: Mapped[str] = mapped_column(Word)
    content_sha256: Mapped[str] = mapped_column(Sha256)
    answers: Mapped[dict[str, Any]]
    scores: Mapped[dict[str, Any]]
    risk: Mapped[bool]
    late: Mapped[bool]
    answered_at: Mapped[datetime]
    device_answered_at: Mapped[datetime]
    device_skew_seconds: Mapped[float | None]
    received_at: Mapped[datetime]
    body_sha256: Mapped[str] = mapped_column(Sha256)
    reply: Mapped[dict[str, Any]]


class Outcome(Base):
    """Proximal outcomes in the order they became known; a silence is a row like an answer."""

    __tablename__ = "outcomes"
    seq: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), unique=True)
    person: Mapped[str] = mapped_column(Word, index=True)
    hour: Mapped[float]
    day_type: Mapped[int]
    day: Mapped[int]
    arm: Mapped[str] = mapped_column(Word)
    y: Mapped[int]
    closed_at: Mapped[datetime]


class Artifact(Base):
    """Learned models, newest wins."""

    __tablename__ = "artifacts"
    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    version: Mapped[str] = mapped_column(Word)
    created_at: Mapped[datetime]
    learned_through: Mapped[int] = mapped_column(BigInteger)
    blob: Mapped[bytes] = mapped_column(LargeBinary)
