"""A regular job on a thread of its own: woken by whoever likes, never run twice at once.

A job that fails is logged and tried again when it is next woken. One that hangs, or has failed for
long, can be told from outside by `trouble`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

Seconds = Callable[[], float]
"""A clock that never steps, in seconds."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a job. `hangs` says that its thread does not come back."""

    job: str
    hangs: bool
    seconds: float

    def __str__(self) -> str:
        """Return it in words."""
        what = "has been running for" if self.hangs else "has not succeeded for"
        return f"the {self.job} tick {what} {self.seconds:.0f} s"


class Job:
    """Calls `run` in a thread each time it is woken, until stopped.

    `patience` are the seconds it may take, or go without success, before that is trouble.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], object],
        *,
        patience: float,
        seconds: Seconds = time.monotonic,
    ) -> None:
        self.name = name
        self._run = run
        self._patience = patience
        self._seconds = seconds
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"tick-{name}", daemon=True)
        self._began: float | None = None
        self._well_at = seconds()

    def start(self) -> None:
        """Start the thread; it waits to be woken."""
        self._well_at = self._seconds()
        self._thread.start()

    def wake(self) -> None:
        """Run soon: now, or once more right after the present run."""
        self._woken.set()

    def stop(self) -> None:
        """Run no more; a present run goes on to its end."""
        self._stopped.set()
        self._woken.set()

    def ended(self, within: float) -> bool:
        """Wait up to `within` seconds; return whether the thread has ended."""
        if self._thread.is_alive():
            self._thread.join(max(within, 0.0))
        return not self._thread.is_alive()

    def unwell_for(self) -> float:
        """Return for how many seconds it has not succeeded."""
        return max(self._seconds() - self._well_at, 0.0)

    def trouble(self) -> Trouble | None:
        """Return what is wrong at this moment, if anything."""
        now, began = self._seconds(), self._began
        since = self._well_at if began is None else began
        if now - since <= self._patience:
            return None
        return Trouble(self.name, hangs=began is not None, seconds=now - since)

    def _loop(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            if self._stopped.is_set():
                return
            self._once()

    def _once(self) -> None:
        self._began = self._seconds()
        try:
            self._run()
        except Exception:  # the regular jobs must go on, whatever failed in one run
            log.exception("the %s tick failed and will be tried again", self.name)
        else:
            self._well_at = self._seconds()
        finally:
            self._began = None
