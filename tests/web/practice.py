"""A practice with two weeks of history, copied for each test, and ways to use its pages."""

import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from builders import NOW, Clinic, FakePusher, make_clinic
from starlette.testclient import TestClient

from api.app import create_app
from api.deps import COOKIE
from engine.clock import VirtualClock
from engine.commands.enrolling import sha256
from engine.store import open_database, people

_folder = TemporaryDirectory(prefix="welltimed-tests-")
ORIGIN = "http://testserver"


@cache
def build_history() -> tuple[Path, Clinic]:
    """Return a database with two weeks of history, made once for all tests of a run."""
    path = Path(_folder.name) / "history.db"
    clinic = make_clinic(f"sqlite:///{path}", weeks=2)
    clinic.db.close()
    return path, clinic


def copy_of(history: tuple[Path, Clinic], folder: Path) -> Clinic:
    path, built = history
    shutil.copy(path, folder / "copy.db")
    return Clinic(
        db=open_database(f"sqlite:///{folder / 'copy.db'}"),
        clock=VirtualClock(NOW),
        pusher=FakePusher(),
        therapist=built.therapist,
        patients=dict(built.patients),
        devices=dict(built.devices),
        habits=dict(built.habits),
        seen=dict(built.seen),
    )


def visitor(clinic: Clinic) -> TestClient:
    return TestClient(create_app(clinic.services), headers={"origin": ORIGIN})


def signed_in(clinic: Clinic) -> TestClient:
    """Return a client with a session, opened without the slow check of a password."""
    client, token = visitor(clinic), secrets.token_urlsafe(32)
    with clinic.db.write() as tx:
        people.open_session(tx, sha256(token), clinic.therapist.id, now=clinic.clock())
    client.cookies.set(COOKIE, token, domain="testserver.local")
    return client


def form_of(text: str) -> dict[str, str]:
    """Return the fields of the page's main form with their values, as a browser would send them."""
    main = text.split("<main", 1)[1]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", main):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        fields[unescape(name[1])] = unescape(value[1]) if value else ""
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', main, re.S):
        fields[unescape(name)] = re.search(r'value="([^"]*)" selected', inner)[1]
    return fields


def words_of(text: str) -> str:
    """Return what a page says, without its tags."""
    main = text.split("<main", 1)[1]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


@contextmanager
def served(clinic: Clinic) -> Iterator[str]:
    config = uvicorn.Config(create_app(clinic.services), port=0, log_level="error", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=60)
