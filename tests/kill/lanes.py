"""What all processes of one lane share: a clock that is set by hand, and a few counters.

A lane is one database and the processes that work on it one scenario after the other. Several
lanes run beside each other and know nothing of one another.
"""

import multiprocessing
import time
from datetime import UTC, datetime, timedelta

_NOW, _RECEIVED, _TRANSACTIONS, _SUBMISSIONS, _RUNS_SINCE, _STEPPED_AT, _STEPPED_BY = range(7)
_UNDER_WAY_SECONDS = 2.0
"""How long a request may have been under way since its sender last read the clock."""


def _slot(index: int) -> property:
    def get(self: "Shared") -> float:
        return float(self.values[index])

    def put(self: "Shared", value: float) -> None:
        self.values[index] = value

    return property(get, put)


class Shared:
    """Memory shared with every process that is forked later."""

    received = _slot(_RECEIVED)
    """Requests the stub has had in the present scenario."""
    transactions = _slot(_TRANSACTIONS)
    submissions = _slot(_SUBMISSIONS)

    def __init__(self) -> None:
        self.values = multiprocessing.RawArray("d", 7)

    def clock(self) -> datetime:
        """Return the lane's present instant: it stands still unless it was let run."""
        since = self.values[_RUNS_SINCE]
        passed = time.monotonic() - since if since else 0.0
        return datetime.fromtimestamp(self.values[_NOW] + passed, UTC)

    def fair_clock(self) -> datetime:
        """Return the instant to judge a request by: a step forward came after its sender looked."""
        just = time.monotonic() - self.values[_STEPPED_AT] < _UNDER_WAY_SECONDS
        return self.clock() - timedelta(seconds=max(self.values[_STEPPED_BY], 0.0) if just else 0)

    def set_clock(self, at: datetime) -> None:
        """Let the clock stand still at `at`."""
        self.values[_RUNS_SINCE], self.values[_NOW] = 0.0, at.timestamp()

    def run_clock(self, at: datetime) -> None:
        """Let the clock go on by itself from `at`."""
        self.values[_NOW], self.values[_RUNS_SINCE] = at.timestamp(), time.monotonic()

    def step_clock(self, by: timedelta) -> None:
        """Step the clock that all processes of the lane read, as an administrator might."""
        seconds = by.total_seconds()
        self.values[_STEPPED_BY], self.values[_STEPPED_AT] = seconds, time.monotonic()
        self.values[_NOW] += seconds
