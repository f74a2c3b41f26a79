"""The kinds of trigger: when an assignment asks.

All models are frozen and forbid unknown keys. Whether the parts fit each other is decided in
`engine.contradictions`; here each value only has to make sense by itself.
"""

import operator
from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from engine.durations import Cooldown, EndTime, Gap, Minutes, SlotLength, WallTime, WholeDays
from engine.numbers import number, whole

_T = TypeVar("_T")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days, in the order of `date.weekday()`."""

DEFAULT_WITHIN = timedelta(minutes=15)
"""An answer counts for the proximal outcome if it comes within this time after sending."""

IDENTIFIER = r"^[a-z0-9][a-z0-9._-]{0,79}$"
VALUE_NAME = r"^[a-z0-9][a-z0-9._-]{0,79}\.[A-Za-z0-9_-]{1,80}$"
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
ValueName = Annotated[str, Field(pattern=VALUE_NAME)]
EventName = Identifier
"""Name of something that happens once or again in a course, such as "first-session"."""
ENROLMENT = "enrolment"
"""The event every course begins with: its date is the first day."""

Count = Annotated[int, whole(1, 100)]
Days = Annotated[tuple[Weekday, ...], Field(min_length=1)]


class ProtocolPart(BaseModel):
    """Base of every part: immutable, and an unknown key is a mistake, not a comment."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_alias=True, validate_by_name=True
    )


class LocalInterval(ProtocolPart):
    """A half-open stretch of wall time; `to` at 00:00 is midnight at the day's end."""

    from_: WallTime = Field(alias="from")
    to: EndTime

    def minutes(self) -> tuple[int, int]:
        """Return both bounds in minutes from midnight, the end as 1440 where it is midnight."""
        return minute_of(self.from_), minute_of(self.to) or 24 * 60

    def grid(self, slot: timedelta) -> tuple[time, ...]:
        """Return the wall times from `from` up to `to`, one every `slot`; empty if it wraps."""
        first, end = self.minutes()
        step = slot // timedelta(minutes=1)
        return tuple(time(*divmod(minute, 60)) for minute in range(first, end, step))


class DaysOfWeek(ProtocolPart):
    """Base of triggers that only happen on some days of the week."""

    days: Days = WEEKDAYS

    @field_validator("days")
    @classmethod
    def _named_once(cls, days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        return distinct(days)

    def weekdays(self) -> frozenset[int]:
        """Return the days as `date.weekday()` numbers."""
        return frozenset(WEEKDAYS.index(day) for day in self.days)


class WindowTrigger(DaysOfWeek):
    """Prompts somewhere in each window, at slots that a policy chooses.

    `per_window` prompts fall into each, `gap` or more apart; every set of slots that keeps the gap
    is as likely as any other. An adaptive window holds one prompt.
    """

    kind: Literal["window"] = "window"
    windows: Annotated[tuple[LocalInterval, ...], Field(min_length=1, max_length=48)]
    per_window: Annotated[int, whole(1, 20)] = Field(default=1, exclude_if=lambda n: n == 1)
    gap: Gap = Field(default=timedelta(0), exclude_if=lambda gap: not gap)
    timing: Literal["uniform", "adaptive"] = "uniform"
    objective: Literal["answered", "completed", "relevance"] = "answered"
    within: Minutes = DEFAULT_WITHIN
    slot: SlotLength = timedelta(minutes=15)


class AtTimes(DaysOfWeek):
    """Base of triggers with set times of day."""

    at: Annotated[tuple[WallTime, ...], Field(min_length=1, max_length=48)]

    @field_validator("at")
    @classmethod
    def _listed_once(cls, at: tuple[time, ...]) -> tuple[time, ...]:
        return distinct(at)

    def times(self) -> tuple[time, ...]:
        """Return the wall times as written."""
        return self.at

    def days_apart(self) -> int:
        """Return 1: a prompt on every one of the weekdays."""
        return 1


class FixedTrigger(AtTimes):
    """One prompt at each of these wall times."""

    kind: Literal["fixed"] = "fixed"


class MicroRandomisedTrigger(AtTimes):
    """Decision points at these wall times, each of which prompts with the given probability.

    Source: Klasnja et al. (2015), Microrandomized trials.
    """

    kind: Literal["micro_randomised"] = "micro_randomised"
    probability: Annotated[float, number(0.01, 0.99)]
    within: Minutes = DEFAULT_WITHIN


class IntervalTrigger(ProtocolPart):
    """One prompt every so many whole days, counted from the date of the anchor.

    The anchor is the enrolment or an event, such as the first session; nothing is asked before it.
    """

    kind: Literal["interval"] = "interval"
    every: WholeDays
    at: WallTime
    anchor: EventName = Field(default=ENROLMENT, exclude_if=lambda name: name == ENROLMENT)

    def times(self) -> tuple[time, ...]:
        """Return the one wall time."""
        return (self.at,)

    def days_apart(self) -> int:
        """Return the days from one prompt to the next."""
        return self.every.days

    def weekdays(self) -> frozenset[int]:
        """Return all days: which it meets depends on the anchor's date."""
        return frozenset(range(7))


Comparison = Literal["lt", "le", "eq", "ne", "ge", "gt"]


class ValueCondition(ProtocolPart):
    """A score or an item of another answer, compared with a number.

    `score` and `item` are written "content.name"; exactly one of them is given.
    """

    score: ValueName | None = None
    item: ValueName | None = None
    op: Comparison = "ge"
    value: Annotated[float, number(-1e9, 1e9)]

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.score is None) == (self.item is None):
            raise ValueError("give either 'score' or 'item', as \"content.name\"")
        return self

    def source(self) -> tuple[str, str]:
        """Return the content's id and the name of its score or item."""
        content, _, name = str(self.score or self.item).rpartition(".")
        return content, name

    def holds(self, found: float) -> bool:
        """Return whether a value meets the comparison."""
        return bool(getattr(operator, self.op)(found, self.value))


class ReportCondition(ProtocolPart):
    """Something the patient reports by themselves, such as "smoked"."""

    report: EventName


class MissedCondition(ProtocolPart):
    """A prompt of this assignment that was sent and ran out without an answer."""

    missed: Identifier


def _condition_tag(written: object) -> str | None:
    """Return the tag of the condition by the key that only it has, None if there is none."""
    if isinstance(written, Mapping):
        return next((tag for key, tag in CONDITION_KEYS.items() if key in written), None)
    return f"~{type(written).__name__}"


CONDITION_KEYS = {
    "score": "~ValueCondition",
    "item": "~ValueCondition",
    "report": "~ReportCondition",
    "missed": "~MissedCondition",
}
"""The keys that say what kind of condition `when` is, and the tags of the kinds."""
Condition = Annotated[
    Annotated[ValueCondition, Tag("~ValueCondition")]
    | Annotated[ReportCondition, Tag("~ReportCondition")]
    | Annotated[MissedCondition, Tag("~MissedCondition")],
    Discriminator(
        _condition_tag,
        custom_error_type="condition",
        custom_error_message=f"must be a mapping with one of: {', '.join(CONDITION_KEYS)}",
    ),
]


class EventTrigger(ProtocolPart):
    """A prompt some time after something happened: an answer, a report, a missed prompt.

    No further one follows within `cooldown` of the last, nor more than `per_day` on a local date.
    """

    kind: Literal["event"] = "event"
    when: Condition
    delay: Gap = timedelta(0)
    cooldown: Cooldown = timedelta(0)
    per_day: Count | None = None


class PatientInitiatedTrigger(ProtocolPart):
    """Content the patient may start whenever they like, up to `per_day` times a local date."""

    kind: Literal["patient_initiated"] = "patient_initiated"
    per_day: Count | None = None


Trigger = Annotated[
    WindowTrigger
    | FixedTrigger
    | MicroRandomisedTrigger
    | IntervalTrigger
    | EventTrigger
    | PatientInitiatedTrigger,
    Field(discriminator="kind"),
]
TRIGGERS: dict[str, type[ProtocolPart]] = {
    "window": WindowTrigger,
    "fixed": FixedTrigger,
    "micro_randomised": MicroRandomisedTrigger,
    "interval": IntervalTrigger,
    "event": EventTrigger,
    "patient_initiated": PatientInitiatedTrigger,
}
"""The kinds of trigger by name."""


def minute_of(at: time) -> int:
    """Return the wall time in minutes from midnight."""
    return at.hour * 60 + at.minute


def distinct(values: tuple[_T, ...]) -> tuple[_T, ...]:
    """Return the values as they are; raises ValueError where one is there twice."""
    if len(set(values)) < len(values):
        raise ValueError("names the same one twice; name each once")
    return values
