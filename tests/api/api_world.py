"""A clinic behind its API: two therapists with a patient each, both phones holding a prompt."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import builders
from builders import EMAIL, NOW, PASSWORD, FakePusher, empty_clinic
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from api import auth
from api.app import create_app
from api.limiter import Limiter
from api.services import Services
from content.library import Library
from engine.clock import VirtualClock
from engine.commands.scheduling import plan_horizon
from engine.settings import Settings
from engine.store import Database, open_database
from prompting.decide import Policies, decide
from prompting.dispatch import Dispatcher
from prompting.policies import UniformPolicy
from prompting.pusher import Pusher

PROTOCOL: Any = builders.PROTOCOL
ANSWERS: Any = builders.ANSWERS
OTHER_EMAIL = "other@clinic.example"
VERSION = Library.builtin().get("checkin.momentary").version
JSON = {"Content-Type": "application/json"}
NEW_DEVICE = {"code": "7K2MQ9XW4D", "zone": "Europe/Berlin", "platform": "web"}
BAD_ID = "00000000-0000-4000-8000-000000000000"


@dataclass
class World:
    """The clinic, a client of its API, and everybody's secrets."""

    db: Database
    clock: VirtualClock
    app: FastAPI
    client: TestClient
    secrets: dict[str, str]
    patients: dict[str, str]
    prompts: dict[str, str]
    pusher: FakePusher = field(default_factory=FakePusher)
    database: Path = Path()

    def call(self, method: str, path: str, who: str | None = "phone", **rest: Any) -> Response:
        """Call the API as one of `secrets`, or as nobody."""
        headers = dict(rest.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.secrets.get(who, who)}"
        return self.client.request(method, path, headers=headers, **rest)

    def answer(
        self, who: str = "phone", *, key: str | None = None, headers: Any = None, **changes: Any
    ) -> Response:
        """Answer the phone's open prompt; `changes` replace parts of the body."""
        path = f"/v1/device/responses/{key or uuid4()}"
        return self.call("PUT", path, who, json=self.body(**changes), headers=headers or {})

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a good answer to the phone's open prompt, with `changes`."""
        return {
            "prompt_id": self.prompts["phone"],
            "content_id": "checkin.momentary",
            "content_version": VERSION,
            "answers": ANSWERS["checkin.momentary"],
            "opened_at": self.clock().isoformat(),
            "answered_at": self.clock().isoformat(),
        } | changes

    def sign_in_anew(self) -> None:
        """Give the therapist a session that begins now."""
        self.secrets["therapist"] = auth.sign_in(self.db, EMAIL, PASSWORD, now=self.clock()).token

    def own(self, path: str, who: str = "therapist") -> str:
        """Return the path under the therapist's own patient."""
        return f"/v1/patients/{self.patients[who]}{path}"

    def pass_time(self, **span: float) -> None:
        """Let time pass and send what is due by the end of it."""
        self.clock.move_to(self.clock() + timedelta(**span))
        send_due(self.db, self.clock, self.pusher)

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every row of every table."""
        with self.db.read() as tx:
            names = tx.conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: [tuple(row) for row in tx.conn.exec_driver_sql(f'SELECT * FROM "{name}"')]
                for name in sorted(names.scalars())
            }


def send_due(db: Database, clock: VirtualClock, pusher: Pusher) -> None:
    """Plan, draw and send everything due now."""
    plan_horizon(db, now=clock())
    decide(db, Policies(adaptive=UniformPolicy()), now=clock())
    Dispatcher(db=db, pusher=pusher, clock=clock, owner="tests").tick()


def services(db: Database, clock: VirtualClock, limiter: Limiter | None = None) -> Services:
    """Return what an app over `db` is built with; nobody is kept from trying unless asked for."""
    return Services(
        db=db,
        clock=clock,
        settings=Settings(database_url=db.url),
        library=Library.builtin(),
        limiter=limiter or Limiter(tries_per_minute=1_000_000),
    )


@dataclass(frozen=True)
class Template:
    """A database at rest with its secrets, from which each test gets a copy."""

    url: str
    at: datetime
    secrets: dict[str, str]
    patients: dict[str, str]
    prompts: dict[str, str]


def build_template(url: str) -> Template:
    """Make the database: everything through the commands and the API, nothing by hand."""
    clinic = empty_clinic(url, NOW)
    others = auth.add_clinician(
        clinic.db, email=OTHER_EMAIL, name="Therapist Two", role="therapist", password=PASSWORD,
        now=NOW,
    )  # fmt: skip
    secrets = {
        "therapist": auth.sign_in(clinic.db, EMAIL, PASSWORD, now=NOW).token,
        "other": auth.sign_in(clinic.db, OTHER_EMAIL, PASSWORD, now=NOW).token,
    }
    patients, prompts = {}, {}
    with TestClient(create_app(services(clinic.db, clinic.clock))) as client:
        for who, therapist in (("therapist", clinic.therapist), ("other", others)):
            patient = clinic.add_patient(f"P-{who}", phone=False, therapist_ids=[therapist.id])
            patients[who] = str(patient.id)
            phone = "phone" if who == "therapist" else "other_phone"
            secrets[phone] = _enrol(client, patients[who], secrets[who])
        clinic.clock.move_to(NOW + timedelta(seconds=6))
        send_due(clinic.db, clinic.clock, clinic.pusher)
        for phone in ("phone", "other_phone"):
            headers = {"Authorization": f"Bearer {secrets[phone]}"}
            prompts[phone] = client.get("/v1/device/prompts", headers=headers).json()["prompts"][0][
                "id"
            ]
    clinic.db.close()
    return Template(url, clinic.clock(), secrets, patients, prompts)


def _enrol(client: TestClient, patient_id: str, session: str) -> str:
    code = client.post(
        f"/v1/patients/{patient_id}/enrolment-codes", headers={"Authorization": f"Bearer {session}"}
    ).json()["code"]
    body = {"code": code, "zone": "Europe/Berlin", "platform": "web", "push_token": uuid4().hex}
    reply = client.post("/v1/devices", json=body)
    credential: str = reply.json()["credential"]
    return credential


@contextmanager
def living(template: Template, folder: Path, limiter: Limiter | None = None) -> Iterator[World]:
    """Yield a world of its own, copied from the template."""
    path = folder / "clinic.db"
    shutil.copy(template.url.removeprefix("sqlite:///"), path)
    with opened(replace(template, url=f"sqlite:///{path}"), limiter) as world:
        world.database = path
        yield world


@contextmanager
def opened(template: Template, limiter: Limiter | None = None) -> Iterator[World]:
    """Yield the world of the template's own database."""
    db = open_database(template.url)
    clock = VirtualClock(template.at)
    app = create_app(services(db, clock, limiter))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield World(
            db=db,
            clock=clock,
            app=app,
            client=client,
            secrets=dict(template.secrets),
            patients=dict(template.patients),
            prompts=dict(template.prompts),
        )
    db.close()


def fields(reply: Response) -> list[str]:
    """Return which fields a problem document names."""
    return [fault["field"] for fault in reply.json()["errors"]]


def is_problem(reply: Response) -> bool:
    """Return whether a reply is a whole problem document of its own status."""
    if reply.headers["content-type"] != "application/problem+json":
        return False
    document = reply.json()
    return document["status"] == reply.status_code and bool(document["title"])
