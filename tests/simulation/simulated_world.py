"""A clinic lived through in virtual time: the real store, planner and dispatchers, all else fake.

`live` is a pure function of its arguments; the same seed gives the same log, line by line.
"""

import random
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fakes import fixed, protocol, windowed
from simulated_database import SteppedDatabase, instant, memory_database, raw_connection
from simulated_fcm import FAIR, STORM, FakeFcm, SimulatedPusher
from simulated_phones import ZONES, Person, Population
from simulated_time import CALM, Hub, Process, Temper

from engine.commands import enrolling
from engine.commands.scheduling import plan_horizon
from engine.protocol import StudyProtocol, parse_protocol
from engine.records import Patient
from engine.store import Database
from prompting.decide import LEAD, Policies, decide
from prompting.dispatch import Dispatcher
from prompting.policies import UniformPolicy

POLICIES = Policies(UniformPolicy(name="adaptive", version="untrained"))
STARTS = (
    datetime(2027, 3, 27, tzinfo=UTC),  # Berlin's clocks go forward on the 28th
    datetime(2027, 3, 13, tzinfo=UTC),  # New York's on the 14th
    datetime(2027, 10, 30, tzinfo=UTC),  # Berlin's go back on the 31st
    datetime(2027, 4, 3, tzinfo=UTC),  # Lord Howe's go back by half an hour
    datetime(2027, 6, 1, tzinfo=UTC),
)
_DOCUMENTS = (
    protocol(
        windowed("09:00-12:00", "13:00-16:00", expires_after="60m", reminders=["15m"]),
        fixed("20:45", id="evening", expires_after="90m", reminders=["20m", "40m"]),
        quiet="21:30-08:00", min_gap="45m", per_day=4,
    ),
    protocol(
        fixed("08:00", "12:00", id="set", expires_after="40m"),
        fixed("12:50", id="lunch", expires_after="3h", reminders=["10m"]),
        fixed("21:10", id="night", expires_after="2h"),
        quiet="21:30-07:30", min_gap="30m", per_day=4,
    ),
    protocol(
        {"content": "checkin.momentary",
         "trigger": {"kind": "micro_randomised", "at": ["10:00", "14:00", "18:00"],
                     "probability": 0.6}},
        windowed("18:30-21:00", id="late", expires_after="45m", reminders=["10m"]),
        quiet="21:15-09:00", min_gap="60m",
    ),
)  # fmt: skip
PROTOCOLS = [parse_protocol(document) for document in _DOCUMENTS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How large, how long and how bad a simulation is."""

    persons: int = 25
    days: int = 4
    dispatchers: int = 3
    temper: Temper = field(default_factory=Temper)
    storms_a_day: float = 1.5
    clock_steps_a_day: float = 1.0
    strict_share: float = 0.5
    lively: bool = True
    mistake: Callable[[SteppedDatabase, SimulatedPusher], None] = lambda _db, _pusher: None


@dataclass(eq=False)
class World:
    """Everything in one simulation."""

    seed: int
    setting: Setting
    hub: Hub
    db: Database
    raw: sqlite3.Connection
    population: Population
    fcm: FakeFcm
    storms: list[tuple[datetime, datetime]] = field(default_factory=list)
    processes: dict[str, Process] = field(default_factory=dict)
    pushers: list[SimulatedPusher] = field(default_factory=list)
    crashes: int = 0
    ended_at: datetime | None = None

    @property
    def people(self) -> dict[UUID, Person]:
        return self.population.people

    @property
    def log(self) -> list[str]:
        return self.hub.log

    def weather(self, at: datetime) -> Mapping[str, int]:
        return STORM if any(a <= at < b for a, b in self.storms) else FAIR

    # Processes

    def start(self, name: str, body: Callable[[Process], None]) -> None:
        """Start a process that is started again some time after each crash."""
        process = Process(self.hub, name, body)
        process.on_crash = lambda: self._buried(name, body)
        self.processes[name] = process

    def _buried(self, name: str, body: Callable[[Process], None]) -> None:
        self.crashes += 1
        if name not in self.processes:
            return  # the drawing is over
        self.hub.after(self.hub.rng.expovariate(1 / 60), lambda: self.start(name, body))

    def plan(self, process: Process) -> None:
        """Plan and draw, as the product's ticks do."""
        db = SteppedDatabase(self.db, self.hub, process)
        planned_at: datetime | None = None
        while True:
            now = self.hub.clock()
            if planned_at is None or abs(now - planned_at) > timedelta(hours=6):
                plan_horizon(db, now=now)
                planned_at = now
            decide(db, POLICIES, now=self.hub.clock())
            self.poke()
            process.doze(self._true(self._opening() - LEAD, most=timedelta(hours=2)))

    def dispatch(self, process: Process) -> None:
        """Send, as the product's tick does each second; seconds with nothing to do are left out."""
        db = SteppedDatabase(self.db, self.hub, process)
        pusher = SimulatedPusher(self.hub, self.fcm, process, db)
        self.setting.mistake(db, pusher)
        self.pushers.append(pusher)
        dispatcher = Dispatcher(
            db=db,
            pusher=pusher,
            clock=self.hub.clock,
            owner=f"{process.name}-{self.hub.seq}",
        )
        while True:
            if self._due() <= self.hub.clock():
                dispatcher.tick()
                pusher.all_recorded()
            closed_until = pusher.open_until(self.hub.true)
            process.doze(max(self._true(self._due()), closed_until or self.hub.true))

    def poke(self) -> None:
        """Let dozing dispatchers know that something may have become due sooner."""
        at = self._true(self._due())
        for name, process in self.processes.items():
            if name != "planner":
                process.rouse(at)

    def _true(self, reading: datetime, most: timedelta = timedelta(hours=6)) -> datetime:
        """Return the next whole tick at which clocks will show that."""
        wait = min(max(reading - self.hub.clock(), timedelta(seconds=1)), most)
        return self.hub.true + wait + timedelta(seconds=self.hub.rng.random() ** 3)

    def _due(self) -> datetime:
        (found,) = self.raw.execute(_DUE).fetchone()
        return instant(found) or self.hub.clock() + timedelta(hours=6)

    def _opening(self) -> datetime:
        (found,) = self.raw.execute(_OPENING).fetchone()
        return instant(found) or self.hub.clock() + timedelta(hours=6)


_DUE = """
    SELECT min(at) FROM (
        SELECT min(lease_until) AS at FROM prompts WHERE state = 'sending'
        UNION ALL
        SELECT min(max(due_at, coalesce(next_try_at, due_at))) FROM prompts
        WHERE ((state IN ('planned', 'retry') AND decided_at IS NOT NULL)
            OR (state = 'unknown' AND next_try_at IS NOT NULL))
        UNION ALL
        SELECT min(expires_at) FROM prompts
        WHERE ((state IN ('planned', 'retry') AND decided_at IS NOT NULL)
            OR (state = 'unknown' AND next_try_at IS NOT NULL))
    )
"""
_OPENING = "SELECT min(start_at) FROM prompts WHERE state = 'planned' AND decided_at IS NULL"


def empty_world(
    seed: int, setting: Setting, start_at: datetime, kind: type[World] = World
) -> World:
    """Return a world in which nobody lives and nothing runs yet."""
    hub = Hub(start_at, random.Random(seed))
    hub.temper = setting.temper
    db = memory_database()
    population = Population(hub, db, lively=setting.lively)
    fcm = FakeFcm(hub, population.deliver, lambda at: world.weather(at))
    world = kind(seed, setting, hub, db, raw_connection(db), population, fcm)
    population.fcm, population.poke = fcm, world.poke
    return world


def live(seed: int, setting: Setting = Setting()) -> World:
    """Live through a simulation and let everything that is under way end; return its world."""
    rng = random.Random(seed)
    world = empty_world(seed, setting, rng.choice(STARTS))
    homes = [rng.choice(ZONES)] * 9 + [rng.choice(ZONES)]
    for _ in range(setting.persons):
        strict = rng.random() < setting.strict_share
        person = add_person(world, rng.choice(PROTOCOLS), zone=rng.choice(homes), strict=strict)
        if rng.random() < 0.15:  # a tablet, left in another zone; the phone is newer
            world.population.add_phone(person, rng.choice(ZONES))
            world.hub.true += timedelta(seconds=1)
        world.population.add_phone(person, person.confirmed)
    _plan_mischief(world)
    run(world, timedelta(days=setting.days))
    return world


def run(world: World, length: timedelta) -> None:
    """Let the product's processes run for so long, and then everything under way end."""
    world.start("planner", world.plan)
    for number in range(world.setting.dispatchers):
        world.start(f"worker-{number + 1}", world.dispatch)
    world.hub.run(world.hub.start_at + length)
    _drain(world)


def add_person(world: World, document: StudyProtocol, *, zone: str, strict: bool) -> Person:
    """Enrol a patient, who has no phone yet."""
    number = len(world.people) + 1
    patient = Patient(
        id=UUID(int=number), name=f"P-{number:03}", zone=zone, created_at=world.hub.clock()
    )
    course = enrolling.Course(
        protocol=document, seed=world.hub.rng.getrandbits(50), control_share=0.2
    )
    enrolling.add_patient(
        world.db, patient, course, therapist_ids=[], by="t", enrolment_id=UUID(int=0xE000 + number)
    )
    person = Person(patient.id, patient.name, document, strict=strict, confirmed=zone)
    world.people[person.id] = person
    return person


def _plan_mischief(world: World) -> None:
    """Draw when FCM is in trouble, clocks step, patients travel, reinstall and are off line."""
    hub, rng, setting = world.hub, world.hub.rng, world.setting
    length = setting.days * 86_400
    for _ in range(round(setting.storms_a_day * setting.days)):
        begin = hub.start_at + timedelta(seconds=rng.uniform(0, length))
        world.storms.append((begin, begin + timedelta(minutes=rng.uniform(2, 40))))
    for _ in range(round(setting.clock_steps_a_day * setting.days)):
        step = timedelta(seconds=rng.choice((-3600, -90, -30, 30, 90, 3600)))
        begin = rng.uniform(0, length)
        hub.after(begin, lambda step=step: _step_clock(world, step))
        hub.after(begin + rng.uniform(60, 7200), lambda: _step_clock(world, timedelta(0)))
    for person in world.people.values():
        _plan_life(world, person, length)


def _plan_life(world: World, person: Person, length: float) -> None:
    hub, rng, population = world.hub, world.hub.rng, world.population
    if rng.random() < 0.25:
        zone = rng.choice(ZONES)
        hub.after(rng.uniform(0, length), lambda: population.travel(person, zone))
    if rng.random() < 0.2:
        hub.after(rng.uniform(0, length), lambda: population.reinstall(person))
    if rng.random() < 0.2:
        hub.after(rng.uniform(0, length), lambda: population.refresh_token(person))
    for _ in range(rng.randint(0, 3)):
        seconds = rng.expovariate(1 / 3600)
        hub.after(rng.uniform(0, length), lambda s=seconds: population.go_offline(person, s))


def _step_clock(world: World, offset: timedelta) -> None:
    world.hub.offset = offset
    world.hub.note(f"clocks are off by {offset.total_seconds():+.0f} s")
    for process in world.processes.values():
        process.rouse(world.hub.true + timedelta(seconds=1))


def _drain(world: World) -> None:
    """Let it end in peace: no faults any more, nothing new drawn, until nothing is under way."""
    hub = world.hub
    world.ended_at = hub.clock() - timedelta(minutes=30)
    hub.temper, hub.offset = CALM, timedelta(0)
    world.storms.clear()
    world.processes.pop("planner").kill()
    for _, phone in world.population.by_token.values():
        world.population.go_online(phone)
    for process in world.processes.values():
        process.rouse(hub.true + timedelta(seconds=1))
    hub.run(hub.true + timedelta(hours=14))
