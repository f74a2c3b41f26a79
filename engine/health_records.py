"""Values of delivery health that cross the border of the store: nobody is named in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

LATENESS_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds, in seconds, of the buckets of lateness; what is later falls in one without."""


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many prompts stand in a state for one reason, None where there is none to give."""

    state: str
    reason: str | None
    prompts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """How long after their due instant prompts left, in seconds; quantiles are None of none.

    `buckets` counts, cumulatively, those at most as late as each of LATENESS_BOUNDS.
    """

    prompts: int
    buckets: tuple[int, ...]
    total: float
    median: float | None
    p99: float | None
    latest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFigures:
    """What became of the prompts whose time came within the last `hours`."""

    hours: int
    states: tuple[StateCount, ...]
    lateness: Lateness

    def by_state(self) -> dict[str, int]:
        """Return the counts with reasons put together."""
        found: dict[str, int] = {}
        for one in self.states:
            found[one.state] = found.get(one.state, 0) + one.prompts
        return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """Prompts that are due and have not left, and since when the oldest has been."""

    prompts: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker as it told last: alive (seen within a minute) or not, and what stands still in it.

    `ticks` are the seconds, at `seen_at`, since each tick last succeeded.
    """

    owner: str
    host: str | None
    pid: int | None
    version: str | None
    started_at: datetime
    seen_at: datetime
    alive: bool
    stalled: str | None
    open_until: datetime | None
    ticks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Silence:
    """How many prompts were sent since a patient's phone was last heard of, and when the first."""

    prompts: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability:
    """Phones in use whose push token Firebase has called dead, and patients with a silent phone."""

    phones: int
    dead_tokens: int
    silent_patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressOfTest:
    """How far a test notification came; `device_id` is the phone it was last sent to.

    `ended` says that nothing more will come of it: the phone confirmed, it failed, or its time
    is over.
    """

    id: UUID
    asked_at: datetime
    expires_at: datetime
    state: str
    reason: str | None
    device_id: UUID | None
    sent_at: datetime | None
    confirmed_at: datetime | None
    ended: bool


TEST_EXPIRES = timedelta(minutes=5)
"""How long a test notification may take; what comes later proves nothing."""
