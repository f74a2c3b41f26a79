"""The demo from beginning to end: set up, live, count."""

import time
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from api.demo.clinic import ZONE, add_member, add_newcomer, add_therapist
from api.demo.days import Life, Progress
from api.demo.figures import figures
from api.demo.outside import SharedClock, outside
from api.services import Services
from content.library import Library
from engine.clock import system_clock
from engine.interpreter import settle_in
from engine.localtime import resolve, zone
from engine.records import Clinician
from engine.settings import Settings
from engine.store import migrate, open_database
from models.simulation import ema
from prompting.fcm.emulator.app import build_emulator
from prompting.pusher import pusher_from
from prompting.serving import served
from prompting.ticks import build_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What is asked for, and where the clinic's database and the emulator's log go."""

    patients: int
    days: int
    seed: int
    folder: Path

    @property
    def database_url(self) -> str:
        """Address of the demo's database."""
        return f"sqlite:///{self.folder / 'demo.db'}"

    @property
    def log(self) -> Path:
        """The emulator's log, one JSON line a message."""
        return self.folder / "demo-fcm.jsonl"

    def clear(self) -> None:
        """Remove what an earlier run left. Raises OSError where that is not allowed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("demo.db*"):
            path.unlink()
        self.log.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Lived:
    """The result: figures, and the code that lets a newcomer's browser in."""

    figures: dict[str, Any]
    newcomer_code: str


def run_demo(demo: Demo, settings: Settings, *, zone_name: str, on_day: Progress) -> Lived:
    """Make the clinic, let its days pass up to last midnight, and count.

    `zone_name` is the newcomer's own time zone; `on_day` is told the number of days lived. Raises
    OSError and DatabaseUnusable when the folder cannot be written.
    """
    began = time.monotonic()
    demo.clear()
    settle_in()
    settings = settings.model_copy(
        update={"database_url": demo.database_url, "fcm_credentials": None, "fcm_endpoint": None}
    )
    db = open_database(demo.database_url)
    migrate(db)
    first_day = system_clock().astimezone(zone(ZONE)).date() - timedelta(days=demo.days)
    clock = SharedClock(_midnight(first_day))
    services = Services(db=db, clock=clock, settings=settings, library=Library.builtin())
    therapist = add_therapist(services)
    _live(demo, services, therapist, clock, first_day, on_day)
    on_real_clock = replace(services, clock=system_clock)
    newcomer = add_newcomer(on_real_clock, therapist, zone_name, demo.seed)
    seconds = time.monotonic() - began
    found = figures(db, demo.log, patients=demo.patients, days=demo.days, seconds=seconds)
    db.close()
    return Lived(found, newcomer.code)


def _live(
    demo: Demo,
    services: Services,
    therapist: Clinician,
    clock: SharedClock,
    first_day: date,
    on_day: Progress,
) -> None:
    emulator = build_emulator(clock=clock, log_path=demo.log)
    with (
        served(emulator) as emulator_url,
        outside(services.settings, clock, emulator_url=emulator_url, seed=demo.seed) as way,
    ):
        # Patients are added while the processes outside start.
        numbers = range(1, demo.patients + 1)
        members = [add_member(services, therapist, number, demo.seed) for number in numbers]
        pusher = pusher_from(services.settings, emulator_url=emulator_url)
        life = Life(
            clock=clock,
            ticks=build_ticks(services.settings, services.db, pusher, clock),
            emulator=emulator,
            outside=way,
            world=ema.make(demo.patients, demo.days + 7, demo.seed),
            members=members,
            seed=demo.seed,
            first_day=first_day,
        )
        try:
            life.live(demo.days, on_day)
        finally:
            pusher.close()


def _midnight(day: date) -> datetime:
    at = resolve(day, datetime.min.time(), zone(ZONE))
    if at is None:
        raise ValueError(f"{day} has no midnight in {ZONE}")
    return at
