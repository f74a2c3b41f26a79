"""The worker: APScheduler wakes the ticks; our own tables say what is due.

The scheduler keeps its jobs in memory and knows no patient's time: it only calls each tick at a
steady interval, never two of the same at once, and makes up for no missed calls.
"""

import logging
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

from prompting.ticks import Ticks

log = logging.getLogger(__name__)

PLAN_SECONDS = 60
DECIDE_SECONDS = 5
DISPATCH_SECONDS = 1
LEARN_SECONDS = 60
REFIT_SECONDS = 600


class Worker:
    """Runs the ticks on the real clock until stopped."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1}
        )
        self._add(ticks.plan, PLAN_SECONDS)
        self._add(ticks.decide, DECIDE_SECONDS)
        self._add(ticks.dispatch, DISPATCH_SECONDS)
        self._add(ticks.learn, LEARN_SECONDS)
        self._add(ticks.refit, REFIT_SECONDS)

    def _add(self, tick: Callable[[], object], seconds: int) -> None:
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
