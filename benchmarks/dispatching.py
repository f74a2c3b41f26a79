"""Dispatching: the real dispatcher on SQLite, against firebase-admin's `send_each`."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from socket import socket
from uuid import uuid4

import firebase_admin
from firebase_admin import credentials, messaging
from google.oauth2.credentials import Credentials

from benchmarks.clinic import add_due, add_patients
from benchmarks.compare import Contest
from engine.clock import system_clock
from engine.settings import EMULATOR_PROJECT
from engine.store import migrate, open_database
from prompting.decide import Policies, decide
from prompting.dispatch import Dispatcher
from prompting.fcm.message import NEUTRAL_BODY, NEUTRAL_TITLE
from prompting.policies import UniformPolicy
from prompting.pusher import FcmPusher

MESSAGES = 500
"""As many as `send_each` takes at once."""
_EMULATOR = "from prompting.fcm.emulator.server import run_emulator; run_emulator(port={port})"


class _Owner(credentials.Base):  # type: ignore[misc]  # firebase-admin ships no types
    """A credential that the emulator takes."""

    def get_credential(self) -> Credentials:
        """Return a bearer that never needs renewal."""
        return Credentials("owner")  # type: ignore[no-untyped-call]


@contextmanager
def emulator() -> Iterator[str]:
    """Yield the address of an emulator in a process of its own."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", _EMULATOR.format(port=port)])
    try:
        _await(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _await(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            accepted(url)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the emulator did not start")


def accepted(url: str) -> int:
    """Return how many messages the emulator has accepted."""
    with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:
        return int(json.load(reply)["accepted"])


@contextmanager
def contest(folder: Path) -> Iterator[Contest]:
    """Yield the contest; every turn checks in the emulator that all messages arrived once."""
    tokens = [f"emu-{uuid4().hex}" for _ in range(MESSAGES)]
    with emulator() as url, _ours(folder, url, tokens) as ours:
        yield Contest(
            name="dispatch",
            unit="messages/s",
            work=MESSAGES,
            ours=_checked(ours, url),
            baseline=_checked(_theirs(url, tokens), url),
            compared=(
                f"Dispatcher.tick for {MESSAGES} due prompts (claim, intent, send and record, "
                "committed to SQLite with synchronous=FULL) against firebase-admin's send_each "
                "for as many messages, which keeps no record; same emulator, in another process, "
                "whose own speed is a ceiling for both"
            ),
        )


def _checked(way: Callable[[], object], url: str) -> Callable[[], None]:
    def turn() -> None:
        before = accepted(url)
        way()
        arrived = accepted(url) - before
        if arrived != MESSAGES:
            raise RuntimeError(f"{arrived} messages arrived in place of {MESSAGES}")

    return turn


@contextmanager
def _ours(folder: Path, url: str, tokens: list[str]) -> Iterator[Callable[[], object]]:
    """Yield a way to send what is due; prompts for every turn are planned and drawn before."""
    db = open_database(f"sqlite:///{folder / 'bench.db'}")
    migrate(db)
    now = system_clock()
    add_patients(db, tokens, now=now)
    pusher = FcmPusher(url, EMULATOR_PROJECT, None)
    turns = iter(range(100))
    start = now - timedelta(seconds=1)

    def due_at(turn: int) -> None:
        add_due(db, len(tokens), place=turn, now=start + timedelta(minutes=turn))

    for turn in range(4):
        due_at(turn)
    horizon = start + timedelta(minutes=4)
    decide(db, Policies(UniformPolicy()), now=horizon)

    def send() -> object:
        at = start + timedelta(minutes=next(turns))
        return Dispatcher(db=db, pusher=pusher, clock=lambda: at, owner="bench").tick()

    try:
        yield send
    finally:
        pusher.close()
        db.close()


def _theirs(url: str, tokens: list[str]) -> Callable[[], object]:
    app = firebase_admin.initialize_app(_Owner(), {"projectId": EMULATOR_PROJECT}, name=uuid4().hex)
    # firebase-admin has no setting for the address of FCM, so it is put in place of Google's.
    service = messaging._get_messaging_service(app)
    service._fcm_url = f"{url}/v1/projects/{EMULATOR_PROJECT}/messages:send"
    return lambda: messaging.send_each([_message(token) for token in tokens], app=app)


def _message(token: str) -> messaging.Message:
    key = str(uuid4())
    message = messaging.Message(
        data={"prompt_id": key},
        notification=messaging.Notification(title=NEUTRAL_TITLE, body=NEUTRAL_BODY),
        android=messaging.AndroidConfig(collapse_key=key, priority="high", ttl=timedelta(hours=1)),
    )
    message.token = token
    return message
