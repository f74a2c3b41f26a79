"""Reminders and snoozes of a prompt: their identity and their instants. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from engine.planning import PROMPTS
from engine.prompt import PromptKind
from engine.records import Repeat


def repeat_id(parent_id: UUID, repeat: int) -> UUID:
    """Return the id of the one repeat of a prompt with this number, the same on every machine."""
    return uuid5(PROMPTS, f"{parent_id}/{repeat}")


def reminders_of(
    parent_id: UUID, after: Sequence[timedelta], *, due_at: datetime, expires_at: datetime
) -> list[Repeat]:
    """Return the reminders of a prompt, each so long after it is due; none at or after expiry."""
    return [
        Repeat(
            id=repeat_id(parent_id, number),
            parent_id=parent_id,
            kind=PromptKind.REMINDER,
            repeat=number,
            due_at=due_at + wait,
            expires_at=expires_at,
        )
        for number, wait in enumerate(after, start=1)
        if due_at + wait < expires_at
    ]


def snooze_of(parent_id: UUID, repeat: int, *, due_at: datetime, expires_at: datetime) -> Repeat:
    """Return the push that comes when a snoozed prompt's time is up."""
    return Repeat(
        id=repeat_id(parent_id, repeat),
        parent_id=parent_id,
        kind=PromptKind.SNOOZE,
        repeat=repeat,
        due_at=due_at,
        expires_at=expires_at,
    )
