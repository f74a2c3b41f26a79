"""The parts of a study protocol: what is asked (assignment) and when (trigger).

All models are frozen and forbid unknown keys. Whether the parts fit each other is decided in
`engine.contradictions`; here each value only has to make sense by itself.
"""

from datetime import time, timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.durations import EndTime, Gap, Minutes, SlotLength, WallTime, WholeDays

_T = TypeVar("_T")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days, in the order of `date.weekday()`."""

DEFAULT_WITHIN = timedelta(minutes=15)
"""An answer counts for the proximal outcome if it comes within this time after sending."""

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
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
        return _distinct(days)

    def weekdays(self) -> frozenset[int]:
        """Return the days as `date.weekday()` numbers."""
        return frozenset(WEEKDAYS.index(day) for day in self.days)


class WindowTrigger(DaysOfWeek):
    """One prompt somewhere in each window, at a slot that a policy chooses."""

    kind: Literal["window"] = "window"
    windows: Annotated[tuple[LocalInterval, ...], Field(min_length=1)]
    timing: Literal["uniform", "adaptive"] = "uniform"
    objective: Literal["answered", "completed"] = "answered"
    within: Minutes = DEFAULT_WITHIN
    slot: SlotLength = timedelta(minutes=15)


class FixedTrigger(DaysOfWeek):
    """One prompt at each of these wall times."""

    kind: Literal["fixed"] = "fixed"
    at: Annotated[tuple[WallTime, ...], Field(min_length=1)]

    @field_validator("at")
    @classmethod
    def _listed_once(cls, at: tuple[time, ...]) -> tuple[time, ...]:
        return _distinct(at)

    def times(self) -> tuple[time, ...]:
        """Return the wall times as written."""
        return self.at

    def days_apart(self) -> int:
        """Return 1: a prompt on every one of the weekdays."""
        return 1


class IntervalTrigger(ProtocolPart):
    """One prompt every so many whole days, counted from the enrolment's first day."""

    kind: Literal["interval"] = "interval"
    every: WholeDays
    at: WallTime

    def times(self) -> tuple[time, ...]:
        """Return the one wall time."""
        return (self.at,)

    def days_apart(self) -> int:
        """Return the days from one prompt to the next."""
        return self.every.days

    def weekdays(self) -> frozenset[int]:
        """Return all days: which it meets depends on the enrolment's first."""
        return frozenset(range(7))


Trigger = Annotated[WindowTrigger | FixedTrigger | IntervalTrigger, Field(discriminator="kind")]
TRIGGERS: dict[str, type[ProtocolPart]] = {
    "window": WindowTrigger,
    "fixed": FixedTrigger,
    "interval": IntervalTrigger,
}
"""The kinds of trigger by name."""


class Assignment(ProtocolPart):
    """A piece of content and when to offer it; `id` is the content's unless given."""

    content: Identifier
    id: Identifier = Field(default_factory=lambda parts: str(parts["content"]))
    trigger: Trigger
    expires_after: Minutes = timedelta(minutes=60)
    sampling: Literal["representative"] | None = None


class Limits(ProtocolPart):
    """How much is too much: prompts per local date, and real time between two prompts."""

    per_day: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    min_gap: Gap = timedelta(0)


def minute_of(at: time) -> int:
    """Return the wall time in minutes from midnight."""
    return at.hour * 60 + at.minute


def _distinct(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if len(set(values)) < len(values):
        raise ValueError("names the same one twice; name each once")
    return values
