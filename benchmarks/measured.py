"""One way of sending in a process of its own, so that its CPU time and memory are its own.

`python -m benchmarks.measured --way ours ...` prints one JSON object.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.filling import add_due, token
from benchmarks.processes import READY
from engine.batches import batches
from engine.clock import system_clock
from engine.interpreter import settle_in
from engine.settings import EMULATOR_PROJECT, Settings
from engine.store import open_database
from prompting.fcm.bucket import DEFAULT_PER_MINUTE
from prompting.fcm.limits import Limits
from prompting.fcm.sender.process import SenderProcess
from prompting.pusher import Pusher
from prompting.ticks import build_ticks
from prompting.worker import Worker

WARM_UP = 60
"""Prompts sent before the clock starts."""
_AT_A_TIME = 5
"""Of those in one tick: after a dozen ticks PostgreSQL plans a statement no more."""
_BEYOND = 100 * DEFAULT_PER_MINUTE
"""What Google grants a project is less than is sent here."""
_SINCE = timedelta(seconds=1)
_USUAL_TURN = sys.getswitchinterval()


def _ours(given: argparse.Namespace) -> SenderProcess:
    limits = Limits(trusted_pem=given.authority.read_bytes())
    return SenderProcess(given.secure, EMULATOR_PROJECT, per_minute=_BEYOND, limits=limits)


def _dispatch(given: argparse.Namespace, pusher: Pusher) -> dict[str, Any]:
    """Return the rate of one tick of the real dispatcher over all that is due.

    Ticks over `WARM_UP` prompts go before it: statements are written and planned and connections
    opened once in the life of a worker, and what that costs would depend on `messages`.
    """
    db = open_database(given.database_url)
    ticks = build_ticks(Settings(), db, pusher, system_clock)
    settle_in()
    if given.way != "ours":
        sys.setswitchinterval(_USUAL_TURN)  # many threads of firebase-admin's fare worse without
    since = system_clock() - _SINCE
    warm = range(given.first, given.first + WARM_UP)
    for some in batches(warm, _AT_A_TIME):
        add_due(db, some, due_at=since)
        ticks.dispatch()
    add_due(db, range(warm.stop, warm.stop + given.messages), due_at=since)
    cpu, began = _cpu_seconds(), time.perf_counter()
    sent = ticks.dispatch()
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
    figures = _figures(sent.accepted, seconds, cpu)
    pusher.close()
    db.close()
    return figures


def _date_jobs(given: argparse.Namespace) -> dict[str, Any]:
    """Return the rate at which date jobs that are all due fire and send."""
    from benchmarks.senders import DateJobs  # noqa: PLC0415 (as below)

    jobs = DateJobs(given.plain, given.database_url)
    tokens = [token(number) for number in range(given.messages)]
    jobs.add(tokens, system_clock() - _SINCE)
    cpu = _cpu_seconds()
    seconds = jobs.run()
    cpu = _cpu_seconds() - cpu
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
    peak = _peak_rss_mb()
    worker.stop()
    pusher.close()
    db.close()
    return {"peak_rss_mb": peak}


def _firebase(given: argparse.Namespace, *, one_by_one: bool) -> Pusher:
    # Only where it is measured: what firebase-admin takes is not to count as ours.
    from benchmarks.senders import SendEach, SendOne  # noqa: PLC0415

    return (SendOne if one_by_one else SendEach)(given.plain)


WAYS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "ours": lambda given: _dispatch(given, _ours(given)),
    "send_each": lambda given: _dispatch(given, _firebase(given, one_by_one=False)),
    "send": lambda given: _dispatch(given, _firebase(given, one_by_one=True)),
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


def _processes() -> list[psutil.Process]:
    """Return this process and those it has started."""
    own = psutil.Process(os.getpid())
    return [own, *own.children()]


def _cpu_seconds() -> float:
    """Return the CPU time of all of them."""
    used = [process.cpu_times() for process in _processes()[1:]]
    return time.process_time() + sum(times.user + times.system for times in used)


def _peak_rss_mb() -> float:
    """Return the most memory each of them had resident, added up; shared pages count twice.

    Linux alone tells. What `getrusage` says is no less than what the parent had when it started
    this process, which would be the benchmark's.
    """
    lines = [
        line
        for process in _processes()
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return round(sum(int(line.split()[1]) for line in lines) / 1024, 1)


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
