"""Values of learning that cross the border of the store: frozen, without behaviour."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from engine.records import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The proximal outcome of one sent prompt, answered or silent, as the learner sees it.

    `hour` is the local hour of day (decimal) of the slot, `day_type` 0 work day or 1 off,
    `day` the ordinal of the local date, `last_hour` the hour of the patient's prompt before on
    that day, None for the first.
    """

    seq: int
    prompt_id: UUID
    person: str
    hour: float
    day_type: int
    day: int
    arm: str
    y: int
    last_hour: float | None = None


ANSWERED, COMPLETED, RELEVANCE = "answered", "completed", "relevance"
"""What a model predicts: that a prompt is answered in time, that an exercise is done, or that a
moment is a good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A stored model with the last outcome it has learned from, and what it predicts: `head`.

    `promoted` says that it may decide; `curve` is its population alone (logit of 96 half hours of
    a work day and an off day), which is left to decide by when the blob cannot be read.
    """

    version: str
    created_at: datetime
    learned_through: int
    blob: bytes
    head: str = ANSWERED
    promoted: bool = True
    curve: tuple[float, ...] | None = None


Hours = tuple[float | None, float | None, float | None, float | None]
"""Decimal hours of waking, going to bed, start and end of work; None where not declared."""


class LearningKind(StrEnum):
    """What the log of learning tells of."""

    PROMOTED = "promoted"
    KEPT_BACK = "kept_back"
    FIT_FAILED = "fit_failed"
    UNUSABLE = "artifact_unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningEvent:
    """Something that happened to the model: `version` is the artifact it is about, if any."""

    at: datetime
    kind: str
    version: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A sign of whether a moment was good for a patient: where from (`kind`), and yes or no.

    `prompt_id` is the prompt that a mark or an exercise is about; None for signs of another kind.
    """

    person: str
    at: datetime
    zone: str
    kind: str
    good: bool
    prompt_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredHours:
    """Local times at which a patient usually gets up, goes to bed and works; None if not told."""

    wake: time | None = None
    bed: time | None = None
    work_start: time | None = None
    work_end: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredVersion:
    """What a patient declared last, who entered it, and when; `version` counts the changes."""

    version: int
    hours: DeclaredHours
    declared_by: str
    declared_at: datetime


@dataclass(frozen=True, slots=True)
class MarkCounts:
    """How many prompts a patient called well timed, and how many not."""

    good: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPrompt:
    """A prompt whose slot was drawn and whose outcome is known, to weigh models by.

    `hours` and `propensities` are those of all slots of its window; `available` which of them
    could be drawn.
    """

    outcome: Outcome
    hours: tuple[float, ...]
    available: tuple[bool, ...]
    propensities: tuple[float, ...]
    chosen: int
    declared: Hours | None = None
    last_hour: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A draw on record, with what of its prompt bore on it. `person` is the key models know."""

    decision: Decision
    person: str
    timing: str
    gap: timedelta
