"""A Firebase that misbehaves by the seed, behind the port through which prompts leave.

Each push is answered as one POST to FCM is: accepted, accepted late, 503 with and without having
delivered, 429, a dead token, refused, no answer, no connection. The breaker is the real one, and
what reaches a phone is read from the real bytes of the message.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from simulated_database import Promise, SteppedDatabase
from simulated_time import Hub, Process

from prompting.fcm.breaker import Breaker
from prompting.fcm.message import Push, encode
from prompting.fcm.outcome import Kind, SendOutcome

IN_FLIGHT = 100
EXPIRED = SendOutcome(Kind.NOT_SENT, code="EXPIRED")

FAIR = {
    "accept": 940, "late accept": 10, "503": 6, "503 after accept": 8, "429": 8, "429 long": 2,
    "refused": 2, "hang": 6, "hang after accept": 8, "no connection": 10,
}  # fmt: skip
STORM = {
    "accept": 30, "late accept": 10, "503": 15, "503 after accept": 10, "429": 10, "429 long": 2,
    "refused": 1, "hang": 8, "hang after accept": 6, "no connection": 8,
}  # fmt: skip
_ACCEPTS = frozenset({"accept", "late accept", "503 after accept", "hang after accept"})
_SECONDS = {
    "accept": (0.02, 0.3), "late accept": (2.0, 9.9), "503": (0.05, 1.0),
    "503 after accept": (0.05, 1.0), "429": (0.02, 0.2), "429 long": (0.02, 0.2),
    "refused": (0.02, 0.2), "hang": (10.0, 10.0), "hang after accept": (10.0, 10.0),
    "no connection": (0.01, 5.0), "dead token": (0.02, 0.2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packet:
    """What a phone gets: read from the message's own bytes."""

    prompt_id: UUID
    repeat: int
    expires_at: datetime
    collapse_key: str


@dataclass(slots=True, kw_only=True)
class Sending:
    """One POST as FCM saw it. `outcome` is None if its worker was gone before the answer came."""

    push: Push
    worker: str
    promise: Promise | None
    true_at: datetime
    reading: datetime
    said_now: datetime
    blind: timedelta
    behaviour: str
    accepted: bool
    outcome: SendOutcome | None = None
    recorded: bool = False

    @property
    def proven_negative(self) -> bool:
        return self.outcome is not None and self.outcome.proven_not_delivered


@dataclass
class FakeFcm:
    """The service: its mood, the tokens it knows to be dead, and the log from which we judge."""

    hub: Hub
    deliver: Callable[[str, Packet], None]
    weather: Callable[[datetime], Mapping[str, int]]
    dead_tokens: set[str] = field(default_factory=set)
    log: list[Sending] = field(default_factory=list)

    def post(self, sending: Sending) -> float:
        """Take one POST; return after how many seconds it is answered."""
        push, rng = sending.push, self.hub.rng
        mood = self.weather(self.hub.true)
        sending.behaviour = _draw(rng, mood)
        body = encode(push, now=sending.said_now)
        if push.token in self.dead_tokens and sending.behaviour in _ACCEPTS:
            sending.behaviour = "dead token"
        sending.accepted = sending.behaviour in _ACCEPTS
        self.log.append(sending)
        self.hub.note(
            f"{sending.worker} sends {push.prompt_id.hex[:8]}/{push.repeat}"
            f" to {push.token}: {sending.behaviour}"
        )
        low, high = _SECONDS[sending.behaviour]
        if sending.accepted:
            self.deliver(push.token, _read(body))
        return rng.uniform(low, high)

    def answer(self, sending: Sending) -> SendOutcome:
        """Return what the sender learns of its POST."""
        rng = self.hub.rng
        match sending.behaviour:
            case "accept" | "late accept":
                return SendOutcome(Kind.ACCEPTED, 200, message_name="projects/p/messages/m")
            case "503" | "503 after accept":
                return SendOutcome(Kind.UNKNOWN, 503, code="UNAVAILABLE")
            case "hang" | "hang after accept":
                return SendOutcome(Kind.UNKNOWN, code="TIMEOUT")
            case "429":
                wait = timedelta(seconds=rng.randint(1, 90)) if rng.random() < 0.7 else None
                return SendOutcome(Kind.THROTTLED, 429, retry_after=wait)
            case "429 long":
                wait = timedelta(seconds=rng.randint(600, 3600))
                return SendOutcome(Kind.THROTTLED, 429, retry_after=wait)
            case "refused":
                return SendOutcome(Kind.REFUSED, 403, code="SENDER_ID_MISMATCH")
            case "dead token":
                return SendOutcome(Kind.TOKEN_DEAD, 404, code="UNREGISTERED")
        return SendOutcome(Kind.NOT_SENT, code="CONNECT_FAILED")


def _draw(rng: random.Random, mood: Mapping[str, int]) -> str:
    return rng.choices(list(mood), weights=list(mood.values()))[0]


def _read(body: bytes) -> Packet:
    message = json.loads(body)["message"]
    data = message["data"]
    return Packet(
        UUID(data["prompt_id"]),
        int(data["repeat"]),
        datetime.fromisoformat(data["expires_at"]),
        message["android"]["collapse_key"],
    )


@dataclass
class SimulatedPusher:
    """One process's sender: the pusher port over the fake FCM, in virtual time."""

    hub: Hub
    fcm: FakeFcm
    process: Process
    db: SteppedDatabase
    breaker: Breaker = field(init=False)
    faults: list[str] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breaker = Breaker(monotonic=self.hub.monotonic)

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        """Send and give way until all is answered; the future is done by then."""
        done: Future[list[SendOutcome]] = Future()
        done.set_result(self.push_many(pushes, now=now))
        return done

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        if self.db.writing:
            self.faults.append("a network call inside a transaction")
        if not pushes:
            return []
        begun = self.hub.true
        self.process.step()  # between the last look at the clock and the first byte
        batch = _Batch(self, pushes, now, self.hub.true - begun, self.hub.true)
        batch.begin()
        if not batch.is_over:
            if self.hub.rng.random() < 5 * self.hub.temper.crash:
                seconds = self.hub.rng.uniform(0, self.hub.rng.choice((0.2, 12)))
                self.hub.after(seconds, self.process.kill)
            self.process.wait()
        self.process.step()
        return [outcome for outcome in batch.outcomes if outcome is not None]

    def all_recorded(self) -> None:
        """Note that a tick came to its end: what it was told is on record, or should be."""
        for sending in self.sendings:
            sending.recorded = sending.outcome is not None
        self.sendings.clear()

    def room(self) -> int:
        return self.breaker.room

    def open_until(self, now: datetime) -> datetime | None:
        left = self.breaker.open_for
        return now + left if left else None

    def close(self) -> None:
        """Nothing to close."""


class _Batch:
    """The pushes of one submit: so many under way at once, each answered in its own time."""

    def __init__(
        self,
        pusher: SimulatedPusher,
        pushes: Sequence[Push],
        now: datetime,
        blind: timedelta,
        since: datetime,
    ) -> None:
        self.pusher, self.pushes, self.now, self.blind = pusher, pushes, now, blind
        self.since = since
        self.outcomes: list[SendOutcome | None] = [None] * len(pushes)
        self._next = 0
        self._under_way = 0

    @property
    def is_over(self) -> bool:
        return self._next == len(self.pushes) and not self._under_way

    def begin(self) -> None:
        while self._under_way < IN_FLIGHT and self._next < len(self.pushes):
            self._start()

    def _start(self) -> None:
        pusher, hub = self.pusher, self.pusher.hub
        place, push = self._next, self.pushes[self._next]
        self._next += 1
        now = self.now + (hub.true - self.since)
        if push.expires_at <= now:
            self.outcomes[place] = EXPIRED
            return
        ticket = pusher.breaker.enter()
        if ticket is None:
            wait = max(pusher.breaker.open_for, timedelta(seconds=1))
            self.outcomes[place] = SendOutcome(Kind.NOT_SENT, code="BREAKER_OPEN", retry_after=wait)
            return
        sending = Sending(
            push=push,
            worker=pusher.process.name,
            promise=pusher.db.promises.get((push.prompt_id, push.repeat)),
            true_at=hub.true,
            reading=hub.clock(),
            said_now=now,
            blind=self.blind,
            behaviour="",
            accepted=False,
        )
        self._under_way += 1
        pusher.sendings.append(sending)

        def answered() -> None:
            if pusher.process.dead:
                return
            outcome = pusher.fcm.answer(sending)
            sending.outcome = self.outcomes[place] = outcome
            pusher.breaker.report(ticket, outcome)
            self._under_way -= 1
            self.begin()
            if self.is_over:
                pusher.process.go_on()

        hub.after(pusher.fcm.post(sending), answered)
