"""Access to FCM: bearer tokens from a Firebase service account, or a fixed one for the emulator."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine.clock import Clock, system_clock

MESSAGING_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
"""The one right a sender needs; firebase-admin itself would ask for six."""

_FETCH_TIMEOUT_SECONDS = 10.0


class CredentialsUnavailable(Exception):
    """No usable access token, so nothing can be sent; `temporary` if a later try may do better."""

    def __init__(self, reason: str, *, temporary: bool) -> None:
        super().__init__(reason)
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer value and the aware instant at which it stops working."""

    value: str
    expires_at: datetime


class Credentials(Protocol):
    """Whatever can say with which bearer to send."""

    async def bearer(self) -> str:
        """Return a bearer value that is valid now. Raises CredentialsUnavailable."""
        ...

    def reject(self, bearer: str) -> None:
        """Take note that FCM answered 401 to `bearer`."""
        ...


class StaticBearer:
    """Promises the same bearer for ever, as the emulator takes any."""

    def __init__(self, value: str = "owner") -> None:
        self._value = value

    async def bearer(self) -> str:
        """Return the fixed value."""
        return self._value

    def reject(self, bearer: str) -> None:
        """Do nothing: there is no other value to offer."""


class ServiceAccount:
    """Promises a valid access token of a Firebase service account, fetched off the event loop.

    A token is renewed `refresh_ahead` before it ends, while the old one goes on being used; only
    without a valid token do senders wait, all of them for the one fetch under way. `project` is the
    Firebase project the key belongs to. After a failed
    early renewal the next is tried `retry_pause` later. One instance belongs to one event loop.
    """

    def __init__(
        self,
        fetch: Callable[[], AccessToken],
        *,
        project: str = "",
        clock: Clock = system_clock,
        refresh_ahead: timedelta = timedelta(minutes=5),
        retry_pause: timedelta = timedelta(seconds=10),
    ) -> None:
        self.project = project
        self._fetch = fetch
        self._clock = clock
        self._refresh_ahead = refresh_ahead
        self._retry_pause = retry_pause
        self._token: AccessToken | None = None
        self._fetching: asyncio.Task[AccessToken] | None = None
        self._next_early_at: datetime | None = None
        self._pause_rejects_until: datetime | None = None

    @classmethod
    def from_key(cls, key: Path | Mapping[str, Any]) -> "ServiceAccount":
        """Return credentials from a service account key: its JSON file or the parsed content.

        Raises:
            ValueError: if the key is not a usable service account key.
            OSError: if the file cannot be read.
        """
        from firebase_admin import credentials as firebase  # noqa: PLC0415 (18 MB, for this alone)

        source = str(key) if isinstance(key, Path) else dict(key)
        certificate = firebase.Certificate(source)
        account = certificate.get_credential().with_scopes([MESSAGING_SCOPE])
        return cls(partial(_fetch_from_google, account), project=certificate.project_id)

    async def bearer(self) -> str:
        """Return a valid access token. Raises CredentialsUnavailable if none is to be had."""
        now = self._clock()
        token = self._token
        if token is None or token.expires_at <= now:
            # Shielded: a sender that gives up must not take the fetch from the others.
            return (await asyncio.shield(self._fetch_once())).value
        early = token.expires_at - self._refresh_ahead <= now
        if early and (self._next_early_at is None or self._next_early_at <= now):
            self._fetch_once()
        return token.value

    def reject(self, bearer: str) -> None:
        """Drop `bearer` if it is the current one, so that the next send fetches another.

        At most once per `retry_pause`, or an account without rights would fetch at every send.
        """
        now = self._clock()
        if self._token is None or self._token.value != bearer:
            return
        if self._pause_rejects_until is None or self._pause_rejects_until <= now:
            self._pause_rejects_until = now + self._retry_pause
            self._token = None

    def _fetch_once(self) -> "asyncio.Task[AccessToken]":
        if self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(asyncio.to_thread(self._fetch))
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, task: "asyncio.Task[AccessToken]") -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is None:
            self._token = task.result()
            self._next_early_at = None
        else:
            self._next_early_at = self._clock() + self._retry_pause


class _Account(Protocol):
    """What is used of google-auth's service account credentials, which carry no types."""

    token: str
    expiry: datetime

    def refresh(self, request: object) -> None: ...


def _fetch_from_google(account: _Account) -> AccessToken:
    import google.auth.exceptions  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    request = partial(Request(), timeout=_FETCH_TIMEOUT_SECONDS)
    try:
        account.refresh(request)
    except google.auth.exceptions.TransportError as error:
        raise CredentialsUnavailable(f"token endpoint: {error}", temporary=True) from error
    except google.auth.exceptions.GoogleAuthError as error:
        raise CredentialsUnavailable(
            f"service account: {error}", temporary=bool(error.retryable)
        ) from error
    # google-auth's expiry is UTC without saying so.
    return AccessToken(account.token, account.expiry.replace(tzinfo=UTC))
