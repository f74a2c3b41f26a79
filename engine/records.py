"""Values that cross the border of the store: frozen, without behaviour, free of SQLAlchemy."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from engine.prompt import State

EVENT = "event"
PATIENT_INITIATED = "patient_initiated"
"""Timings of prompts that no plan holds: one follows an event, one the patient starts."""


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
    """A phone or browser of a patient; `push_token` is None until it has one.

    `deduplicates` says that its app drops a push it has had, so that one may be repeated.
    `seen_at` is when it last called, known to some minutes.
    """

    id: UUID
    patient_id: UUID
    platform: str
    zone: str
    push_token: str | None
    deduplicates: bool = False
    seen_at: datetime | None = None


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
    """A planned window as stored; `slots` are UTC instants, `due_at` is None until drawn.

    `cause_id` is the prompt whose answer, or whose silence, brought this one. `tzdata` is the
    release of the zone data that the instants rest on, `offset` the UTC offset at `start_at`.
    """

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
    probability: float = 1.0
    number: int = 0
    remaining: int = 1
    gap: timedelta = timedelta(0)
    priority: int = 50
    reminders: tuple[timedelta, ...] = ()
    phase: str | None = None
    cause_id: UUID | None = None
    tzdata: str | None = None
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The record of one draw, complete enough to be recomputed and to be analysed.

    `propensities` are the probabilities, given `arm`, with which each slot could have been
    chosen (they sum to 1; 0 where not available); `arm_probability` is that of the arm itself.
    `probability` is that of prompting at all, `prompted` what was drawn; the slot is drawn either
    way, so that a decision not to prompt has a place in time too.
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
    probability: float = 1.0
    prompted: bool = True


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
    assignment: str
    timing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A stored response with the reply that was given for it."""

    id: UUID
    prompt_id: UUID
    body_sha256: str
    reply: dict[str, Any]


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
    probability: float = 1.0
    phase: str | None = None
    declined_at: datetime | None = None
    unavailable: str | None = None

    @property
    def counts(self) -> bool:
        """Return whether compliance counts it: not if the patient started it, nor if none came.

        A decision point at which no prompt was drawn asked nothing of anybody.
        """
        return self.timing != PATIENT_INITIATED and self.state != State.WITHHELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far prompts came; compliance is answered / delivered, with the rest beside it.

    What patients start by themselves, and decisions not to prompt, are not counted.
    """

    planned: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseloadRow:
    """One patient on a therapist's list, with the last days in counts.

    `skew` is how far a phone's clock was ahead at its last answer, where that is worth a word.
    """

    patient: Patient
    counts: Counts
    last_answer_at: datetime | None
    risk_at: datetime | None
    devices: int
    skew: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesVersion:
    """One immutable version of what a patient has set, with who set it and when."""

    patient_id: UUID
    version: int
    document: dict[str, Any]
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """An event of a course, such as the first session, on the local date it happened."""

    enrolment_id: UUID
    name: str
    local_date: date
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientReport:
    """Something a patient reported by themselves; `id` was made by the phone."""

    id: UUID
    patient_id: UUID
    device_id: UUID
    name: str
    happened_at: datetime
    device_at: datetime
    received_at: datetime


class LogKind(StrEnum):
    """What the log of schedules tells of."""

    PROTOCOL = "protocol_published"
    RULES = "rules_changed"
    ZONE = "zone_changed"
    ZONE_UNKNOWN = "zone_unknown"
    MILESTONE = "milestone"
    NOT_FOLLOWED = "event_without_prompt"
    TZDATA_MOVED = "tzdata_moved"
    TZDATA_ENDED = "tzdata_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One thing that happened to a patient's schedule: who or what did it, when, and what."""

    patient_id: UUID
    at: datetime
    by: str
    kind: str
    detail: dict[str, Any]
    prompt_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSchedule:
    """What a device told last: its zone, and which schedule it pulled when; None where never."""

    device_id: UUID
    platform: str
    zone: str
    zone_at: datetime | None
    schedule_at: datetime | None
    version: int | None
    rules_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A reminder or a snooze: one more push for a prompt that is there already."""

    id: UUID
    parent_id: UUID
    kind: str
    repeat: int
    due_at: datetime
    expires_at: datetime
