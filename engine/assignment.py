"""The parts of a study protocol around its triggers: assignments, limits and phases."""

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.durations import Gap, Minutes, PhaseDays, PlainDate, WholeDays
from engine.numbers import number
from engine.triggers import (
    ENROLMENT,
    Count,
    EventName,
    Identifier,
    ProtocolPart,
    Trigger,
    distinct,
)

PRIORITY = 50
"""Priority of an assignment that names none."""


class Bursts(ProtocolPart):
    """Runs of days with prompts and of days without, counted from the date of the anchor."""

    on: WholeDays
    off: WholeDays
    anchor: EventName = Field(default=ENROLMENT, exclude_if=lambda name: name == ENROLMENT)

    def includes(self, days_since: int) -> bool:
        """Return whether the day this many days after the anchor is one with prompts."""
        return days_since >= 0 and days_since % (self.on.days + self.off.days) < self.on.days


class Dates(ProtocolPart):
    """The calendar dates on which an assignment asks: from, to (the last one), and exceptions."""

    from_: PlainDate | None = Field(default=None, alias="from")
    to: PlainDate | None = None
    except_: tuple[PlainDate, ...] = Field(
        default=(), alias="except", max_length=400, exclude_if=lambda dates: not dates
    )

    def include(self, day: date) -> bool:
        """Return whether this date is one of them."""
        if self.from_ is not None and day < self.from_:
            return False
        if self.to is not None and day > self.to:
            return False
        return day not in self.except_


class Assignment(ProtocolPart):
    """A piece of content and when to offer it; `id` is the content's unless given.

    `phases` empty means all of them. `per_day` caps this assignment alone. When caps of several
    bite, the one with the smaller `priority` number is kept, then the one listed first.
    `reminders` are times after sending, each of which repeats an unanswered prompt.
    """

    content: Identifier
    id: Identifier = Field(default_factory=lambda parts: str(parts["content"]))
    trigger: Trigger
    expires_after: Minutes = timedelta(minutes=60)
    reminders: tuple[Minutes, ...] = Field(
        default=(), max_length=5, exclude_if=lambda reminders: not reminders
    )
    phases: tuple[Identifier, ...] = Field(
        default=(), max_length=20, exclude_if=lambda phases: not phases
    )
    dates: Dates = Field(default=Dates(), exclude_if=lambda dates: dates == Dates())
    bursts: Bursts | None = None
    per_day: Count | None = None
    priority: Count = Field(default=PRIORITY, exclude_if=lambda priority: priority == PRIORITY)
    sampling: Literal["representative"] | None = None

    @field_validator("phases")
    @classmethod
    def _named_once(cls, phases: tuple[str, ...]) -> tuple[str, ...]:
        return distinct(phases)


class Limits(ProtocolPart):
    """How much is too much: prompts per local date, and real time between two prompts."""

    per_day: Count | None = None
    min_gap: Gap = timedelta(0)


class Fade(ProtocolPart):
    """How prompts thin out over a phase: the share sent falls in a line from all to `to_share`."""

    to_share: Annotated[float, number(0, 1)]


class Phase(ProtocolPart):
    """A stretch of the course: so many days, or until the date of an event, or the open end."""

    name: Identifier
    days: PhaseDays | None = None
    until: EventName | None = None
    fade: Fade | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.days is not None and self.until is not None:
            raise ValueError("give 'days' or 'until', not both")
        if self.fade is not None and self.days is None:
            raise ValueError("a phase that fades needs 'days'")
        return self
