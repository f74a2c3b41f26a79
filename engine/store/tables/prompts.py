"""The table of prompts, and the partial indexes the worker lives on."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.types import Base, Key, Name, Word


class Prompt(Base):
    """One window and its prompt, from plan to end.

    Identity: enrolment, assignment, local date, window, repeat. Reminders and snoozes are rows of
    their own: `kind` tells them apart, `parent_id` is the prompt they repeat, `repeat` counts them.
    `cause_id` is the prompt whose answer, or whose silence, brought this one.
    `slots` holds epoch seconds, `reminders` seconds after sending. `tzdata` is the release of the
    zone data that the instants were worked out with, `offset_seconds` the UTC offset at `start_at`.
    Milestones (`sent_at` ... `answered_at`) repeat what attempts, receipts and responses prove, so
    that lists are one read; `missed_at` notes that its running out unanswered was taken in.
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
    kind: Mapped[str] = mapped_column(Word, default="prompt", server_default="prompt")
    parent_id: Mapped[UUID | None] = mapped_column(Key, ForeignKey("prompts.id"))
    repeat: Mapped[int] = mapped_column(default=0, server_default="0")
    cause_id: Mapped[UUID | None] = mapped_column(Key)
    probability: Mapped[float] = mapped_column(default=1.0, server_default="1.0")
    number: Mapped[int] = mapped_column(default=0, server_default="0")
    remaining: Mapped[int] = mapped_column(default=1, server_default="1")
    gap_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    priority: Mapped[int] = mapped_column(default=50, server_default="50")
    reminders: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    phase: Mapped[str | None] = mapped_column(Name)
    tzdata: Mapped[str | None] = mapped_column(Word)
    offset_seconds: Mapped[int | None]

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
    declined_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        # The day in second place: so the index also serves whoever asks for days of enrolments,
        # and of patients (`engine.store.by_patient`).
        UniqueConstraint("enrolment_id", "local_date", "assignment", "window", "repeat"),
        ForeignKeyConstraint(
            ["protocol_id", "protocol_version"],
            ["protocol_versions.protocol_id", "protocol_versions.version"],
        ),
        # For figures over all patients. Prompts are stored in the order of their time, and a BRIN
        # index costs PostgreSQL next to nothing on the many updates of a prompt.
        Index("ix_prompts_start_at", "start_at", postgresql_using="brin"),
    )


# Predicates of the partial indexes. A query must say the very same words to use the index: with
# bound values SQLite cannot prove that the rows it wants are among those indexed, and reads all.
UNDECIDED = text("state = 'planned' AND decided_at IS NULL")
DUE = text(
    "((state IN ('planned', 'retry') AND decided_at IS NOT NULL)"
    " OR (state = 'unknown' AND next_try_at IS NOT NULL))"
)
REPEATS = text("parent_id IS NOT NULL")
BUSY = text("state = 'sending'")
UNLEARNED = text("sent_at IS NOT NULL AND closed_at IS NULL AND kind = 'prompt'")
RUNNING_OUT = text(
    "state = 'accepted' AND kind = 'prompt'"
    " AND answered_at IS NULL AND declined_at IS NULL AND missed_at IS NULL"
)
Index("ix_prompts_undecided", Prompt.start_at, sqlite_where=UNDECIDED, postgresql_where=UNDECIDED)
# In the order of a claim, which so reads what it takes and not all that is due. Of those that are
# due at the same instant the ones stored together come together, which spares pages.
Index("ix_prompts_due", Prompt.due_at, sqlite_where=DUE, postgresql_where=DUE)
Index("ix_prompts_parent_id", Prompt.parent_id, sqlite_where=REPEATS, postgresql_where=REPEATS)
Index("ix_prompts_busy", Prompt.lease_until, sqlite_where=BUSY, postgresql_where=BUSY)
Index(
    "ix_prompts_unlearned",
    Prompt.sent_at,
    sqlite_where=UNLEARNED,
    postgresql_where=UNLEARNED,
)
Index(
    "ix_prompts_running_out",
    Prompt.expires_at,
    sqlite_where=RUNNING_OUT,
    postgresql_where=RUNNING_OUT,
)
