"""One way of sending in a process of its own, so that its CPU time and memory are its own.

`python -m benchmarks.measured --way ours ...` prints one JSON object.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.filling import add_due, token
from benchmarks.processes import READY
from benchmarks.senders import DateJobs, SendEach, SendOne
from engine.clock import system_clock
from engine.collector import spare_the_collector
from engine.settings import EMULATOR_PROJECT, Settings
from engine.store import open_database
from prompting.fcm.connections import Limits
from prompting.pusher import FcmPusher, Pusher
from prompting.ticks import build_ticks
from prompting.worker import Worker

WARM_UP = 50
"""Prompts sent before the clock starts."""
_SINCE = timedelta(seconds=1)


def _ours(given: argparse.Namespace) -> FcmPusher:
    limits = Limits(trusted_pem=given.authority.read_bytes())
    return FcmPusher(given.secure, EMULATOR_PROJECT, None, limits=limits)


def _dispatch(given: argparse.Namespace, pusher: Pusher) -> dict[str, Any]:
    """Return the rate of one tick of the real dispatcher over all that is due.

    A first tick over `WARM_UP` prompts goes before it: statements are written and connections
    opened once in the life of a worker, and what that costs would depend on `messages`.
    """
    db = open_database(given.database_url)
    ticks = build_ticks(Settings(), db, pusher, system_clock)
    spare_the_collector()
    since = system_clock() - _SINCE
    warm = range(given.first, given.first + WARM_UP)
    add_due(db, warm, due_at=since)
    ticks.dispatch()
    add_due(db, range(warm.stop, warm.stop + given.messages), due_at=since)
    cpu, began = time.process_time(), time.perf_counter()
    sent = ticks.dispatch()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    pusher.close()
    db.close()
    return _figures(sent.accepted, seconds, cpu)


def _date_jobs(given: argparse.Namespace) -> dict[str, Any]:
    """Return the rate at which date jobs that are all due fire and send."""
    jobs = DateJobs(given.plain, given.database_url)
    tokens = [token(number) for number in range(given.messages)]
    jobs.add(tokens, system_clock() - _SINCE)
    cpu = time.process_time()
    seconds = jobs.run()
    cpu = time.process_time() - cpu
    jobs.close()
    return _figures(given.messages, seconds, cpu)


def _worker(given: argparse.Namespace) -> dict[str, Any]:
    """Run the real worker until stdin ends; return what its process used."""
    db = open_database(given.database_url)
    pusher = _ours(given)
    worker = Worker(build_ticks(Settings(), db, pusher, system_clock))
    worker.start()
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    worker.stop()
    pusher.close()
    db.close()
    return {"peak_rss_mb": _peak_rss_mb()}


WAYS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "ours": lambda given: _dispatch(given, _ours(given)),
    "send_each": lambda given: _dispatch(given, SendEach(given.plain)),
    "send": lambda given: _dispatch(given, SendOne(given.plain)),
    "date_jobs": _date_jobs,
    "worker": _worker,
}


def _figures(messages: int, seconds: float, cpu_seconds: float) -> dict[str, Any]:
    return {
        "messages": messages,
        "rate": round(messages / seconds, 1),
        "cpu_us": round(cpu_seconds / max(messages, 1) * 1e6, 1),
        "peak_rss_mb": _peak_rss_mb(),
    }


def _peak_rss_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Measure one way."""
    parser = argparse.ArgumentParser(prog="benchmarks.measured", description=__doc__)
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--secure", required=True, help="stand-in over TLS")
    parser.add_argument("--plain", required=True, help="stand-in in plain text")
    parser.add_argument("--authority", type=Path, required=True, help="PEM to trust")
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first patient")
    given = parser.parse_args()
    sys.stdout.write(json.dumps(WAYS[given.way](given)) + "\n")


if __name__ == "__main__":
    main()
