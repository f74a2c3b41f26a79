"""Tables of answers and of what is learned from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Integer,
    LargeBinary,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, Key, Name, Sha256, Word

BigSerial = BigInteger().with_variant(Integer(), "sqlite")


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
