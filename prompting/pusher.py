"""The port through which prompts leave, and its real form as the settings ask for it."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol

from engine.settings import EMULATOR_PROJECT, FCM_ENDPOINT, Settings
from prompting.fcm.breaker import UNBOUNDED
from prompting.fcm.message import Push
from prompting.fcm.outcome import SendOutcome
from prompting.fcm.sender.process import SenderProcess

__all__ = ["UNBOUNDED", "Pusher", "pusher_from"]


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


def pusher_from(settings: Settings, *, emulator_url: str | None = None) -> SenderProcess:
    """Return the sender the settings ask for; the code is the same for Firebase and emulator.

    With a service account, Google's endpoint is used unless another is set; without one, the
    endpoint that is set, or else the emulator at `emulator_url`. Raises ValueError when there is
    none of these, and when the service account cannot be used.
    """
    endpoint = settings.fcm_endpoint or emulator_url
    if settings.fcm_credentials is not None:
        endpoint = settings.fcm_endpoint or FCM_ENDPOINT
    if endpoint is None:
        raise ValueError(
            "no Firebase project: set GOOGLE_APPLICATION_CREDENTIALS, or WELLTIMED_FCM_ENDPOINT "
            "to the address of a running `welltimed fcm-emulator`"
        )
    project = settings.fcm_project
    if settings.fcm_credentials is None:
        project = project or EMULATOR_PROJECT
    return SenderProcess(
        endpoint, project, settings.fcm_credentials, per_minute=settings.fcm_per_minute
    )
