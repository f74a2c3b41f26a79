"""Other ways to send prompts, against which ours is measured: all of them firebase-admin's."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid4

import firebase_admin
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from firebase_admin import credentials, messaging
from google.oauth2.credentials import Credentials

from engine.settings import EMULATOR_PROJECT
from prompting.fcm.message import NEUTRAL_BODY, NEUTRAL_TITLE, Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.pusher import UNBOUNDED

AT_ONCE = 500
"""As many as `send_each` takes."""


class _Owner(credentials.Base):  # type: ignore[misc]  # firebase-admin ships no types
    """A credential that the stand-in takes."""

    def get_credential(self) -> Credentials:
        """Return a bearer that never needs renewal."""
        return Credentials("owner")  # type: ignore[no-untyped-call]


class _Firebase:
    """An app of firebase-admin that sends to the stand-in."""

    def __init__(self, endpoint: str) -> None:
        self.app = firebase_admin.initialize_app(
            _Owner(), {"projectId": EMULATOR_PROJECT}, name=uuid4().hex
        )
        # firebase-admin has no setting for the address of FCM, so ours is put in Google's place.
        service = messaging._get_messaging_service(self.app)
        service._fcm_url = f"{endpoint}/v1/projects/{EMULATOR_PROJECT}/messages:send"

    def message(self, prompt_id: UUID, token: str, expires_at: datetime) -> messaging.Message:
        """Return the message that ours sends too."""
        key, expiration = str(prompt_id), str(int(expires_at.timestamp()))
        ttl = expires_at - datetime.now(UTC)
        message = messaging.Message(
            data={"prompt_id": key, "repeat": "0", "expires_at": expires_at.isoformat()},
            notification=messaging.Notification(title=NEUTRAL_TITLE, body=NEUTRAL_BODY),
            android=messaging.AndroidConfig(
                collapse_key=key,
                priority="high",
                ttl=timedelta(seconds=int(ttl.total_seconds())),
                notification=messaging.AndroidNotification(tag=key),
            ),
            apns=messaging.APNSConfig(
                headers={
                    "apns-collapse-id": key,
                    "apns-expiration": expiration,
                    "apns-priority": "10",
                },
                payload=messaging.APNSPayload(aps=messaging.Aps(mutable_content=True)),
            ),
            webpush=messaging.WebpushConfig(
                headers={
                    "TTL": str(int(ttl.total_seconds())),
                    "Urgency": "high",
                    "Topic": prompt_id.hex,
                },
                notification=messaging.WebpushNotification(tag=key),
            ),
        )
        message.token = token  # the constructor's argument warns in favour of `fid`
        return message


class SendEach:
    """A pusher that hands each batch to `messaging.send_each`."""

    def __init__(self, endpoint: str) -> None:
        self._firebase = _Firebase(endpoint)

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send `AT_ONCE` at a time."""
        outcomes: list[SendOutcome] = []
        for begin in range(0, len(pushes), AT_ONCE):
            some = pushes[begin : begin + AT_ONCE]
            replies = messaging.send_each(
                [self._firebase.message(p.prompt_id, p.token, p.expires_at) for p in some],
                app=self._firebase.app,
            )
            outcomes += [_outcome(reply.message_id) for reply in replies.responses]
        return outcomes

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        """Send, and return when all is done: firebase-admin knows no other way."""
        done: Future[list[SendOutcome]] = Future()
        done.set_result(self.push_many(pushes, now=now))
        return done

    def room(self) -> int:
        """There is always room."""
        return UNBOUNDED

    def open_until(self, now: datetime) -> datetime | None:
        """There is no breaker."""
        return None

    def close(self) -> None:
        """End the app."""
        firebase_admin.delete_app(self._firebase.app)


class SendOne(SendEach):
    """A pusher that calls `messaging.send` for one prompt after the other."""

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send one after the other."""
        return [
            _outcome(
                messaging.send(
                    self._firebase.message(p.prompt_id, p.token, p.expires_at),
                    app=self._firebase.app,
                )
            )
            for p in pushes
        ]


def _outcome(message_name: str | None) -> SendOutcome:
    if message_name is None:
        return SendOutcome(Kind.UNKNOWN)
    return SendOutcome(Kind.ACCEPTED, 200, message_name=message_name)


class DateJobs:
    """One APScheduler date job a prompt, kept in the same kind of database, that calls `send`.

    Jobs must be importable to be stored, so what they need hangs on the class.
    """

    _firebase: ClassVar[_Firebase]
    _left: ClassVar[int]
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _done: ClassVar[threading.Event] = threading.Event()

    def __init__(self, endpoint: str, database_url: str) -> None:
        DateJobs._firebase = _Firebase(endpoint)
        store = SQLAlchemyJobStore(url=database_url)
        self._scheduler = BackgroundScheduler(jobstores={"default": store}, timezone="UTC")

    def add(self, tokens: Sequence[str], due_at: datetime) -> None:
        """Store a job for each token, all due at `due_at`."""
        DateJobs._left = len(tokens)
        self._scheduler.start(paused=True)
        for token in tokens:
            self._scheduler.add_job(
                send_one,
                "date",
                run_date=due_at,
                args=[str(uuid4()), token, due_at + timedelta(hours=1)],
                misfire_grace_time=None,
            )

    def run(self) -> float:
        """Let the jobs fire; return seconds from then until the last was sent."""
        began = time.perf_counter()
        self._scheduler.resume()
        if not self._done.wait(300):
            raise TimeoutError("the date jobs did not end")
        return time.perf_counter() - began

    def close(self) -> None:
        """End scheduler and app."""
        self._scheduler.shutdown()
        firebase_admin.delete_app(self._firebase.app)


def send_one(prompt_id: str, token: str, expires_at: datetime) -> None:
    """Send one prompt, as a job."""
    firebase = DateJobs._firebase
    messaging.send(firebase.message(UUID(prompt_id), token, expires_at), app=firebase.app)
    with DateJobs._lock:
        DateJobs._left -= 1
        if not DateJobs._left:
            DateJobs._done.set()
