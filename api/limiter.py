"""How often one address may try a secret: sign-in and enrolment codes."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from engine.errors import WelltimedError

TRIES_PER_MINUTE = 10


class TooMany(WelltimedError):
    """Too many tries; `retry_after_seconds` says when the next may come."""

    retry_after_seconds = 60


class Limiter:
    """Counts tries in this process's memory, in a moving minute."""

    def __init__(self, tries_per_minute: int = TRIES_PER_MINUTE) -> None:
        self._tries = RateLimitItemPerMinute(tries_per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def enrolment(self, address: str) -> None:
        """Count a try to use a code. Raises TooMany."""
        self._count("enrolment", address)

    def sign_in(self, address: str, email: str) -> None:
        """Count a try to sign in, by address and account together. Raises TooMany."""
        self._count("sign-in", f"{address}|{email.casefold()}")

    def _count(self, what: str, key: str) -> None:
        if not self._limiter.hit(self._tries, what, key):
            raise TooMany("too many tries; wait a minute")
