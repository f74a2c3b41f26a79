"""Tables of protocols, of who is under them, and of what bends a schedule."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, BigSerial, Key, Name, Word


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


class PatientRules(Base):
    """What patients have set for themselves; a change is a new version."""

    __tablename__ = "patient_rules"
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]]
    set_by: Mapped[str] = mapped_column(Name)
    set_at: Mapped[datetime]


class Milestone(Base):
    """Events of a course, such as the first session, on which phases and intervals hang."""

    __tablename__ = "milestones"
    enrolment_id: Mapped[UUID] = mapped_column(Key, ForeignKey("enrolments.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    local_date: Mapped[date]
    recorded_by: Mapped[str] = mapped_column(Name)
    recorded_at: Mapped[datetime]


class PatientReport(Base):
    """What patients reported by themselves, keyed by the UUID their phone made."""

    __tablename__ = "patient_reports"
    id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"))
    name: Mapped[str] = mapped_column(Name)
    happened_at: Mapped[datetime]
    device_at: Mapped[datetime]
    received_at: Mapped[datetime]


class Unavailability(Base):
    """Prompts that met their patient driving, at work, asleep or otherwise not free."""

    __tablename__ = "unavailabilities"
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"))
    reason: Mapped[str] = mapped_column(Word)
    told_at: Mapped[datetime]


class ScheduleLog(Base):
    """Who or what changed a schedule, and when; rows are only ever added."""

    __tablename__ = "schedule_log"
    seq: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"))
    prompt_id: Mapped[UUID | None] = mapped_column(Key)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(Word)
    detail: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_schedule_log_patient_id", "patient_id", "at"),)


class Meta(Base):
    """Facts about the whole database, such as the zone data its instants rest on."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(Word, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
