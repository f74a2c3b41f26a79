"""What planning returns: windows with their slots, and those a day has no room for."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from engine.assignment import PRIORITY

Timing = Literal["fixed", "uniform", "adaptive", "micro_randomised"]
Objective = Literal["answered", "completed", "relevance"]

TOO_MANY = "per_day cap"
TOO_MANY_OF_IT = "per_day cap of the assignment"
TOO_CLOSE = "min_gap"
NO_ROOM = "no room for another with the gap"
QUIET = "quiet hours"
CLOCK_CHANGE = "clock change"
FADED = "faded out"
PAUSED = "paused"
LEFT_OUT = "left out by the patient"
OWN_QUIET = "quiet hours of the patient"
OWN_CAP = "per_day cap of the patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow:
    """One prompt to be: its window and the instants at which it may be sent.

    `slots` are UTC and strictly increase, start_at <= slot < end_at; each reads inside the local
    window and outside quiet hours. A prompt at a set time has that one slot and ends at expiry.

    `window` numbers the assignment's prompts of the day: the place in the trigger's list as
    written, each place counting as often as a window holds prompts. Of the prompts of one window
    this is `number` (from 0), with `remaining` still to draw, itself included, `gap` apart.
    `probability` is that of being sent at all: below 1 for decision points and in a phase that
    fades. `reminders` are times after sending.
    """

    assignment: str
    content: str
    local_date: date
    window: int
    start_at: datetime
    end_at: datetime
    slots: tuple[datetime, ...]
    timing: Timing
    expires_after: timedelta
    within: timedelta
    objective: Objective = "answered"
    representative: bool = False
    probability: float = 1.0
    number: int = 0
    remaining: int = 1
    gap: timedelta = timedelta(0)
    priority: int = PRIORITY
    reminders: tuple[timedelta, ...] = ()
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A window of the protocol that this day has no room for, and why."""

    assignment: str
    local_date: date
    window: int
    reason: str


@dataclass(frozen=True, slots=True)
class DayPlan:
    """All windows of one local date by `start_at`, and those dropped."""

    windows: tuple[PlannedWindow, ...]
    dropped: tuple[Dropped, ...]


NOTHING = DayPlan((), ())
"""The plan of a day outside the course."""
