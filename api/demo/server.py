"""The demo's API in a process of its own, as phones see it: over HTTP, on the virtual clock."""

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

from api.limiter import Limiter
from api.serving import api_app
from engine.settings import Settings
from engine.store import open_database
from prompting.serving import served

START_SECONDS = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_spawn = multiprocessing.get_context("spawn")


class SharedClock:
    """A virtual clock that two processes read and one moves."""

    def __init__(self, start_at: datetime) -> None:
        self._micros: Synchronized[int] = _spawn.Value("q", (start_at - _EPOCH) // _MICROSECOND)

    def __call__(self) -> datetime:
        """Return the virtual instant."""
        return _EPOCH + self._micros.value * _MICROSECOND

    def move_to(self, at: datetime) -> None:
        """Move forward to `at`. Raises ValueError if that lies before the current instant."""
        if at < self():
            raise ValueError(f"a clock does not go back: {at} is before {self()}")
        self._micros.value = (at - _EPOCH) // _MICROSECOND


@contextmanager
def served_elsewhere(settings: Settings, clock: SharedClock) -> Iterator[str]:
    """Yield the base URL of the API, served by a process that ends with the block.

    Raises RuntimeError when it does not start.
    """
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=_serve, args=(settings, clock, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_SECONDS):
            raise RuntimeError("the demo's API did not start")
        yield ours.recv()
    except EOFError as error:
        raise RuntimeError("the demo's API ended while starting") from error
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.terminate()


def _serve(settings: Settings, clock: SharedClock, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    db = open_database(settings.database_url)
    limiter = Limiter(tries_per_minute=10_000)  # all phones of the demo share one address
    with served(api_app(settings, db, clock=clock, limiter=limiter)) as url:
        pipe.send(url)
        pipe.poll(None)
    db.close()
