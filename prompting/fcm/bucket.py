"""The rate limit of a Firebase project: a token bucket that one process shares."""

import threading
import time
from collections.abc import Callable

DEFAULT_PER_MINUTE = 600_000
"""What FCM grants a project unless Google was asked for more."""

LEAST_PER_MINUTE = 60
"""One a second; below that a bucket of whole messages could not keep its promise."""

_BURST_SECONDS = 1.0


class TokenBucket:
    """Promises that no stretch of 60 s, wherever it begins, sees more than `per_minute` takers.

    A burst of one second's worth is let through at once. For that the steady rate is a little
    below the limit: burst and 60 s of refilling together are what a minute may have. Safe to use
    from any thread; `monotonic` returns seconds of a clock that never steps.

    Raises:
        ValueError: if `per_minute` is below LEAST_PER_MINUTE.
    """

    def __init__(
        self,
        per_minute: int = DEFAULT_PER_MINUTE,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if per_minute < LEAST_PER_MINUTE:
            raise ValueError(f"per_minute: must be at least {LEAST_PER_MINUTE}")
        # A burst below one message could never let one through.
        burst = max(per_minute / (60 + _BURST_SECONDS) * _BURST_SECONDS, 1.0)
        self._burst = burst
        self._rate = (per_minute - burst) / 60
        self._monotonic = monotonic
        self._tokens = burst
        self._at = monotonic()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one token and return how many seconds to wait before using it; 0 for at once.

        Turns are given out in the order of the calls: whoever has to wait has its token already.
        """
        with self._lock:
            now = self._monotonic()
            refilled = self._tokens + max(now - self._at, 0.0) * self._rate
            self._at = now
            self._tokens = min(refilled, self._burst) - 1
            return max(-self._tokens, 0.0) / self._rate
