"""The breaker of a Firebase project: when FCM is in trouble, prompts stay due instead of burning.

A push whose answer is 503 or lost has an unknown fate and may never be sent again. So after a few
such answers in a row nothing is sent for a while; then a single push asks whether things are well.

    closed -> open          after `threshold` troubled answers in a row
    open -> half-open       after Retry-After or the pause, whichever is longer
    half-open -> closed     when the one push let through is answered well
    half-open -> open       when it is not; the pause doubles, up to `longest`
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from prompting.fcm.outcome import Kind, SendOutcome

THRESHOLD = 5
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=30)
"""Short enough that half a minute after an outage everything flows again."""
UNBOUNDED = 1_000_000
"""Room of a closed breaker."""

_PROBE_LAPSES_SECONDS = 60.0


class Ticket(NamedTuple):
    """Leave to send one push, to be handed back with what became of it."""

    era: int
    probe: bool


class Standing(NamedTuple):
    """How things stand, in seconds of the steady clock; `pause` is 0 while all is well."""

    pause: float = 0.0
    until: float = 0.0
    probing_until: float = 0.0

    def room(self, now: float) -> int:
        """Return how many pushes may be sent now: none while open, one to probe, else no bound."""
        if not self.pause:
            return UNBOUNDED
        return 1 if self.may_probe(now) else 0

    def may_probe(self, now: float) -> bool:
        """Return whether an open breaker lets one push through now."""
        return now >= self.until and now >= self.probing_until

    def open_for(self, now: float) -> timedelta:
        """Return for how long nothing will be sent; zero if closed or ready for a probe."""
        return timedelta(seconds=max(self.until - now, 0.0) if self.pause else 0.0)


def _nobody(standing: Standing) -> None:
    """Tell nobody."""


class Breaker:
    """Decides whether a push may be sent now. Safe to use from any thread.

    Troubled are 429, 5xx, a time-out, a lost connection and none to be had; every other answer
    shows that FCM is well. Answers to pushes sent before the last change of state no longer count.
    `monotonic` returns seconds of a clock that never steps; `tell` hears of each new standing.
    """

    def __init__(
        self,
        *,
        threshold: int = THRESHOLD,
        first_pause: timedelta = FIRST_PAUSE,
        longest_pause: timedelta = LONGEST_PAUSE,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[Standing], None] = _nobody,
    ) -> None:
        if threshold < 1 or not timedelta(0) < first_pause <= longest_pause:
            raise ValueError("threshold, first_pause, longest_pause: must be positive, in order")
        self._threshold = threshold
        self._first = first_pause.total_seconds()
        self._longest = longest_pause.total_seconds()
        self._monotonic = monotonic
        self._tell = tell
        self._lock = threading.Lock()
        self._era = 0
        self._in_row = 0
        self._standing = Standing()

    @property
    def open_for(self) -> timedelta:
        """Return for how long nothing will be sent; zero if closed or ready for a probe."""
        return self._standing.open_for(self._monotonic())

    @property
    def room(self) -> int:
        """Return how many pushes may be sent now: none while open, one to probe, else no bound."""
        return self._standing.room(self._monotonic())

    def enter(self) -> Ticket | None:
        """Return leave to send one push, None if it must not be sent now."""
        with self._lock:
            if not self._standing.pause:
                return Ticket(self._era, probe=False)
            now = self._monotonic()
            if not self._standing.may_probe(now):
                return None
            self._stand(self._standing._replace(probing_until=now + _PROBE_LAPSES_SECONDS))
            return Ticket(self._era, probe=True)

    def report(self, ticket: Ticket, outcome: SendOutcome | None) -> None:
        """Take note of what became of a push; None if it was broken off and tells nothing."""
        with self._lock:
            if ticket.era != self._era:
                return
            if outcome is None or outcome.code in _TELLS_NOTHING:
                self._stand(self._standing._replace(probing_until=0.0))
            elif not is_troubled(outcome):
                self._close(ticket)
            else:
                self._in_row += 1
                if ticket.probe or self._in_row >= self._threshold:
                    self._open(outcome.retry_after)

    def _close(self, ticket: Ticket) -> None:
        self._in_row = 0
        if ticket.probe:
            self._era += 1
            self._stand(Standing())

    def _open(self, retry_after: timedelta | None) -> None:
        self._era += 1
        self._in_row = 0
        before = self._standing.pause
        pause = min(before * 2, self._longest) if before else self._first
        asked = retry_after.total_seconds() if retry_after is not None else 0.0
        self._stand(Standing(pause, self._monotonic() + max(pause, asked)))

    def _stand(self, standing: Standing) -> None:
        if standing != self._standing:
            self._standing = standing
            self._tell(standing)


def is_troubled(outcome: SendOutcome) -> bool:
    """Return whether an outcome speaks of a service in trouble rather than of this one push."""
    if outcome.kind in (Kind.THROTTLED, Kind.UNKNOWN):
        return True
    return outcome.kind is Kind.NOT_SENT and outcome.code not in _TELLS_NOTHING


# NOT_PROCESSED among them: a server that retires a connection is well.
_TELLS_NOTHING = frozenset({"EXPIRED", "CLIENT_CLOSED", "BREAKER_OPEN", "NOT_PROCESSED"})
