"""How often one address may try a secret: sign-in and enrolment codes."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from engine.errors import WelltimedError

TRIES_PER_MINUTE = 10
ACCOUNTS = 6
"""A clinic's staff may share one address; this many times the tries are theirs together."""


class TooMany(WelltimedError):
    """Too many tries; `retry_after_seconds` says when the next may come."""

    retry_after_seconds = 60


class Limiter:
    """Counts tries in this process's memory, in a moving minute."""

    def __init__(self, tries_per_minute: int = TRIES_PER_MINUTE) -> None:
        self._tries = RateLimitItemPerMinute(tries_per_minute)
        self._tries_of_address = RateLimitItemPerMinute(tries_per_minute * ACCOUNTS)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def enrolment(self, address: str) -> None:
        """Count a try to use a code. Raises TooMany."""
        self._count("enrolment", address)

    def sign_in(self, address: str, email: str) -> None:
        """Count a try to sign in, by account, and with more room by address. Raises TooMany.

        The account counts only together with the address, so that nobody can lock another out;
        the address counts alone too, so that it cannot go through one account after another.
        """
        self._count("sign-in", f"{address}|{email.casefold()}")
        self._count("address", address, self._tries_of_address)

    def _count(self, what: str, key: str, tries: RateLimitItemPerMinute | None = None) -> None:
        if not self._limiter.hit(tries or self._tries, what, key):
            raise TooMany("too many tries; wait a minute")
