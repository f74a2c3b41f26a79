"""The port through which prompts leave, and its real form: a loop that belongs to the sender."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol

from uvicorn.loops.auto import auto_loop_factory

from engine.settings import EMULATOR_PROJECT, FCM_ENDPOINT, Settings
from prompting.fcm.breaker import UNBOUNDED, Breaker
from prompting.fcm.bucket import DEFAULT_PER_MINUTE, TokenBucket
from prompting.fcm.client import FcmClient
from prompting.fcm.connections import DEFAULT_LIMITS, Limits
from prompting.fcm.credentials import ServiceAccount, StaticBearer
from prompting.fcm.message import Push
from prompting.fcm.outcome import SendOutcome

__all__ = ["UNBOUNDED", "FcmPusher", "Pusher", "pusher_from"]


class Pusher(Protocol):
    """Something that sends pushes and tells of each what that proved."""

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        """Begin to send each push at most once; outcomes will stand in the order of `pushes`."""
        ...

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send each push at most once; outcomes stand in the order of `pushes`."""
        ...

    def room(self) -> int:
        """Return how many pushes it makes sense to claim now: 0 while FCM is in trouble.

        1 when a single push may probe whether it still is, UNBOUNDED when all is well.
        """
        ...

    def open_until(self, now: datetime) -> datetime | None:
        """Return until when nothing will be sent as FCM is in trouble; None if it is not."""
        ...

    def close(self) -> None:
        """Let what is under way end, within bounds, and let go of connections."""
        ...


class FcmPusher:
    """Sends through FCM HTTP v1 from an event loop in a thread of its own.

    All of a process's pushes to a project go through one of these: rate limit and breaker are its.
    """

    def __init__(
        self,
        endpoint: str,
        project: str,
        account: ServiceAccount | None,
        *,
        per_minute: int = DEFAULT_PER_MINUTE,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._breaker = Breaker()
        bucket = TokenBucket(per_minute)

        async def connect() -> FcmClient:
            credentials = account or StaticBearer()
            return FcmClient(
                endpoint,
                project,
                credentials,
                limits=limits,
                bucket=bucket,
                breaker=self._breaker,
            )

        self._loop = auto_loop_factory()()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fcm", daemon=True)
        self._thread.start()
        try:
            self._client = asyncio.run_coroutine_threadsafe(connect(), self._loop).result()
        except ValueError:
            self._end_loop()
            raise

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
        """Let what is under way end, by default as long as one attempt may take; end the thread."""
        closing = self._client.aclose(drain_seconds=drain_seconds)
        asyncio.run_coroutine_threadsafe(closing, self._loop).result()
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def pusher_from(settings: Settings, *, emulator_url: str | None = None) -> FcmPusher:
    """Return the sender the settings ask for; the code is the same for Firebase and emulator.

    With a service account, Google's endpoint is used unless another is set; without one, the
    endpoint that is set, or else the emulator at `emulator_url`. Raises ValueError when there is
    none of these.
    """
    account = None
    project, endpoint = settings.fcm_project, settings.fcm_endpoint or emulator_url
    if settings.fcm_credentials is not None:
        account = ServiceAccount.from_key(settings.fcm_credentials)
        project = project or account.project
        endpoint = settings.fcm_endpoint or FCM_ENDPOINT
    if endpoint is None:
        raise ValueError(
            "no Firebase project: set GOOGLE_APPLICATION_CREDENTIALS, or WELLTIMED_FCM_ENDPOINT "
            "to the address of a running `welltimed fcm-emulator`"
        )
    return FcmPusher(
        endpoint, project or EMULATOR_PROJECT, account, per_minute=settings.fcm_per_minute
    )
