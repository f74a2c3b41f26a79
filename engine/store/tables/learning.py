"""Tables of answers and of what is learned from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    LargeBinary,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, BigSerial, Key, Name, Sha256, Word


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
    """Proximal outcomes in the order they became known; a silence is a row like an answer.

    `y` is what is known now and the next fit learns; `first_y` what was known first and the model
    in memory took in, so that what it knew at any time can be worked out again. `revised_at` is
    when an answer turned a silence around, `dropped_at` when a silence was found to mean nothing.
    """

    __tablename__ = "outcomes"
    seq: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), unique=True)
    person: Mapped[str] = mapped_column(Word, index=True)
    hour: Mapped[float]
    last_hour: Mapped[float | None]
    day_type: Mapped[int]
    day: Mapped[int]
    arm: Mapped[str] = mapped_column(Word)
    y: Mapped[int]
    first_y: Mapped[int] = mapped_column(server_default="0")
    closed_at: Mapped[datetime]
    revised_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]


class Artifact(Base):
    """Learned models; of those promoted the newest wins."""

    __tablename__ = "artifacts"
    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    version: Mapped[str] = mapped_column(Word, index=True)
    created_at: Mapped[datetime]
    learned_through: Mapped[int] = mapped_column(BigInteger)
    blob: Mapped[bytes] = mapped_column(LargeBinary)
    head: Mapped[str] = mapped_column(Word, server_default="answered")
    promoted: Mapped[bool] = mapped_column(server_default=true())
    curve: Mapped[list[Any] | None]


class LearningEvent(Base):
    """What happened to the model; rows are only ever added."""

    __tablename__ = "learning_events"
    seq: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(Word)
    version: Mapped[str | None] = mapped_column(Word)
    detail: Mapped[dict[str, Any]]


class DeclaredHours(Base):
    """Hours that patients say they keep, decimal; a change is a new version."""

    __tablename__ = "declared_hours"
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    wake: Mapped[float | None]
    bed: Mapped[float | None]
    work_start: Mapped[float | None]
    work_end: Mapped[float | None]
    declared_by: Mapped[str] = mapped_column(Name)
    declared_at: Mapped[datetime]


class Mark(Base):
    """What patients said of the moment of a prompt: good or not; one a prompt."""

    __tablename__ = "marks"
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"))
    good: Mapped[bool]
    marked_at: Mapped[datetime]
