"""A quarter of an hour in which FCM takes nothing: 503, 429 and silence, some of it after all.

Some hundreds of prompts fall due before, in and after it. Half of the phones drop a push they have
had; the others would show it again, so to them nothing uncertain is ever repeated.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from fakes import BERLIN, fixed, protocol
from simulated_time import CALM
from simulated_world import Setting, World, add_person, empty_world, run

from engine.protocol import StudyProtocol, parse_protocol

MIDNIGHT = datetime(2027, 6, 1, tzinfo=UTC)
BEGIN = MIDNIGHT + timedelta(hours=18, minutes=50)
"""20:50 on the patients' clocks."""
END = BEGIN + timedelta(minutes=15)
QUIET_AT = MIDNIGHT + timedelta(hours=19, minutes=20)
DUE_MINUTES = range(45, 70)
PER_MINUTE = 16
OUTAGE = {
    "503": 35, "503 after accept": 5, "429": 25, "hang": 20, "hang after accept": 5,
    "no connection": 10,
}  # fmt: skip
WELL = {"accept": 1}
EXPIRIES = ("10m", "60m", "60m", "120m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One prompt of the drill, as FCM, its phone and staff saw it."""

    id: UUID
    strict: bool
    due_at: datetime
    expires_at: datetime
    state: str
    sent_at: tuple[datetime, ...]
    may_have_left: int
    shown: int


@dataclass(frozen=True, slots=True)
class Drill:
    """The world after it, and the fate of each prompt."""

    world: World
    fates: tuple[Fate, ...]

    def valid(self, *, strict: bool) -> list[Fate]:
        """Return those due by the outage's end that could still be sent a minute after it."""
        last = min(END + timedelta(minutes=1), QUIET_AT)
        return [
            fate
            for fate in self.fates
            if fate.strict is strict and fate.due_at <= END and fate.expires_at > last
        ]


@cache
def _document(minute: int, expires_after: str) -> StudyProtocol:
    at = f"{20 + minute // 60}:{minute % 60:02}"
    return parse_protocol(protocol(fixed(at, expires_after=expires_after), quiet="21:20-08:00"))


class OutageWorld(World):
    """A world whose weather is the drill's."""

    def weather(self, at: datetime) -> dict[str, int]:
        return OUTAGE if BEGIN <= at < END else WELL


@cache
def drill(seed: int = 1) -> Drill:
    """Live through the outage and return what became of everything."""
    setting = Setting(dispatchers=2, temper=CALM, lively=False)
    world = empty_world(seed, setting, MIDNIGHT, kind=OutageWorld)
    for number in range(PER_MINUTE * len(DUE_MINUTES)):
        minute = DUE_MINUTES[number // PER_MINUTE]
        document = _document(minute, EXPIRIES[number // 2 % len(EXPIRIES)])
        person = add_person(world, document, zone=BERLIN, strict=number % 2 == 0)
        world.population.add_phone(person, BERLIN)
    run(world, timedelta(hours=22))
    return Drill(world, tuple(_fates(world)))


def _fates(world: World) -> list[Fate]:
    found = []
    for one, patient, due, expires, state in world.raw.execute(
        "SELECT id, patient_id, due_at, expires_at, state FROM prompts WHERE decided_at IS NOT NULL"
    ):
        prompt_id = UUID(one)
        sends = [s for s in world.fcm.log if s.push.prompt_id == prompt_id]
        found.append(
            Fate(
                id=prompt_id,
                strict=world.people[UUID(patient)].strict,
                due_at=datetime.fromisoformat(due).replace(tzinfo=UTC),
                expires_at=datetime.fromisoformat(expires).replace(tzinfo=UTC),
                state=state,
                sent_at=tuple(s.true_at for s in sends),
                may_have_left=sum(not s.proven_negative for s in sends),
                shown=sum(s.prompt_id == prompt_id for s in world.population.shown),
            )
        )
    return found
