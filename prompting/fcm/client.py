"""The sender: exactly one POST to FCM HTTP v1 for each call, and what it proved.

Nothing in here repeats anything. Whether a repeat is allowed depends on what was written down
before, which only the dispatcher knows.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from prompting.fcm.credentials import Credentials, CredentialsUnavailable
from prompting.fcm.message import Push, encode
from prompting.fcm.outcome import Kind, SendOutcome, classify

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# The HTTP library's own class names do not tell the phases apart: it raises ConnectError for a
# connection reset after the request went out, and ConnectTimeoutError for a server that took the
# request and never answered. Only this entry of its chain of causes is set by the connector alone.
_CONNECTOR_FAILED = "client error (Connect)"

_EXPIRED = SendOutcome(Kind.NOT_SENT, code="EXPIRED", detail="expired before sending")

_IDLE = timedelta(seconds=30)


class _Elapsed:
    """Time since it was made, in whole milliseconds, by the clock that never steps."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> timedelta:
        return timedelta(milliseconds=int((time.monotonic() - self._start) * 1000))


class FcmClient:
    """Promises one POST per `send`, over pooled connections: HTTP/2 where TLS agrees on it.

    `endpoint` is the scheme, host and prefix before `/v1/projects/...`; `timeout_seconds` bounds
    one attempt from connecting to the last byte; `connections` is the number of HTTP/2 connections
    sends are spread over; `max_in_flight` bounds `send_many`. One instance belongs to one loop.

    Raises:
        ValueError: if endpoint or project cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        project: str,
        credentials: Credentials,
        *,
        timeout_seconds: float = 10,
        connections: int = 4,
        max_in_flight: int = 128,
    ) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"endpoint: {endpoint!r} must be an http or https URL")
        if not project:
            raise ValueError("project: must not be empty")
        if timeout_seconds <= 0 or connections < 1 or max_in_flight < 1:
            raise ValueError("timeout_seconds, connections, max_in_flight: must be positive")
        self._url = f"{endpoint.rstrip('/')}/v1/projects/{quote(project, safe='')}/messages:send"
        self._credentials = credentials
        self._max_in_flight = max_in_flight
        self._timeout = timedelta(seconds=timeout_seconds)
        secure = parts.scheme == "https"
        self._clients = [
            _build(self._timeout, secure, loopback=parts.hostname in _LOOPBACK)
            for _ in range(connections if secure else 1)
        ]
        self._next = cycle(self._clients)
        self._closed = False

    async def send(self, push: Push, *, now: datetime) -> SendOutcome:
        """Return what sending `push` once proved; faults of the network never raise.

        A push that has expired by `now`, or for which there is no access token, is not sent.
        """
        if self._closed:
            return SendOutcome(Kind.NOT_SENT, code="CLIENT_CLOSED", detail="the client is closed")
        since = _Elapsed()
        try:
            bearer = await self._credentials.bearer()
        except CredentialsUnavailable as error:
            kind = Kind.NOT_SENT if error.temporary else Kind.REFUSED
            return SendOutcome(kind, code="CREDENTIALS_UNAVAILABLE", detail=str(error)[:200])
        now += since.elapsed()
        if push.expires_at <= now:
            return _EXPIRED
        outcome = await self._post(encode(push, now=now), bearer, now)
        if outcome.http_status == 401:
            self._credentials.reject(bearer)
        return outcome

    async def send_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Return the outcome of each push, in order; at most `max_in_flight` are under way."""
        outcomes: list[SendOutcome | None] = [None] * len(pushes)
        numbered = iter(enumerate(pushes))
        since = _Elapsed()

        async def work_off() -> None:
            # Each send counts from its own start: the last of a slow batch may begin much later
            # than the first, and must still not begin after its expiry.
            for index, push in numbered:
                outcomes[index] = await self.send(push, now=now + since.elapsed())

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._max_in_flight, len(pushes))):
                group.create_task(work_off())
        return [outcome for outcome in outcomes if outcome is not None]

    async def aclose(self) -> None:
        """Close the connections; later sends report that nothing was sent."""
        self._closed = True
        for client in self._clients:
            await client.close()

    async def _post(self, body: dict[str, Any], bearer: str, now: datetime) -> SendOutcome:
        request = next(self._next).post(self._url).bearer_auth(bearer).body_json(body).build()
        try:
            response = await request.send()
            content = bytes(await response.bytes())
        except PyreqwestError as error:
            return _fault(error)
        return classify(response.status, response.headers, content, now=now)


def _build(timeout: timedelta, secure: bool, *, loopback: bool) -> Client:
    builder = (
        ClientBuilder()
        .user_agent("welltimed")
        .timeout(timeout)
        # Shorter than the whole, so that a peer that cannot be reached is told from a silent one.
        .connect_timeout(timeout / 2)
        # An idle connection that the server closes just as it is used again would make a push
        # of unknown fate; so it is given up before servers do.
        .pool_idle_timeout(_IDLE)
        .follow_redirects(False)
        .http2(secure)
    )
    # A proxy from the environment is right for Firebase and wrong for an emulator on this host.
    return (builder.no_proxy() if loopback else builder).build()


def _fault(error: PyreqwestError) -> SendOutcome:
    """Return not_sent if the connection never stood, else unknown."""
    details = getattr(error, "details", None) or {}
    causes = [str(cause.get("message", "")) for cause in details.get("causes") or []]
    # The first cause repeats the address; the last one says what happened.
    detail = f"{error.message}: {causes[-1]}" if causes else error.message
    if _CONNECTOR_FAILED in causes:
        return SendOutcome(Kind.NOT_SENT, code="CONNECT_FAILED", detail=detail[:200])
    code = "TIMEOUT" if isinstance(error, TimeoutError) else "CONNECTION_LOST"
    return SendOutcome(Kind.UNKNOWN, code=code, detail=detail[:200])
