"""Tables of draws, attempts and what phones reported."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, Key, Name, Word


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
    probability: Mapped[float] = mapped_column(default=1.0, server_default="1.0")
    prompted: Mapped[bool] = mapped_column(default=True, server_default=true())
    features: Mapped[dict[str, Any]]


class Attempt(Base):
    """Intents, each committed before its first byte, and what came of them.

    The database is not asked whether prompt and device are there: the claim has locked the one and
    read the other in the same transaction, and asking again would be a tenth of its work.
    """

    __tablename__ = "attempts"
    prompt_id: Mapped[UUID] = mapped_column(Key, primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    device_id: Mapped[UUID] = mapped_column(Key)
    intended_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Word)
    http_status: Mapped[int | None]
    detail: Mapped[str | None] = mapped_column(Text)
    next_try_at: Mapped[datetime | None]

    # Each row is changed once, soon: room beside it spares PostgreSQL a new entry in the index.
    __table_args__ = {"postgresql_with": {"fillfactor": 50}}  # noqa: RUF012 (as SQLAlchemy has it)


class Receipt(Base):
    """What the phone reported of a prompt: delivered, shown, opened, dismissed."""

    __tablename__ = "receipts"
    prompt_id: Mapped[UUID] = mapped_column(Key, ForeignKey("prompts.id"), primary_key=True)
    device_id: Mapped[UUID] = mapped_column(Key, ForeignKey("devices.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Word, primary_key=True)
    happened_at: Mapped[datetime]
    device_at: Mapped[datetime]
    received_at: Mapped[datetime]


class Worker(Base):
    """Workers that run, each with its last sign of life; one that ends in order takes its row.

    `ticks` holds, by name, for how many seconds each tick has not succeeded; `open_until` until
    when this worker sends nothing as Firebase is in trouble.
    """

    __tablename__ = "workers"
    owner: Mapped[str] = mapped_column(Word, primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    stalled: Mapped[str | None] = mapped_column(Text)
    host: Mapped[str | None] = mapped_column(Name)
    pid: Mapped[int | None]
    version: Mapped[str | None] = mapped_column(Word)
    open_until: Mapped[datetime | None]
    ticks: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
