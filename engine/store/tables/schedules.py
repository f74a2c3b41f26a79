"""Tables of protocols and of who is under them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, Key, Name


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
