"""APScheduler only wakes the ticks; what fails is tried again, and what hangs is told."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from fakes import NINE, NOT_SENT, Practice, at_nine, fixed, protocol

from engine.prompt import State
from engine.settings import Settings
from engine.store import workers
from prompting.learning import Learner
from prompting.ticks import Ticks, build_ticks
from prompting.worker import Patience, Rhythm, Worker

FAST = Rhythm(plan=0.05, decide=0.05, dispatch=0.05, learn=0.05, refit=0.05)
PATIENT = Patience()


def ticks_of(practice: Practice) -> Ticks:
    return Ticks(
        db=practice.db,
        clock=practice.clock,
        dispatcher=practice.dispatcher(),
        learner=Learner(practice.db, epsilon=0.1, refit_hour_utc=3),
    )


@contextmanager
def running(
    practice: Practice, ticks: Ticks | None = None, patience: Patience = PATIENT
) -> Iterator[Worker]:
    worker = Worker(ticks or ticks_of(practice), FAST, patience)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.01)


def known(practice: Practice) -> workers.Workers:
    with practice.db.read() as tx:
        return workers.at_work(tx, now=practice.clock())


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
        assert busy.wait(60)  # so that it is stopped in the middle of a tick
    practice.clock.now = NINE
    time.sleep(0.2)
    assert practice.pusher.pushed == []
    assert caplog.text == ""


def test_a_worker_told_to_end_records_what_it_is_sending_and_claims_nothing_more(
    practice: Practice,
):
    people = [practice.enrol(protocol(fixed("09:00"))) for _ in range(6)]
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    practice.batch = 2
    sending, go_on = threading.Event(), threading.Event()

    def wait(_pushes) -> None:
        sending.set()
        assert go_on.wait(60)

    practice.pusher.before = wait
    worker = Worker(ticks_of(practice), FAST)
    worker.start()
    assert sending.wait(60)
    ended: list[bool] = []
    stopping = threading.Thread(target=lambda: ended.append(worker.stop()))
    stopping.start()
    time.sleep(0.2)
    assert stopping.is_alive(), "it did not wait for what is being sent"
    go_on.set()
    stopping.join(60)
    states = [practice.prompts(person)[0].state for person in people]
    assert ended == [True]
    assert states.count(State.ACCEPTED) == 2
    assert states.count(State.PLANNED) == 4


def test_a_worker_told_to_end_does_not_wait_for_ever(
    practice: Practice, caplog: pytest.LogCaptureFixture
):
    at_nine(practice)
    sending, go_on = threading.Event(), threading.Event()

    def hang(_pushes) -> None:
        sending.set()
        go_on.wait(60)

    practice.pusher.before = hang
    worker = Worker(ticks_of(practice), FAST)
    worker.start()
    assert sending.wait(60)
    began = time.monotonic()
    assert worker.stop(within=0.3) is False
    assert time.monotonic() - began < 30
    assert "these ticks did not end in 0 s: dispatch" in caplog.text
    go_on.set()
    wait_for(lambda: practice.pusher.pushed != [])
    time.sleep(0.1)


def test_a_worker_is_known_while_it_runs_and_not_after_it_has_ended(practice: Practice):
    with running(practice):
        wait_for(lambda: known(practice).at_work == 1)
    assert known(practice) == workers.Workers(known=0, at_work=0, stalled=())


def test_a_tick_that_hangs_is_told_and_the_worker_counts_as_not_at_work(
    practice: Practice, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    at_nine(practice)
    go_on = threading.Event()
    practice.pusher.before = lambda _pushes: go_on.wait(60)
    try:
        with running(practice, patience=Patience(dispatch=0.2)):
            wait_for(lambda: known(practice).stalled != ())
            assert not known(practice).ready
            assert "the dispatch tick has been running for" in caplog.text
            go_on.set()
            wait_for(lambda: known(practice).ready)
    finally:
        go_on.set()
    assert "the dispatch tick goes on again" in caplog.text


def test_what_is_drawn_for_this_moment_leaves_without_waiting_for_the_next_second(
    practice: Practice,
):
    rhythm = Rhythm(plan=3600, decide=0.05, dispatch=3600, learn=3600, refit=3600)
    practice.enrol(protocol(fixed("09:00")))
    practice.plan()
    worker = Worker(ticks_of(practice), rhythm)
    worker.start()
    practice.clock.now = NINE
    wait_for(lambda: bool(practice.pusher.pushed))
    worker.stop()


def test_prompts_wait_while_there_is_no_room_and_leave_when_there_is(practice: Practice):
    at_nine(practice)
    practice.pusher.spare = 0
    practice.pusher.script = [NOT_SENT]
    with running(practice):
        time.sleep(0.3)
        assert practice.pusher.pushed == []
        practice.pusher.spare = 1
        wait_for(lambda: bool(practice.pusher.pushed))


def test_the_rhythm_by_default_draws_every_second_and_sends_four_times_a_second():
    assert Rhythm() == Rhythm(plan=60, decide=1, dispatch=0.25, learn=60, refit=600)


def test_no_two_workers_have_the_same_name(practice: Practice):
    settings = Settings(database_url="sqlite://")
    owners = {
        build_ticks(settings, practice.db, practice.pusher, practice.clock).dispatcher.owner
        for _ in range(3)
    }
    assert len(owners) == 3
    assert all(len(owner) <= 64 for owner in owners)
