"""Putting the parts of a worker together; none of them knows the web."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.settings import Settings
from engine.store import Database
from engine.store.server_time import shared_clock
from prompting.pusher import pusher_from
from prompting.ticks import build_ticks
from prompting.worker import Worker


@contextmanager
def running_worker(
    settings: Settings, db: Database, *, emulator_url: str | None = None
) -> Iterator[Worker]:
    """Yield a worker that runs until the block ends."""
    pusher = pusher_from(settings, emulator_url=emulator_url)
    worker = Worker(build_ticks(settings, db, pusher, shared_clock(db)))
    try:
        worker.start()
        yield worker
    finally:
        worker.stop()
        pusher.close()
