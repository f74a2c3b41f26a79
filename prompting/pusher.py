"""The port through which prompts leave, and its real form: a loop that belongs to the sender."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.settings import EMULATOR_PROJECT, FCM_ENDPOINT, Settings
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import ServiceAccount, StaticBearer
from prompting.fcm.message import Push
from prompting.fcm.outcome import SendOutcome

SEND_TIMEOUT_SECONDS = 10.0


class Pusher(Protocol):
    """Something that sends pushes and tells of each what that proved."""

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send each push exactly once; outcomes stand in the order of `pushes`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class FcmPusher:
    """Sends through FCM HTTP v1 from an event loop in a thread of its own."""

    def __init__(self, endpoint: str, project: str, account: ServiceAccount | None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fcm", daemon=True)
        self._thread.start()
        self._client = asyncio.run_coroutine_threadsafe(
            _connect(endpoint, project, account), self._loop
        ).result()

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send each push exactly once; outcomes stand in the order of `pushes`."""
        sending = self._client.send_many(pushes, now=now)
        return asyncio.run_coroutine_threadsafe(sending, self._loop).result()

    def close(self) -> None:
        """Close connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _connect(endpoint: str, project: str, account: ServiceAccount | None) -> FcmClient:
    return FcmClient(
        endpoint, project, account or StaticBearer(), timeout_seconds=SEND_TIMEOUT_SECONDS
    )


def pusher_from(settings: Settings, *, emulator_url: str | None = None) -> FcmPusher:
    """Return the sender the settings ask for; the code is the same for Firebase and emulator.

    With a service account, Google's endpoint is used unless another is set; without one, the
    endpoint that is set, or else the emulator at `emulator_url`. Raises ValueError when there is
    none of these.
    """
    if settings.fcm_credentials is not None:
        account = ServiceAccount.from_key(settings.fcm_credentials)
        project = settings.fcm_project or account.project
        return FcmPusher(settings.fcm_endpoint or FCM_ENDPOINT, project, account)
    endpoint = settings.fcm_endpoint or emulator_url
    if endpoint is None:
        raise ValueError(
            "no Firebase project: set GOOGLE_APPLICATION_CREDENTIALS, or WELLTIMED_FCM_ENDPOINT "
            "to the address of a running `welltimed fcm-emulator`"
        )
    return FcmPusher(endpoint, settings.fcm_project or EMULATOR_PROJECT, None)
