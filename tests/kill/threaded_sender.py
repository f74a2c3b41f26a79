"""The product's client in a thread, where a process for each worker would take too long."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime

import uvloop

from prompting.fcm.breaker import Breaker
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.limits import Limits
from prompting.fcm.message import Push
from prompting.fcm.outcome import SendOutcome


class ThreadedSender:
    """Sends as `SenderProcess` does, from an event loop in a thread of this process."""

    def __init__(
        self,
        endpoint: str,
        project: str,
        *,
        limits: Limits,
    ) -> None:
        self._breaker = Breaker()

        async def connect() -> FcmClient:
            return FcmClient(
                endpoint, project, StaticBearer(), limits=limits, breaker=self._breaker
            )

        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fcm", daemon=True)
        self._thread.start()
        self._client = asyncio.run_coroutine_threadsafe(connect(), self._loop).result()

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        """Begin to send each push at most once; outcomes will stand in the order of `pushes`."""
        return asyncio.run_coroutine_threadsafe(self._client.send_many(pushes, now=now), self._loop)

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send each push at most once; outcomes stand in the order of `pushes`."""
        return self.submit(pushes, now=now).result()

    def room(self) -> int:
        """Return how many pushes it makes sense to claim now: 0 while FCM is in trouble."""
        return self._breaker.room

    def open_until(self, now: datetime) -> datetime | None:
        """Return until when nothing will be sent as FCM is in trouble; None if it is not."""
        left = self._breaker.open_for
        return now + left if left else None

    def close(self, *, drain_seconds: float | None = None) -> None:
        """Let what is under way end, end the thread."""
        closing = self._client.aclose(drain_seconds=drain_seconds)
        asyncio.run_coroutine_threadsafe(closing, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
