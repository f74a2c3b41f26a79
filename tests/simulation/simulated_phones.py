"""Patients and their phones: they show, drop, confirm late, answer, snooze, travel and reinstall.

Phones go by true time; what they tell the server goes through the product's own commands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from builders import ANSWERS
from simulated_fcm import FakeFcm, Packet
from simulated_time import Hub

from content.library import Library
from engine.commands import answering, enrolling, postponing, travelling
from engine.commands.scheduling import plan_welcome
from engine.errors import Conflict, FieldsRefused, NotFound
from engine.protocol import StudyProtocol
from engine.records import Device
from engine.store import Database, devices, held

CONTENT = "checkin.momentary"
LIBRARY = Library.builtin()
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Tokyo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A notification as a patient saw it."""

    prompt_id: UUID
    repeat: int
    patient_id: UUID
    device_id: UUID
    true_at: datetime
    expires_at: datetime


@dataclass(eq=False)
class Phone:
    """One installation of the app on one phone."""

    device: Device
    token: str
    zone: str
    online: bool = True
    memory: set[tuple[UUID, int]] = field(default_factory=set)
    held: dict[str, Packet] = field(default_factory=dict)
    outbox: list[Callable[[], None]] = field(default_factory=list)
    installed: bool = True


@dataclass(eq=False)
class Person:
    """A patient: where they are said to live since which transaction, and what they did."""

    id: UUID
    name: str
    protocol: StudyProtocol
    strict: bool
    phones: list[Phone] = field(default_factory=list)
    zones: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    confirmed: str = ""
    answered: dict[UUID, int] = field(default_factory=dict)
    declined: dict[UUID, int] = field(default_factory=dict)
    busy_with: set[UUID] = field(default_factory=set)

    def zones_at(self, seq: int) -> frozenset[str]:
        """Return where the patient may have been, as the server knew by that transaction."""
        return next(zones for since, zones in reversed(self.zones) if since <= seq)


@dataclass(eq=False)
class Population:
    """All patients, their phones by token, and what they saw and were told.

    Those who are not `lively` only look and confirm: they neither answer nor snooze.
    """

    hub: Hub
    db: Database
    fcm: FakeFcm | None = None
    poke: Callable[[], None] = lambda: None
    people: dict[UUID, Person] = field(default_factory=dict)
    by_token: dict[str, tuple[Person, Phone]] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    acknowledged: dict[UUID, UUID] = field(default_factory=dict)
    confirmed: dict[UUID, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    numbers: int = 0
    lively: bool = True

    # Getting a phone

    def add_phone(self, person: Person, zone: str, *, welcome: bool = False) -> Phone:
        """Sign a fresh installation in: a device of its own with a token of its own."""
        self.numbers += 1
        token = f"{person.name}-{self.numbers}"
        device = Device(
            id=UUID(int=0xD0000 + self.numbers),
            patient_id=person.id,
            platform="ios" if person.strict else "android",
            zone=zone,
            push_token=token,
            deduplicates=not person.strict,
        )
        now = self.hub.clock()
        with self.db.write() as tx:
            devices.add_device(tx, device, enrolling.sha256(token), now=now)
            held.note_zone(tx, device.id, zone, now=now)
            devices.set_push_token(tx, device.id, token)
            if welcome:
                plan_welcome(tx, person.id, now=now)
        phone = Phone(device, token, zone)
        person.phones.append(phone)
        self.by_token[token] = (person, phone)
        self._note_zones(person)
        self.poke()
        return phone

    def reinstall(self, person: Person) -> None:
        """Lose the app and all it remembered; sign in anew after a while."""
        phone = person.phones[-1]
        if not phone.installed:
            return
        self.hub.note(f"{person.name} reinstalls the app")
        self.fcm.dead_tokens.add(phone.token)
        phone.installed = phone.online = False
        self._note_zones(person)
        welcome = self.hub.rng.random() < 0.5
        self.hub.after(
            self.hub.rng.expovariate(1 / 600),
            lambda: self.add_phone(person, phone.zone, welcome=welcome),
        )

    def refresh_token(self, person: Person) -> None:
        """Get another token for the same installation, as FCM does now and then."""
        phone = person.phones[-1]
        if not phone.installed:
            return
        self.numbers += 1
        self.fcm.dead_tokens.add(phone.token)
        phone.token = f"{person.name}-{self.numbers}"
        self.by_token[phone.token] = (person, phone)

        def tell() -> None:
            with self.db.write() as tx:
                devices.set_push_token(tx, phone.device.id, phone.token)
            self.poke()

        self._send(phone, self.hub.rng.expovariate(1 / 60), tell)

    def travel(self, person: Person, zone: str) -> None:
        phone = person.phones[-1]
        phone.zone = zone

        def tell() -> None:
            told = travelling.report_zone(self.db, phone.device, zone, now=self.hub.clock())
            person.confirmed = told.zone
            self._note_zones(person)
            self.hub.note(f"{person.name} lives in {told.zone}")
            self.poke()

        self._send(phone, self.hub.rng.expovariate(1 / 120), tell)

    def _note_zones(self, person: Person) -> None:
        reported = {phone.zone for phone in person.phones if phone.installed}
        zones = {person.confirmed} | (reported if len(reported) > 1 else set())
        person.zones.append((self.hub.tick(), frozenset(zones)))

    def go_offline(self, person: Person, seconds: float) -> None:
        phone = person.phones[-1]
        phone.online = False
        self.hub.after(seconds, lambda: self.go_online(phone))

    def go_online(self, phone: Phone) -> None:
        if not phone.installed:
            return
        phone.online = True
        for packet in list(phone.held.values()):
            self._arrive(phone, packet)
        phone.held.clear()
        waiting, phone.outbox = phone.outbox, []
        for action in waiting:
            action()

    # Getting a prompt

    def deliver(self, token: str, packet: Packet) -> None:
        """Carry a packet FCM took to its phone: soon, or when the phone is there again."""
        rng = self.hub.rng
        seconds = rng.uniform(0.1, 2) if rng.random() < 0.97 else rng.expovariate(1 / 600)
        self.hub.after(seconds, lambda: self._reach(self.by_token[token][1], packet))

    def _reach(self, phone: Phone, packet: Packet) -> None:
        if not phone.installed:
            return
        if phone.online:
            self._arrive(phone, packet)
        else:
            phone.held[packet.collapse_key] = packet  # FCM keeps the newest of a collapse key

    def _arrive(self, phone: Phone, packet: Packet) -> None:
        key = packet.prompt_id, packet.repeat
        if self.hub.true >= packet.expires_at:
            return
        if phone.device.deduplicates and key in phone.memory:
            return
        phone.memory.add(key)
        person = self.people[phone.device.patient_id]
        self.shown.append(
            Shown(
                prompt_id=packet.prompt_id,
                repeat=packet.repeat,
                patient_id=person.id,
                device_id=phone.device.id,
                true_at=self.hub.true,
                expires_at=packet.expires_at,
            )
        )
        self.hub.note(f"{person.name} is shown {packet.prompt_id.hex[:8]}/{packet.repeat}")
        self._react(person, phone, packet.prompt_id)

    # Reacting

    def _react(self, person: Person, phone: Phone, prompt_id: UUID) -> None:
        rng = self.hub.rng
        if rng.random() < 0.7:
            late = rng.uniform(0.2, 5) if rng.random() < 0.8 else rng.expovariate(1 / 1800)
            self._send(phone, late, lambda: self._confirm(phone, prompt_id))
        if prompt_id in person.busy_with or not self.lively:
            return
        choice = rng.random()
        seconds = rng.expovariate(1 / 700)
        if choice < 0.4:
            person.busy_with.add(prompt_id)
            submission = self._submission(prompt_id, self.hub.true + timedelta(seconds=seconds))
            self._send(phone, seconds, lambda: self._answer(person, phone, submission))
            if rng.random() < 0.1:  # it never heard the reply, and asks again
                self._send(phone, seconds + 30, lambda: self._answer(person, phone, submission))
        elif choice < 0.43:
            minutes = rng.choice((5, 10, 15, 30))
            self._send(phone, seconds / 4, lambda: self._snooze(phone, prompt_id, minutes))
        elif choice < 0.45:
            person.busy_with.add(prompt_id)
            self._send(phone, seconds / 4, lambda: self._decline(person, phone, prompt_id))

    def _send(self, phone: Phone, seconds: float, action: Callable[[], None]) -> None:
        """Tell the server something after so many seconds, or once the phone is on line."""

        def go() -> None:
            if phone.online:
                action()
            elif phone.installed:
                phone.outbox.append(action)

        self.hub.after(seconds, go)

    def _confirm(self, phone: Phone, prompt_id: UUID) -> None:
        receipt = answering.ReceiptIn(prompt_id=prompt_id, kind="delivered", at=self.hub.true)
        try:
            answering.record_receipts(
                self.db, phone.device, [receipt], device_now=self.hub.true, now=self.hub.clock()
            )
        except FieldsRefused as refused:
            self.faults.append(f"receipt of {prompt_id} refused: {refused}")
        self.confirmed.setdefault(prompt_id, self.hub.tick())

    def _submission(self, prompt_id: UUID, at: datetime) -> answering.Submission:
        return answering.Submission(
            id=UUID(int=self.hub.rng.getrandbits(128)),
            prompt_id=prompt_id,
            content_id=CONTENT,
            content_version=LIBRARY.get(CONTENT).version,
            answers=ANSWERS[CONTENT],
            opened_at=None,
            answered_at=at,
        )

    def _answer(self, person: Person, phone: Phone, submission: answering.Submission) -> None:
        now, device_now = self.hub.clock(), self.hub.true
        try:
            answering.submit_response(
                self.db, phone.device, submission, LIBRARY, device_now=device_now, now=now
            )
        except (FieldsRefused, Conflict, NotFound) as refused:
            self.faults.append(f"answer to {submission.prompt_id} refused: {refused}")
            return
        self.acknowledged[submission.id] = submission.prompt_id
        person.answered.setdefault(submission.prompt_id, self.hub.tick())
        self.hub.note(f"{person.name} answers {submission.prompt_id.hex[:8]}")

    def _snooze(self, phone: Phone, prompt_id: UUID, minutes: int) -> None:
        try:
            postponing.snooze(self.db, phone.device, prompt_id, minutes, now=self.hub.clock())
        except (FieldsRefused, Conflict):
            return  # it is over, answered, or the night comes first: the patient is told so
        self.hub.note(f"{prompt_id.hex[:8]} is snoozed for {minutes} min")
        self.poke()

    def _decline(self, person: Person, phone: Phone, prompt_id: UUID) -> None:
        try:
            postponing.not_now(self.db, phone.device, prompt_id, "work", now=self.hub.clock())
        except Conflict:
            return
        person.declined.setdefault(prompt_id, self.hub.tick())
