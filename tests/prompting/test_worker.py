"""APScheduler only wakes the ticks; what fails is logged and tried again."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from fakes import NINE, Practice, at_nine, fixed, protocol

from engine.prompt import State
from engine.settings import Settings
from prompting.learning import Learner
from prompting.ticks import Ticks, build_ticks
from prompting.worker import Rhythm, Worker

FAST = Rhythm(plan=0.05, decide=0.05, dispatch=0.05, learn=0.05, refit=0.05)


def ticks_of(practice: Practice) -> Ticks:
    return Ticks(
        db=practice.db,
        clock=practice.clock,
        dispatcher=practice.dispatcher(),
        learner=Learner(practice.db, epsilon=0.1, refit_hour_utc=3),
    )


@contextmanager
def running(practice: Practice, ticks: Ticks | None = None) -> Iterator[None]:
    worker = Worker(ticks or ticks_of(practice), FAST)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited for ten seconds"
        time.sleep(0.01)


def test_a_worker_plans_draws_and_sends_by_itself(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00")))
    with running(practice):
        practice.clock.now = NINE
        wait_for(lambda: bool(practice.pusher.pushed))
    assert practice.prompts(person)[0].state == State.ACCEPTED
    assert len(practice.pusher.pushed) == 1


def test_a_tick_that_fails_is_logged_and_tried_again(
    practice: Practice, caplog: pytest.LogCaptureFixture
):
    at_nine(practice)
    failures = [OSError("no database"), OSError("no database")]

    def failing_clock():
        if failures:
            raise failures.pop()
        return NINE

    ticks = ticks_of(practice)
    object.__setattr__(ticks.dispatcher, "clock", failing_clock)
    with caplog.at_level(logging.ERROR), running(practice, ticks):
        wait_for(lambda: bool(practice.pusher.pushed))
    assert caplog.text.count("the dispatch tick failed and will be tried again") == 2
    assert len(practice.pusher.pushed) == 1


def test_a_stopped_worker_ends_in_silence_and_sends_nothing_more(
    practice: Practice, caplog: pytest.LogCaptureFixture
):
    practice.enrol(protocol(fixed("09:00")))
    caplog.set_level(logging.ERROR)
    ticks = ticks_of(practice)
    busy = threading.Event()

    def slow_clock() -> datetime:
        busy.set()
        time.sleep(0.1)
        return practice.clock()

    object.__setattr__(ticks.dispatcher, "clock", slow_clock)
    with running(practice, ticks):
        assert busy.wait(10)  # so that it is stopped in the middle of a tick
    practice.clock.now = NINE
    time.sleep(0.2)
    assert practice.pusher.pushed == []
    assert caplog.text == ""


def test_the_rhythm_by_default_sends_every_second():
    assert Rhythm() == Rhythm(plan=60, decide=5, dispatch=1, learn=60, refit=600)


def test_no_two_workers_have_the_same_name(practice: Practice):
    settings = Settings(database_url="sqlite://")
    owners = {
        build_ticks(settings, practice.db, practice.pusher, practice.clock).dispatcher.owner
        for _ in range(3)
    }
    assert len(owners) == 3
    assert all(len(owner) <= 64 for owner in owners)
