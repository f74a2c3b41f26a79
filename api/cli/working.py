"""`worker`: a worker by itself, which holds nothing of API and pages."""

import signal
import threading

from api.cli.environment import ready_database, settings_given
from api.cli.output import Failed, err
from api.working import running_worker


def worker() -> None:
    """Plan, decide, send and learn until stopped; any number may run on PostgreSQL."""
    settings = settings_given()
    db = ready_database(settings)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        with running_worker(settings, db):
            err.print("The worker runs; Ctrl-C ends it.")
            done.wait()
    except ValueError as error:
        raise Failed(str(error)) from error
    finally:
        db.close()
