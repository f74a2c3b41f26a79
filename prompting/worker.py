"""The worker: APScheduler wakes the ticks; our own tables say what is due.

The scheduler keeps its jobs in memory and knows no patient's time: it only calls each tick at a
steady interval, never two of the same at once, and makes up for no missed calls.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from apscheduler.schedulers.background import BackgroundScheduler

from prompting.ticks import Ticks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How many seconds lie between two calls of each tick."""

    plan: float = 60
    decide: float = 5
    dispatch: float = 1
    learn: float = 60
    refit: float = 600


class Worker:
    """Runs the ticks on the real clock until stopped."""

    def __init__(self, ticks: Ticks, rhythm: Rhythm = Rhythm()) -> None:
        self._ticks = ticks
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1}
        )
        self._add(ticks.plan, rhythm.plan)
        self._add(ticks.decide, rhythm.decide)
        self._add(ticks.dispatch, rhythm.dispatch)
        self._add(ticks.learn, rhythm.learn)
        self._add(ticks.refit, rhythm.refit)

    def _add(self, tick: Callable[[], object], seconds: float) -> None:
        self._scheduler.add_job(
            _logged(tick), "interval", seconds=seconds, id=tick.__name__, misfire_grace_time=None
        )

    def start(self) -> None:
        """Plan and decide once, then go on in the background."""
        self._ticks.plan()
        self._ticks.decide()
        self._scheduler.start()

    def stop(self) -> None:
        """Let running ticks finish, then end."""
        self._scheduler.shutdown(wait=True)


def _logged(tick: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            tick()
        except Exception:
            log.exception("the %s tick failed and will be tried again", tick.__name__)

    run.__name__ = tick.__name__
    return run
