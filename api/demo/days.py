"""Letting days pass: the virtual clock moves, the ticks run, the phones do what people do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from api.demo.clinic import CHECKIN, SET_TIMES, SLOT_MINUTES, ZONE, Member
from api.demo.phones import Message, Phone, Phones
from api.demo.server import SharedClock
from engine.localtime import resolve, zone
from engine.store import reports
from models.simulation.ema import PER_BLOCK, EmaWorld
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
    phones: Phones
    world: EmaWorld
    members: Sequence[Member]
    seed: int
    first_day: date

    async def live(self, days: int, progress: Progress) -> None:
        """Let `days` local days pass, from the first on; tell `progress` after each."""
        await self.phones.enrol(self.members)
        self._warm_up()
        try:
            for day in range(days):
                await self._day(day)
                await self._night(day, until_hour=1 if day == days - 1 else NIGHT_HOURS)
                progress(day + 1)
        finally:
            await self.phones.close()

    def _warm_up(self) -> None:
        """Bring the world, whose day 0 is a Monday, to the weekday we begin on."""
        rng = np.random.default_rng([self.seed, 5])
        for day in range(self.first_day.weekday()):
            for block in range(len(self.world.blocks)):
                self.world.respond(day, block, rng.integers(0, PER_BLOCK, len(self.members)))

    async def _day(self, day: int) -> None:
        today = self.first_day + timedelta(days=day)
        plans: dict[UUID, float | None] = {}
        asked: set[int] = set()
        await asyncio.to_thread(self.ticks.plan)
        for at in _instants(today):
            self.clock.move_to(at)
            visits = asyncio.create_task(self.phones.make_visits(at))
            if self._opens_windows(at):
                await visits
                await asyncio.to_thread(self.ticks.learn)
            # Where nothing is drawn, what phones report now bears on nothing that is sent now.
            plans |= await asyncio.to_thread(self._decide_and_send, today, day, asked)
            await visits
            for phone, message in await self.phones.collect():
                self.phones.expect(phone, message, self._delay(phone, message, plans))

    def _opens_windows(self, at: datetime) -> bool:
        hour = _local_hour(at)
        return any(hour == self.world.slot_hours[block][0] for block in self.world.blocks)

    def _decide_and_send(self, today: date, day: int, asked: set[int]) -> dict[UUID, float | None]:
        self.ticks.decide()
        plans = self._ask_world(today, day, asked)
        self.ticks.dispatch()
        return plans

    async def _night(self, day: int, *, until_hour: int) -> None:
        tomorrow = self.first_day + timedelta(days=day + 1)
        for hour in range(until_hour):
            at = resolve(tomorrow, time(hour, 0), zone(ZONE))
            if at is None or at < self.clock():
                continue
            self.clock.move_to(at)
            await self.phones.make_visits(at)
            await asyncio.to_thread(self.ticks.learn)
            await asyncio.to_thread(self.ticks.refit)
            if hour == 0:
                await asyncio.to_thread(self.ticks.plan)

    def _ask_world(self, today: date, day: int, asked: set[int]) -> dict[UUID, float | None]:
        """Ask the world, once a block, how everybody takes the prompt drawn for them."""
        if len(asked) == len(self.world.blocks):
            return {}
        with self.ticks.db.read() as tx:
            drawn = reports.drawn_on(tx, today, CHECKIN)
        answers: dict[UUID, float | None] = {}
        for block in sorted({window for window, _ in drawn.values()} - asked):
            asked.add(block)
            answers |= self._respond(day + self.first_day.weekday(), block, today, drawn)
        return answers

    def _respond(
        self,
        day: int,
        block: int,
        today: date,
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

    def _delay(
        self, phone: Phone, message: Message, plans: dict[UUID, float | None]
    ) -> float | None:
        if message.prompt_id in plans:
            return plans[message.prompt_id]
        rng = np.random.default_rng([self.seed, phone.number, message.prompt_id.int & 0xFFFFFFFF])
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
