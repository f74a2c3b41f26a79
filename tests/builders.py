"""A small clinic with a history, made through the real commands and ticks and a fake pusher."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

from api import auth
from api.services import Services
from content.library import Library
from engine.clock import VirtualClock
from engine.commands import answering, enrolling
from engine.commands.scheduling import plan_horizon
from engine.prompt import State
from engine.records import Clinician, Device, Patient, PromptRecord, StoredWindow
from engine.settings import Settings
from engine.store import Database, migrate, open_database, reports
from prompting.decide import Policies, decide
from prompting.dispatch import Dispatcher
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.policies import UniformPolicy

EMAIL = "therapist@clinic.example"
PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 20, 15, 10, tzinfo=UTC)

PROTOCOL = {
    "schema": "welltimed-protocol/1",
    "name": "Behavioural activation, blended",
    "quiet_hours": [{"from": "21:30", "to": "08:00"}],
    "limits": {"per_day": 6, "min_gap": "45m"},
    "assignments": [
        {
            "content": "checkin.momentary",
            "trigger": {
                "kind": "window",
                "windows": [
                    {"from": "09:00", "to": "12:00"},
                    {"from": "12:00", "to": "15:00"},
                    {"from": "15:00", "to": "18:00"},
                ],
                "timing": "adaptive",
            },
            "expires_after": "60m",
        },
        {
            "content": "ba.plan-tomorrow",
            "trigger": {"kind": "fixed", "at": ["20:00"], "days": ["sun", "tue", "thu"]},
        },
        {
            "content": "phq9",
            "trigger": {"kind": "interval", "every": "14d", "at": "18:30"},
            "sampling": "representative",
        },
    ],
}

ANSWERS = {
    "checkin.momentary": {
        "valence": 62, "energy": 40, "stress": 35, "urge_to_avoid": 20, "company": "close",
    },
    "ba.plan-tomorrow": {
        "activity": "Walk around the park", "start": "10:30", "company": "alone", "likely": 80,
    },
    "phq9": {f"phq{number}": "1" for number in range(1, 9)} | {"phq9": "0"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """A patient's reaction to one prompt: minutes until the answer, and the answers."""

    minutes: float
    answers: dict[str, object]


Habit = Callable[[PromptRecord, int], Answer | None]
"""What a patient does with a sent prompt (its record, its running number); None is silence."""


def diligent(record: PromptRecord, number: int) -> Answer | None:
    """Answer four of five prompts soon, one in ten late."""
    if number % 5 == 4:
        return None
    return Answer(75 if number % 10 == 3 else 4, ANSWERS[record.content_id])


def silent(_record: PromptRecord, _number: int) -> Answer | None:
    """Never answer."""
    return None


@dataclass
class FakePusher:
    """Takes every push; `outcome` may be changed to make sending fail."""

    outcome: Kind = Kind.ACCEPTED
    pushed: list[Push] = field(default_factory=list)

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        self.pushed.extend(pushes)
        return [SendOutcome(self.outcome) for _ in pushes]

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        """Send at once; the outcomes are there already."""
        done: Future[list[SendOutcome]] = Future()
        done.set_result(self.push_many(pushes, now=now))
        return done

    def room(self) -> int:
        """There is room for any number."""
        return 1_000_000

    def open_until(self, now: datetime) -> datetime | None:
        """Firebase is never in trouble."""
        return None

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Clinic:
    """A database with people in it and a clock that runs their days."""

    db: Database
    clock: VirtualClock
    pusher: FakePusher
    therapist: Clinician
    patients: dict[str, Patient] = field(default_factory=dict)
    devices: dict[UUID, Device] = field(default_factory=dict)
    habits: dict[UUID, Habit] = field(default_factory=dict)
    waiting: list[tuple[datetime, Device, PromptRecord, Answer]] = field(default_factory=list)
    seen: dict[UUID, int] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        """What an app over this clinic is built with; its clock is this clinic's."""
        settings = Settings(database_url=self.db.url)
        return Services(db=self.db, clock=self.clock, settings=settings, library=Library.builtin())

    def add_patient(
        self,
        name: str,
        *,
        habit: Habit = diligent,
        zone_name: str = "Europe/Berlin",
        protocol: object = PROTOCOL,
        phone: bool = True,
        therapist_ids: Sequence[UUID] | None = None,
    ) -> Patient:
        """Add a patient whose course begins today, with a phone unless told otherwise."""
        now = self.clock()
        patient = Patient(id=uuid4(), name=name, zone=zone_name, created_at=now)
        course = enrolling.course_from(
            protocol, known_content=Library.builtin().ids(), control_share=0.2
        )
        enrolling.add_patient(
            self.db,
            patient,
            course,
            therapist_ids=[self.therapist.id] if therapist_ids is None else therapist_ids,
            by=self.therapist.name,
        )
        if phone:
            code, _ = enrolling.issue_code(self.db, patient.id, by=None, now=now)
            self.devices[patient.id], _ = enrolling.redeem_code(
                self.db,
                code,
                platform="web",
                zone_name=zone_name,
                push_token=f"token-{patient.id}",
                now=now,
            )
        self.patients[name], self.habits[patient.id] = patient, habit
        self.seen[patient.id] = 0
        return patient

    def records(self, patient: Patient, first: date, last: date) -> list[PromptRecord]:
        """Return the patient's prompts on these local dates."""
        with self.db.read() as tx:
            return reports.prompt_records(tx, patient.id, first=first, last=last)

    def run_until(self, end: datetime) -> None:
        """Live on: plan, draw, send and answer, stepping from one event to the next."""
        while self.clock() < end:
            midnight = datetime.combine(self.clock().date(), time(0), UTC) + timedelta(days=1)
            self._live(min(midnight, end))

    def _live(self, end: datetime) -> None:
        plan_horizon(self.db, now=self.clock())
        policies = Policies(adaptive=UniformPolicy(name="adaptive", version="untrained"))
        dispatcher = Dispatcher(db=self.db, pusher=self.pusher, clock=self.clock, owner="tests")
        moments = self._moments() | {at for at, *_ in self.waiting}
        while self.clock() < end:
            following = min((at for at in moments if at > self.clock()), default=end)
            self.clock.move_to(min(following, end))
            if decide(self.db, policies, now=self.clock()):
                moments |= self._moments()
            before = len(self.pusher.pushed)
            dispatcher.tick()
            moments |= self._react(self.pusher.pushed[before:])
            self._submit_due()

    def _moments(self) -> set[datetime]:
        """Return when windows open and drawn prompts are due, around today."""
        today = self.clock().date()
        around = timedelta(days=1)
        return {
            at
            for patient in self.patients.values()
            for record in self.records(patient, today - around, today + around)
            if record.state == State.PLANNED
            for at in (record.start_at, record.due_at)
            if at is not None
        }

    def _react(self, pushes: Sequence[Push]) -> set[datetime]:
        """Let each phone confirm its push and each patient decide; return when they will answer."""
        now = self.clock()
        moments = set()
        for push in pushes if self.pusher.outcome is Kind.ACCEPTED else ():
            device = self._device_of(push)
            receipt = answering.ReceiptIn(prompt_id=push.prompt_id, kind="delivered", at=now)
            answering.record_receipts(self.db, device, [receipt], device_now=now, now=now)
            record = self._record(device.patient_id, push.prompt_id)
            if record is None:
                continue  # a test notification asks nothing
            reaction = self.habits[device.patient_id](record, self.seen[device.patient_id])
            self.seen[device.patient_id] += 1
            if reaction is not None:
                at = now + timedelta(minutes=reaction.minutes)
                self.waiting.append((at, device, record, reaction))
                moments.add(at)
        return moments

    def _device_of(self, push: Push) -> Device:
        return self.devices[UUID(push.token.removeprefix("token-"))]

    def _record(self, patient_id: UUID, prompt_id: UUID) -> PromptRecord | None:
        today, around = self.clock().date(), timedelta(days=1)
        with self.db.read() as tx:
            found = reports.prompt_records(
                tx, patient_id, first=today - around, last=today + around
            )
        return next((record for record in found if record.id == prompt_id), None)

    def _submit_due(self) -> None:
        now = self.clock()
        due = [one for one in self.waiting if one[0] <= now]
        self.waiting = [one for one in self.waiting if one[0] > now]
        for at, device, record, answer in due:
            submission = answering.Submission(
                id=uuid4(),
                prompt_id=record.id,
                content_id=record.content_id,
                content_version=Library.builtin().get(record.content_id).version,
                answers=answer.answers,
                opened_at=at,
                answered_at=at,
            )
            answering.submit_response(
                self.db, device, submission, Library.builtin(), device_now=now, now=now
            )


def stored_window(
    number: int,
    /,
    *,
    slots: int = 12,
    control_share: float = 0.2,
    timing: str = "adaptive",
    **others: object,
) -> StoredWindow:
    """Return an undrawn window of one of six people, of 15 minutes a slot from 08:00 UTC on."""
    start = datetime(2027, 3, 1, 8, tzinfo=UTC)
    window = StoredWindow(
        id=UUID(int=1_000 + number),
        enrolment_id=UUID(int=number % 6),
        patient_id=UUID(int=number % 6),
        protocol_id=UUID(int=1),
        protocol_version=1,
        zone="Europe/Berlin",
        assignment="a",
        content_id="a",
        local_date=date(2027, 3, 1) + timedelta(days=number % 7),
        window=0,
        start_at=start,
        end_at=start + timedelta(minutes=15 * slots),
        slots=tuple(start + timedelta(minutes=15 * n) for n in range(slots)),
        timing=timing,
        objective="answered",
        representative=False,
        within=timedelta(minutes=15),
        expires_after=timedelta(hours=1),
        state=State.PLANNED,
        decided_at=None,
        due_at=None,
        seed=number,
        control_share=control_share,
    )
    return replace(window, **others)


def empty_clinic(url: str, now: datetime) -> Clinic:
    """Return a migrated database at `url` with one therapist, whose clock stands at `now`."""
    db = open_database(url)
    migrate(db)
    therapist = auth.add_clinician(
        db, email=EMAIL, name="Therapist One", role="therapist", password=PASSWORD, now=now
    )
    return Clinic(db=db, clock=VirtualClock(now), pusher=FakePusher(), therapist=therapist)


def make_clinic(url: str, now: datetime = NOW, *, weeks: int = 2) -> Clinic:
    """Return a clinic whose patients have lived `weeks` up to `now`.

    Patients: "P-01" answers most prompts, "P-02" none, "P-03" has no phone.
    """
    clinic = empty_clinic(url, now - timedelta(weeks=weeks))
    clinic.add_patient("P-01")
    clinic.add_patient("P-02", habit=silent)
    clinic.add_patient("P-03", phone=False)
    clinic.run_until(now)
    return clinic
