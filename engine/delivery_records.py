"""Values of delivery that cross the border of the store: frozen, without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from engine.prompt import PromptKind, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What a reminder needs to know of the prompt it calls to mind."""

    id: UUID
    state: State
    due_at: datetime | None
    sent_at: datetime | None
    answered: bool
    declined: bool


class DuePrompt(NamedTuple):
    """A claimed prompt: all the dispatcher needs to know to send it or to say why not.

    `epoch` is the number of this claim, one more than the row's own. `sent_at` is set when an
    earlier attempt may have been delivered; `left_at` is the last instant at which one may have
    left. `confirmed_at` is set when the phone reported or answered it meanwhile. (A tuple, since
    very many are made at once.)
    """

    id: UUID
    enrolment_id: UUID
    patient_id: UUID
    protocol_id: UUID
    zone: str
    assignment: str
    local_date: date
    due_at: datetime
    expires_at: datetime
    epoch: int
    attempts: int
    sent_at: datetime | None = None
    left_at: datetime | None = None
    confirmed_at: datetime | None = None
    kind: PromptKind = PromptKind.PROMPT
    parent_id: UUID | None = None
    repeat: int = 0
    cause_id: UUID | None = None

    @property
    def push_id(self) -> UUID:
        """Return the id the phone knows: a reminder replaces its prompt, it stands not beside."""
        return self.parent_id or self.id


class Phone(NamedTuple):
    """A device in use, as the dispatcher needs to know it."""

    id: UUID
    zone: str
    push_token: str | None
    deduplicates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """The zone a patient last confirmed, and the phones in use, newest first."""

    zone: str
    phones: list[Phone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Attempts of one prompt that may have been delivered: how many, and the last one's phone."""

    attempts: int
    device_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A claimed prompt that is not sent now: its next state and why."""

    prompt_id: UUID
    epoch: int
    state: State
    reason: str | None
    next_try_at: datetime | None = None


class Intent(NamedTuple):
    """A promise, committed before the first byte, to send one prompt to one device.

    `push_id` and `repeat` are what the phone is told. `deduplicates` says that the phone drops a
    push it has had; `uncertain` counts earlier attempts that may have been delivered.
    """

    prompt_id: UUID
    attempt: int
    epoch: int
    device_id: UUID
    push_token: str
    expires_at: datetime
    push_id: UUID
    repeat: int = 0
    deduplicates: bool = False
    uncertain: int = 0

    @classmethod
    def of(cls, prompt: DuePrompt, phone: Phone, *, uncertain: int = 0) -> "Intent":
        """Return the next attempt of a claimed prompt, to a phone that has a push token."""
        return cls(
            prompt_id=prompt.id,
            attempt=prompt.attempts + 1,
            epoch=prompt.epoch,
            device_id=phone.id,
            push_token=str(phone.push_token),
            expires_at=prompt.expires_at,
            push_id=prompt.push_id,
            repeat=prompt.repeat,
            deduplicates=phone.deduplicates,
            uncertain=uncertain,
        )


class AttemptResult(NamedTuple):
    """What came of an intent: the prompt's next state and the attempt's own record."""

    intent: Intent
    outcome: str
    state: State
    reason: str | None
    http_status: int | None
    detail: str | None
    next_try_at: datetime | None
    token_dead: bool


class Recent(NamedTuple):
    """What an enrolment was sent lately: the last instant, the last 24 hours' count and zones.

    `zones` are those of the places the prompts were planned in, smallest and largest name of each
    date; `on` counts by the local date the prompts were planned for.
    """

    last_at: datetime
    in_24h: int
    zones: frozenset[str]
    on: Mapping[date, int]


NOTHING = Recent(last_at=datetime.min.replace(tzinfo=UTC), in_24h=0, zones=frozenset(), on={})
"""Nothing was ever sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt as it was recorded; `outcome` is None while its worker has not told."""

    attempt: int
    intended_at: datetime
    finished_at: datetime | None
    outcome: str | None
    http_status: int | None
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStory:
    """All that is on record of one prompt's way to the phone; nothing of what it asks.

    `receipts` are the first instants at which a phone reported delivered, shown, opened, dismissed.
    """

    id: UUID
    patient_id: UUID
    kind: PromptKind
    repeat: int
    zone: str
    timing: str
    state: State
    reason: str | None
    start_at: datetime
    end_at: datetime
    decided_at: datetime | None
    due_at: datetime | None
    expires_at: datetime | None
    next_try_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    answered_at: datetime | None
    declined_at: datetime | None
    closed_at: datetime | None
    attempts: tuple[AttemptRecord, ...]
    receipts: dict[str, datetime]
