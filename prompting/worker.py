"""The worker: APScheduler wakes the ticks; our own tables say what is due.

The scheduler keeps its jobs in memory and knows no patient's time: at a steady interval it wakes
each tick, which runs on a thread of its own, never twice at once. What became due while a worker
was busy or away is found by the next tick, so missed wake-ups need no making up for.
"""

import logging
import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime

from apscheduler.schedulers.background import BackgroundScheduler

from engine.interpreter import settle_in
from engine.release import release
from engine.store import workers
from prompting.jobs import Job
from prompting.ticks import Ticks
from prompting.watchdog import Watchdog, round_seconds, systemd

log = logging.getLogger(__name__)

DRAIN_SECONDS = 50.0
"""How long a worker that was told to end waits for what it is sending: less than a lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How many seconds lie between two calls of each tick."""

    plan: float = 60
    decide: float = 1
    dispatch: float = 0.25
    learn: float = 60
    refit: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many seconds each tick may take, or go without success, before that is trouble."""

    plan: float = 600
    decide: float = 120
    dispatch: float = 90
    learn: float = 600
    refit: float = 3600


class Worker:
    """Runs the ticks on the real clock until stopped."""

    def __init__(
        self, ticks: Ticks, rhythm: Rhythm = Rhythm(), patience: Patience = Patience()
    ) -> None:
        self._ticks = ticks
        self._dispatch = Job("dispatch", ticks.dispatch, patience=patience.dispatch)
        self._jobs = {
            "plan": Job("plan", ticks.plan, patience=patience.plan),
            "decide": Job("decide", self._decide, patience=patience.decide),
            "dispatch": self._dispatch,
            "learn": Job("learn", ticks.learn, patience=patience.learn),
            "refit": Job("refit", ticks.refit, patience=patience.refit),
        }
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1}
        )
        for name, job in self._jobs.items():
            self._scheduler.add_job(
                job.wake,
                "interval",
                seconds=getattr(rhythm, name),
                id=name,
                misfire_grace_time=None,
            )
        self._watchdog = Watchdog(
            list(self._jobs.values()), self._report, systemd(), every=round_seconds()
        )

    def start(self) -> None:
        """Plan and decide once, then go on in the background."""
        self._ticks.plan()
        self._ticks.decide()
        settle_in()
        for job in self._jobs.values():
            job.start()
        self._scheduler.start()
        self._watchdog.start()

    def stop(self, within: float = DRAIN_SECONDS) -> bool:
        """Claim nothing more, let running ticks finish, then end; return whether all did in time.

        A tick that has not ended `within` these seconds is left behind. What it was sending stays
        on record as such, and ends as unknown when its lease runs out.
        """
        deadline = time.monotonic() + within
        self._ticks.dispatcher.draining.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for job in self._jobs.values():
            job.stop()
        left = [
            name for name, job in self._jobs.items() if not job.ended(deadline - time.monotonic())
        ]
        if left:
            log.error("these ticks did not end in %.0f s: %s", within, ", ".join(left))
        self._watchdog.stop(deadline - time.monotonic())
        workers.leave(self._ticks.db, self._ticks.dispatcher.owner)
        return not left

    def _decide(self) -> None:
        if self._ticks.decide():
            self._dispatch.wake()  # what was drawn may be due at this very moment

    def _report(self, stalled: str | None) -> None:
        with self._ticks.db.write() as tx:
            now = self._ticks.clock()
            workers.beat(tx, self._ticks.dispatcher.owner, stalled, now=now, told=self._told(now))

    def _told(self, now: datetime) -> workers.Beat:
        return workers.Beat(
            host=socket.gethostname(),
            pid=os.getpid(),
            version=release(),
            open_until=self._ticks.dispatcher.pusher.open_until(now),
            ticks={name: round(job.unwell_for(), 1) for name, job in self._jobs.items()},
        )
