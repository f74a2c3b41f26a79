"""The sender: exactly one POST to FCM HTTP v1 for each call, and what it proved.

Nothing in here repeats anything. Whether a repeat is allowed depends on what was written down
before, which only the dispatcher knows.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from pyreqwest.exceptions import PyreqwestError

from prompting.fcm.breaker import Breaker
from prompting.fcm.bucket import TokenBucket
from prompting.fcm.connections import Connections, fault
from prompting.fcm.credentials import Credentials, CredentialsUnavailable
from prompting.fcm.limits import DEFAULT_LIMITS, Limits
from prompting.fcm.message import Push, encode
from prompting.fcm.outcome import SHORTEST_RETRY_AFTER, Kind, SendOutcome, classify

log = logging.getLogger(__name__)

_EXPIRED = SendOutcome(Kind.NOT_SENT, code="EXPIRED", detail="expired before sending")
_CLOSED = SendOutcome(Kind.NOT_SENT, code="CLIENT_CLOSED", detail="the sender is closing")


class _Elapsed:
    """Time since it was made, in whole milliseconds, by the clock that never steps."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> timedelta:
        return timedelta(0, 0, 0, int((time.monotonic() - self._start) * 1000))


class _Batch:
    """Pushes that were handed over together, as of `now`, and what became of them so far."""

    def __init__(self, now: datetime, size: int) -> None:
        self.now = now
        self.since = _Elapsed()
        self.done: asyncio.Future[list[SendOutcome]] = asyncio.get_running_loop().create_future()
        self._outcomes: list[SendOutcome | None] = [None] * size
        self._left = size

    def take(self, index: int, outcome: SendOutcome) -> None:
        self._outcomes[index] = outcome
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result([one for one in self._outcomes if one is not None])


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
        self._waiting: deque[tuple[_Batch, int, Push]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._working = 0
        self._under_way = 0
        self._closed = False

    async def send(self, push: Push, *, now: datetime) -> SendOutcome:
        """Return what sending `push` once proved; faults of the network never raise.

        Not sent is a push that has expired by `now`, one for which there is no access token, and
        any while the breaker is open. Waits for the project's rate limit.
        """
        return await self._send(push, now, _Elapsed())

    async def send_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Return the outcome of each push, in order; `limits` bounds how many are under way.

        Batches that are sent at the same time share that bound, and begin in their order.
        """
        if not pushes:
            return []
        batch = _Batch(now, len(pushes))
        self._waiting.extend([(batch, index, push) for index, push in enumerate(pushes)])
        for _ in range(min(self._connections.in_flight - self._working, len(pushes))):
            self._working += 1
            worker = asyncio.create_task(self._work_off())
            self._workers.add(worker)  # or it might be collected while it runs
            worker.add_done_callback(self._workers.discard)
        return await batch.done

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                batch, index, push = self._waiting.popleft()
                batch.take(index, await self._send_safely(push, batch))
        finally:
            # At once, and not when the task is done: a batch that comes in between would wait for
            # a worker that has gone.
            self._working -= 1

    async def _send_safely(self, push: Push, batch: "_Batch") -> SendOutcome:
        """Send, with an outcome in any case: a fault of ours must not cost the batch all of its."""
        try:
            # Each send counts from its own start: the last of a slow batch may begin much later
            # than the first, and must still not begin after its expiry.
            return await self._send(push, batch.now, batch.since)
        except Exception as error:  # noqa: BLE001
            log.warning("a push could not be sent: %s", type(error).__name__)
            return SendOutcome(Kind.UNKNOWN, code="FAULT", detail=type(error).__name__)

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
