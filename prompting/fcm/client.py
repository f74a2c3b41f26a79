"""The sender: exactly one POST to FCM HTTP v1 for each call, and what it proved.

Nothing in here repeats anything. Whether a repeat is allowed depends on what was written down
before, which only the dispatcher knows.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from pyreqwest.exceptions import PyreqwestError

from prompting.fcm.breaker import Breaker
from prompting.fcm.bucket import TokenBucket
from prompting.fcm.connections import DEFAULT_LIMITS, Connections, Limits, fault
from prompting.fcm.credentials import Credentials, CredentialsUnavailable
from prompting.fcm.message import Push, encode
from prompting.fcm.outcome import SHORTEST_RETRY_AFTER, Kind, SendOutcome, classify

_EXPIRED = SendOutcome(Kind.NOT_SENT, code="EXPIRED", detail="expired before sending")
_CLOSED = SendOutcome(Kind.NOT_SENT, code="CLIENT_CLOSED", detail="the sender is closing")


class _Elapsed:
    """Time since it was made, in whole milliseconds, by the clock that never steps."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> timedelta:
        return timedelta(0, 0, 0, int((time.monotonic() - self._start) * 1000))


class FcmClient:
    """Promises at most one POST per `send`, over pooled connections: HTTP/2 where there is TLS.

    `endpoint` is the scheme, host and prefix before `/v1/projects/...`. `bucket` and `breaker` are
    the project's, to be shared by all its clients in a process. One instance belongs to one loop.

    Raises:
        ValueError: if endpoint or project cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        project: str,
        credentials: Credentials,
        *,
        limits: Limits = DEFAULT_LIMITS,
        bucket: TokenBucket | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._connections = Connections(endpoint, project, limits)
        self._credentials = credentials
        self._limits = limits
        self._bucket = bucket or TokenBucket()
        self.breaker = breaker or Breaker()
        self._under_way = 0
        self._closed = False

    async def send(self, push: Push, *, now: datetime) -> SendOutcome:
        """Return what sending `push` once proved; faults of the network never raise.

        Not sent is a push that has expired by `now`, one for which there is no access token, and
        any while the breaker is open. Waits for the project's rate limit.
        """
        return await self._send(push, now, _Elapsed())

    async def send_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Return the outcome of each push, in order; `limits` bounds how many are under way."""
        outcomes: list[SendOutcome | None] = [None] * len(pushes)
        numbered = iter(enumerate(pushes))
        since = _Elapsed()

        async def work_off() -> None:
            # Each send counts from its own start: the last of a slow batch may begin much later
            # than the first, and must still not begin after its expiry.
            for index, push in numbered:
                outcomes[index] = await self._send(push, now, since)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._connections.in_flight, len(pushes))):
                group.create_task(work_off())
        return [outcome for outcome in outcomes if outcome is not None]

    async def aclose(self, *, drain_seconds: float | None = None) -> bool:
        """Stop sending, let what is under way end, close; return whether all of it ended.

        Waits at most `drain_seconds`, by default as long as one attempt may take; what has no
        answer by then becomes unknown. Later sends report that nothing was sent.
        """
        self._closed = True
        bound = self._limits.timeout_seconds + 1 if drain_seconds is None else drain_seconds
        deadline = time.monotonic() + bound
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        drained = not self._under_way
        await self._connections.aclose()
        return drained

    async def _send(self, push: Push, now: datetime, since: _Elapsed) -> SendOutcome:
        if self._closed:
            return _CLOSED
        try:
            bearer = await self._credentials.bearer()
        except CredentialsUnavailable as error:
            kind = Kind.NOT_SENT if error.temporary else Kind.REFUSED
            return SendOutcome(kind, code="CREDENTIALS_UNAVAILABLE", detail=str(error)[:200])
        wait = self._bucket.take()
        if wait:
            await asyncio.sleep(wait)
        # Only now: bearer, rate limit and the batch may have taken their time.
        now += since.elapsed()
        if self._closed:
            return _CLOSED
        if push.expires_at <= now:
            return _EXPIRED
        return await self._try_once(push, bearer, now)

    async def _try_once(self, push: Push, bearer: str, now: datetime) -> SendOutcome:
        ticket = self.breaker.enter()
        if ticket is None:
            return self._declined()
        outcome = None
        self._under_way += 1
        try:
            outcome = await self._post(push, bearer, now)
        finally:
            self._under_way -= 1
            self.breaker.report(ticket, outcome)
        if outcome.http_status == 401:
            self._credentials.reject(bearer)
        return outcome

    async def _post(self, push: Push, bearer: str, now: datetime) -> SendOutcome:
        try:
            answer = await self._connections.post(encode(push, now=now), bearer)
        except PyreqwestError as error:
            return fault(error)
        return classify(answer.status, answer.headers, answer.body, now=now)

    def _declined(self) -> SendOutcome:
        return SendOutcome(
            Kind.NOT_SENT,
            code="BREAKER_OPEN",
            retry_after=max(self.breaker.open_for, SHORTEST_RETRY_AFTER),
            detail="held back: FCM is in trouble",
        )
