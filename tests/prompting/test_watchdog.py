"""What a watchdog tells of jobs that stand still, and systemd of all that."""

import socket
import threading
from pathlib import Path

import pytest

from prompting.jobs import Job
from prompting.watchdog import ROUND_SECONDS, Watchdog, round_seconds, systemd


class Steady:
    """A steady clock set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Watch:
    """A watchdog over some jobs that notes what it says."""

    def __init__(self, *jobs: Job) -> None:
        self.reports: list[str | None] = []
        self.told: list[str] = []
        self.dog = Watchdog(jobs, self.reports.append, self.told.append)


def test_a_job_that_has_just_succeeded_is_no_trouble():
    clock = Steady()
    job = Job("plan", lambda: None, patience=60, seconds=clock)
    clock.now += 60
    watch = Watch(job)
    assert watch.dog.look() == []
    assert (watch.reports, watch.told) == ([None], ["WATCHDOG=1"])


def test_a_job_that_only_fails_is_reported_but_nothing_is_restarted_for_it(caplog):
    clock = Steady()

    def fail() -> None:
        raise OSError("no database")

    job = Job("plan", fail, patience=60, seconds=clock)
    job._once()
    clock.now += 61
    job._once()
    watch = Watch(job)
    (trouble,) = watch.dog.look()
    assert not trouble.hangs
    assert watch.reports == ["the plan tick has not succeeded for 61 s"]
    assert watch.told == ["WATCHDOG=1"]
    assert caplog.text.count("the plan tick failed and will be tried again") == 2


def test_systemd_hears_nothing_while_a_job_hangs():
    clock = Steady()
    inside, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        inside.set()
        go_on.wait(60)

    job = Job("dispatch", hang, patience=60, seconds=clock)
    job.start()
    job.wake()
    assert inside.wait(60)
    clock.now += 61
    watch = Watch(job)
    (trouble,) = watch.dog.look()
    assert trouble.hangs
    assert watch.told == []
    go_on.set()
    job.stop()
    assert job.ended(60)
    watch.dog.look()
    assert watch.told == ["WATCHDOG=1"]
    assert watch.reports == ["the dispatch tick has been running for 61 s", None]


def test_a_job_woken_many_times_while_it_runs_runs_once_more():
    runs: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def run() -> None:
        runs.append(1)
        first.set()
        go_on.wait(60)

    job = Job("decide", run, patience=60)
    job.start()
    job.wake()
    assert first.wait(60)
    for _ in range(5):
        job.wake()
    go_on.set()
    while len(runs) < 2:
        pass
    job.stop()
    assert job.ended(60)
    assert len(runs) == 2


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_on_its_socket(tmp_path: Path, abstract: bool):
    name = f"\0welltimed-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(60)
        tell = systemd({"NOTIFY_SOCKET": name.replace("\0", "@")})
        tell("READY=1")
        assert listener.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_told(tmp_path: Path, caplog):
    systemd({})("READY=1")
    assert caplog.text == ""
    systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")})("READY=1")
    assert "systemd cannot be told READY=1" in caplog.text


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [("", ROUND_SECONDS), ("0", ROUND_SECONDS), ("4000000", 2.0), ("90000000", ROUND_SECONDS)],
)
def test_the_watchdog_looks_twice_as_often_as_systemd_wants_to_hear(limit: str, seconds: float):
    assert round_seconds({"WATCHDOG_USEC": limit}) == seconds
