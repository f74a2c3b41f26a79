"""Letting days pass: the virtual clock moves, the ticks run, the phones do what people do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from api.demo.clinic import CHECKIN, SET_TIMES, SLOT_MINUTES, ZONE, Member
from api.demo.outside import Outside, OutsideFailed, SharedClock
from api.demo.phones import Arrival
from engine.localtime import resolve, zone
from engine.store import reports
from models.simulation.ema import PER_BLOCK, EmaWorld
from prompting.fcm.emulator.app import EmulatorApp
from prompting.fcm.emulator.log import ACCEPTED
from prompting.ticks import Ticks

STEP = timedelta(minutes=SLOT_MINUTES)
FIRST, LAST = time(8, 0), time(23, 30)
NIGHT_HOURS = 7
"""Hours after midnight that are lived through; the last night ends at midnight, with today."""
OTHERS_ANSWER = 0.7
"""How often prompts at set times are answered; the world knows only the windows."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Life:
    """Everything that moves while days pass."""

    clock: SharedClock
    ticks: Ticks
    emulator: EmulatorApp
    outside: Outside
    world: EmaWorld
    members: Sequence[Member]
    seed: int
    first_day: date
    tokens: list[str] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    seen: int = 0

    def live(self, days: int, progress: Progress) -> None:
        """Let `days` local days pass, from the first on; tell `progress` after each."""
        self.tokens = self.outside.enrol(self.members)
        self._warm_up()
        for day in range(days):
            self._day(day)
            self._night(day, until_hour=1 if day == days - 1 else NIGHT_HOURS)
            progress(day + 1)

    def _warm_up(self) -> None:
        """Bring the world, whose day 0 is a Monday, to the weekday we begin on."""
        rng = np.random.default_rng([self.seed, 5])
        for day in range(self.first_day.weekday()):
            for block in range(len(self.world.blocks)):
                self.world.respond(day, block, rng.integers(0, PER_BLOCK, len(self.members)))

    def _day(self, day: int) -> None:
        today = self.first_day + timedelta(days=day)
        plans: dict[UUID, float | None] = {}
        self.ticks.plan()
        for at in _instants(today):
            self._visits(at)
            block = self._block(at)
            if block is not None:
                self.outside.finish_visits()
                self.ticks.learn()
                self.ticks.decide()
                plans |= self._ask_world(today, day, block)
            # Nothing is drawn from here on, so what phones report bears on nothing that is sent.
            self.ticks.decide()
            self.ticks.dispatch()
            self.outside.finish_visits()
            self._collect(plans)

    def _visits(self, at: datetime) -> None:
        self.clock.move_to(at)
        self.outside.begin_visits(at, self.arrivals)
        self.arrivals = []

    def _block(self, at: datetime) -> int | None:
        """Return the block of the world that opens at this instant, if one does."""
        hour = _local_hour(at)
        opening = [self.world.slot_hours[block][0] for block in self.world.blocks]
        return opening.index(hour) if hour in opening else None

    def _collect(self, plans: dict[UUID, float | None]) -> None:
        """Hand on what the emulator took since the last time to the phones it is for."""
        for entry in self.emulator.log.after(self.seen):
            self.seen = entry.seq
            if entry.outcome != ACCEPTED or entry.token is None or entry.prompt_id is None:
                raise OutsideFailed(f"the emulator refused a push: {entry.outcome}")
            phone, prompt = self.tokens.index(entry.token), UUID(entry.prompt_id)
            self.arrivals.append(
                Arrival(entry.at, phone, prompt, self._delay(phone, prompt, plans))
            )

    def _night(self, day: int, *, until_hour: int) -> None:
        tomorrow = self.first_day + timedelta(days=day + 1)
        for hour in range(until_hour):
            at = resolve(tomorrow, time(hour, 0), zone(ZONE))
            if at is None or at < self.clock():
                continue
            self._visits(at)
            self.outside.finish_visits()
            self.ticks.learn()
            self.ticks.refit()
            if hour == 0:
                self.ticks.plan()

    def _ask_world(self, today: date, day: int, block: int) -> dict[UUID, float | None]:
        """Ask the world how everybody takes the prompt drawn for them in this block."""
        with self.ticks.db.read() as tx:
            drawn = reports.drawn_on(tx, today, CHECKIN)
        return self._respond(day + self.first_day.weekday(), block, drawn)

    def _respond(
        self,
        day: int,
        block: int,
        drawn: dict[tuple[UUID, UUID], tuple[int, datetime]],
    ) -> dict[UUID, float | None]:
        mine = {
            patient: (prompt, at)
            for (patient, prompt), (window, at) in drawn.items()
            if window == block
        }
        hours = self.world.slot_hours[self.world.blocks[block]]
        slots = np.zeros(len(self.members), dtype=np.int64)
        for number, member in enumerate(self.members):
            if member.patient.id in mine:
                slots[number] = _slot(mine[member.patient.id][1], hours)
        answered, delay, _ = self.world.respond(day, block, slots)
        return {
            mine[member.patient.id][0]: float(delay[number]) if answered[number] else None
            for number, member in enumerate(self.members)
            if member.patient.id in mine
        }

    def _delay(self, phone: int, prompt: UUID, plans: dict[UUID, float | None]) -> float | None:
        if prompt in plans:
            return plans[prompt]
        rng = np.random.default_rng([self.seed, phone, prompt.int & 0xFFFFFFFF])
        return float(rng.lognormal(2.0, 0.8)) if rng.random() < OTHERS_ANSWER else None


def _instants(today: date) -> list[datetime]:
    """Return the UTC instants of the day at which something may be due, in order."""
    first, last, *others = (resolve(today, at, zone(ZONE)) for at in (FIRST, LAST, *SET_TIMES))
    if first is None or last is None:
        return []
    steps = {first + step * STEP for step in range((last - first) // STEP + 1)}
    return sorted(steps | {at for at in others if at is not None})


def _slot(at: datetime, hours: NDArray[np.float64]) -> int:
    return int(np.clip(round((_local_hour(at) - hours[0]) * 60 / SLOT_MINUTES), 0, PER_BLOCK - 1))


def _local_hour(at: datetime) -> float:
    local = at.astimezone(zone(ZONE))
    return local.hour + local.minute / 60
