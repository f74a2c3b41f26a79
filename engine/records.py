"""Values that cross the border of the store: frozen, without behaviour, free of SQLAlchemy."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinician:
    """A therapist, researcher or admin who signs in with a password."""

    id: UUID
    email: str
    name: str
    role: str
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient; `name` is the label the clinic uses."""

    id: UUID
    name: str
    zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A phone or browser of a patient; `push_token` is None until it has one."""

    id: UUID
    patient_id: UUID
    platform: str
    zone: str
    push_token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A patient's course under one protocol of their own."""

    id: UUID
    patient_id: UUID
    zone: str
    protocol_id: UUID
    seed: int
    control_share: float
    first_day: date
    planned_through: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolVersion:
    """One immutable version of a protocol, with who wrote it and when."""

    protocol_id: UUID
    version: int
    document: dict[str, Any]
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWindow:
    """A planned window as stored; `slots` are UTC instants, `due_at` is None until drawn."""

    id: UUID
    enrolment_id: UUID
    patient_id: UUID
    protocol_id: UUID
    protocol_version: int
    zone: str
    assignment: str
    content_id: str
    local_date: date
    window: int
    start_at: datetime
    end_at: datetime
    slots: tuple[datetime, ...]
    timing: str
    objective: str
    representative: bool
    within: timedelta
    expires_after: timedelta
    state: str
    decided_at: datetime | None
    due_at: datetime | None
    seed: int
    control_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The record of one draw, complete enough to be recomputed and to be analysed.

    `propensities` are the probabilities, given `arm`, with which each slot could have been
    chosen (they sum to 1; 0 where not available); `arm_probability` is that of the arm itself.
    """

    prompt_id: UUID
    decided_at: datetime
    policy: str
    policy_version: str
    arm: str
    arm_probability: float
    epsilon: float
    seed: int
    slots: tuple[datetime, ...]
    available: tuple[bool, ...]
    propensities: tuple[float, ...]
    chosen: int
    features: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePrompt:
    """A claimed prompt: all the dispatcher needs to know to send it or to say why not."""

    id: UUID
    enrolment_id: UUID
    patient_id: UUID
    protocol_id: UUID
    protocol_version: int
    zone: str
    assignment: str
    local_date: date
    due_at: datetime
    expires_at: datetime
    epoch: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A promise, committed before the first byte, to send one prompt to one device."""

    prompt_id: UUID
    attempt: int
    epoch: int
    device_id: UUID
    push_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """What came of an intent: the prompt's next state and the attempt's own record."""

    intent: Intent
    outcome: str
    state: str
    http_status: int | None
    detail: str | None
    next_try_at: datetime | None
    token_dead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPrompt:
    """A prompt that a device may answer now."""

    id: UUID
    content_id: str
    sent_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPrompt:
    """A prompt that left for the phone, as answering sees it."""

    id: UUID
    content_id: str
    sent_at: datetime
    expires_at: datetime
    within: timedelta
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A stored response with the reply that was given for it."""

    id: UUID
    prompt_id: UUID
    body_sha256: str
    reply: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The proximal outcome of one sent prompt, answered or silent, as the learner sees it.

    `hour` is the local hour of day (decimal) of the slot, `day_type` 0 work day or 1 off,
    `day` the ordinal of the local date.
    """

    seq: int
    prompt_id: UUID
    person: str
    hour: float
    day_type: int
    day: int
    arm: str
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A stored model with the last outcome it has learned from."""

    version: str
    created_at: datetime
    learned_through: int
    blob: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRecord:
    """One prompt's whole life, for therapist and export; instants None where not reached."""

    id: UUID
    assignment: str
    content_id: str
    local_date: date
    zone: str
    start_at: datetime
    end_at: datetime
    state: str
    reason: str | None
    timing: str
    due_at: datetime | None
    expires_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    shown_at: datetime | None
    opened_at: datetime | None
    answered_at: datetime | None
    late: bool
    arm: str | None
    propensity: float | None
    answers: dict[str, Any] | None
    scores: dict[str, Any] | None
    risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far prompts came; compliance is answered / delivered, with the rest beside it."""

    planned: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseloadRow:
    """One patient on a therapist's list, with the last days in counts."""

    patient: Patient
    counts: Counts
    last_answer_at: datetime | None
    risk_at: datetime | None
    devices: int
