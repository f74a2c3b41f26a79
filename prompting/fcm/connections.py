"""Connections to FCM: one POST for each call, over HTTP/2 wherever there is TLS.

The HTTP library repeats by itself a request that an HTTP/2 peer refused (REFUSED_STREAM, or GOAWAY
before the request was looked at), up to three POSTs in all, unless the body can be read only once.
So bodies are handed over as streams: whether a POST is repeated is the dispatcher's decision alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url

from prompting.fcm.limits import Limits
from prompting.fcm.outcome import Kind, SendOutcome

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_IDLE = timedelta(seconds=30)
_PLAIN_IN_FLIGHT = 128
"""Over HTTP/1.1 each request under way has a connection, which costs both ends a file."""

# The HTTP library's own class names do not tell the phases apart: it raises ConnectError for a
# connection reset after the request went out, and ConnectTimeoutError for a server that took the
# request and never answered. Only this entry of its chain of causes is set by the connector alone.
_CONNECTOR_FAILED = "client error (Connect)"

# RFC 9113 section 8.7: a stream refused, or above the last one that a GOAWAY names, was not
# processed. Streams at or below it get other errors when their connection ends, and stay unknown.
_NOT_PROCESSED = frozenset(
    {
        "stream error received: refused stream before processing any application logic",
        "connection error received: not a result of an error",
    }
)


class Answer(NamedTuple):
    """What FCM answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Connection:
    client: Client
    under_way: int = 0


class Connections:
    """The open ways to one project's `messages:send`. One instance belongs to one event loop.

    `in_flight` is how many requests may be under way at once.

    Raises:
        ValueError: if endpoint or project cannot be used.
    """

    def __init__(self, endpoint: str, project: str, limits: Limits) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"endpoint: {endpoint!r} must be an http or https URL")
        if not project:
            raise ValueError("project: must not be empty")
        path = f"/v1/projects/{quote(project, safe='')}/messages:send"
        self._url = Url(endpoint.rstrip("/") + path)  # read once, and not at each post
        secure = parts.scheme == "https"
        loopback = parts.hostname in _LOOPBACK
        count, self._streams = limits.connections, limits.streams
        if not secure:  # one client opens a connection for each request by itself
            count, self._streams = 1, min(count * self._streams, _PLAIN_IN_FLIGHT)
        self.in_flight = count * self._streams
        self._connections = [
            _Connection(_build(limits, secure=secure, loopback=loopback)) for _ in range(count)
        ]

    async def post(self, body: bytes, bearer: str) -> Answer:
        """Return FCM's answer to exactly one POST. Raises PyreqwestError where none came."""
        connection = self._roomy()
        connection.under_way += 1
        headers = {
            "authorization": f"Bearer {bearer}",
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        request = connection.client.post(self._url).headers(headers).body_stream((body,)).build()
        try:
            response = await request.send()
            content = bytes(await response.bytes())
        finally:
            connection.under_way -= 1
        return Answer(response.status, response.headers, content)

    async def aclose(self) -> None:
        """Close all of them; what is still under way loses its answer."""
        for connection in self._connections:
            await connection.client.close()

    def _roomy(self) -> _Connection:
        # The first with room and not the idlest: a small clinic keeps one connection warm in place
        # of several that are given up again and again.
        for connection in self._connections:
            if connection.under_way < self._streams:
                return connection
        return min(self._connections, key=lambda connection: connection.under_way)


def _build(limits: Limits, *, secure: bool, loopback: bool) -> Client:
    builder = (
        ClientBuilder()
        .user_agent("welltimed")
        .timeout(timedelta(seconds=limits.timeout_seconds))
        # Shorter than the whole, so that a peer that cannot be reached is told from a silent one.
        .connect_timeout(timedelta(seconds=min(limits.connect_seconds, limits.timeout_seconds / 2)))
        # An idle connection that the server closes just as it is used again would make a push
        # of unknown fate; so it is given up before servers do.
        .pool_idle_timeout(_IDLE)
        .follow_redirects(False)
        .http2(secure)
    )
    if secure:
        # Said beforehand, or a burst on a new client opens a connection for each of its requests.
        builder = builder.http2_prior_knowledge()
    if limits.trusted_pem is not None:
        builder = builder.add_root_certificate_pem(limits.trusted_pem)
    # A proxy from the environment is right for Firebase and wrong for an emulator on this host.
    return (builder.no_proxy() if loopback else builder).build()


def fault(error: PyreqwestError) -> SendOutcome:
    """Return not_sent if it is proven that nothing was taken, else unknown."""
    details = getattr(error, "details", None) or {}
    causes = [str(cause.get("message", "")) for cause in details.get("causes") or []]
    # The first cause repeats the address; the last one says what happened.
    detail = (f"{error.message}: {causes[-1]}" if causes else error.message)[:200]
    if _CONNECTOR_FAILED in causes:
        return SendOutcome(Kind.NOT_SENT, code="CONNECT_FAILED", detail=detail)
    if _NOT_PROCESSED.intersection(causes):
        return SendOutcome(Kind.NOT_SENT, code="NOT_PROCESSED", detail=detail)
    code = "TIMEOUT" if isinstance(error, TimeoutError) else "CONNECTION_LOST"
    return SendOutcome(Kind.UNKNOWN, code=code, detail=detail)
