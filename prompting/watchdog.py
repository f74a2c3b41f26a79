"""Watching the regular jobs: what stands still is logged, written down, and told to systemd.

The sign of life in the database is what `/ready` reads; systemd's watchdog restarts a worker in
which a job hangs. A job that only fails is not restarted for: the fault lies elsewhere.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence

from prompting.jobs import Job, Trouble

log = logging.getLogger(__name__)

ROUND_SECONDS = 5.0
"""How often is looked; a third of the shortest patience, and well below what `/ready` waits for."""


class Watchdog:
    """Looks at jobs in rounds, on a thread of its own.

    `report` is told each round what stands still, None for nothing; `tell` speaks to systemd.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        report: Callable[[str | None], None],
        tell: Callable[[str], None],
        *,
        every: float = ROUND_SECONDS,
    ) -> None:
        self._jobs = jobs
        self._report = report
        self._tell = tell
        self._every = every
        self._known: frozenset[str] = frozenset()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="watchdog", daemon=True)

    def start(self) -> None:
        """Say that the worker is ready, and begin."""
        self._tell("READY=1")
        self._thread.start()

    def stop(self, within: float) -> None:
        """Say that the worker ends, and end."""
        self._tell("STOPPING=1")
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(max(within, 0.0))

    def look(self) -> list[Trouble]:
        """Go one round; return what is wrong."""
        found = [trouble for job in self._jobs if (trouble := job.trouble())]
        names = frozenset(trouble.job for trouble in found)
        for trouble in found:
            if trouble.job not in self._known:
                log.error("%s", trouble)
        for name in sorted(self._known - names):
            log.warning("the %s tick goes on again", name)
        self._known = names
        if not any(trouble.hangs for trouble in found):
            self._tell("WATCHDOG=1")
        self._report("; ".join(str(trouble) for trouble in found) or None)
        return found

    def _loop(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # a round that fails, as without a database, must not be the last
                log.exception("the watchdog could not report and will try again")
            if self._stopped.wait(self._every):
                return


def systemd(environment: Mapping[str, str] = os.environ) -> Callable[[str], None]:
    """Return how to tell systemd of a service's state; does nothing where it did not start us.

    Source: sd_notify(3). `NOTIFY_SOCKET` names a datagram socket, with @ for an abstract one.
    """
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return lambda _state: None
    path = "\0" + address[1:] if address.startswith("@") else address

    def tell(state: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.connect(path)
                channel.sendall(state.encode())
        except OSError as error:
            log.warning("systemd cannot be told %s: %s", state, error.strerror)

    return tell


def round_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """Return how often to look: twice in the time after which systemd would restart us."""
    limit = environment.get("WATCHDOG_USEC", "")
    if not limit.isdecimal() or int(limit) == 0:
        return ROUND_SECONDS
    return min(ROUND_SECONDS, int(limit) / 2_000_000)
