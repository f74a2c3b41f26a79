"""kill -9 of a real worker process at each step, counted in the log of the real emulator."""

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import MONDAY, NINE, Practice, Watch, fixed, postgres_url, protocol, sqlite_url
from killed_worker import POINTS, run

from engine.prompt import State
from engine.store import Database, open_database
from prompting.fcm.emulator import build_emulator
from prompting.pusher import FcmPusher
from prompting.serving import served

PATIENTS = 8


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.BaseContext:
    """A context whose processes fork from a warm, single-threaded one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["engine.store", "prompting.dispatch", "prompting.pusher"])
    return context


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    return sqlite_url(tmp_path) if request.param == "sqlite" else postgres_url()


def crowd(db: Database, *, deduplicates: bool = False) -> tuple[Practice, list]:
    """Return patients who all have a prompt due now."""
    practice = Practice(db, Watch(MONDAY))
    document = protocol(fixed("09:00"))
    people = [practice.enrol(document, deduplicates=deduplicates) for _ in range(PATIENTS)]
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    return practice, people


SENT_WHEN_KILLED = {
    "before anything": 0,
    "after claim": 0,
    "after intent": 0,
    "in the middle of sending": PATIENTS // 2,
    "after send, before record": PATIENTS,
    "after record": PATIENTS,
}
UNCERTAIN_WHEN_KILLED = {
    "before anything": 0,
    "after claim": 0,
    "after intent": PATIENTS,
    "in the middle of sending": PATIENTS,
    "after send, before record": PATIENTS,
    "after record": 0,
}


@pytest.mark.parametrize("deduplicates", [False, True], ids=["shows repeats", "drops repeats"])
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_step_doubles_nothing_and_leaves_nothing_open(
    address: str, processes, point: str, deduplicates: bool
):
    """Counted in the emulator's log: one push a prompt; a second only where it is dropped."""
    db = open_database(address)
    practice, people = crowd(db, deduplicates=deduplicates)
    emulator = build_emulator(clock=practice.clock)
    with served(emulator) as url:
        worker = processes.Process(target=run, args=(address, url, NINE, point))
        worker.start()
        worker.join(30)
        assert worker.exitcode == -signal.SIGKILL
        assert len(emulator.log.after()) == SENT_WHEN_KILLED[point]
        pusher = FcmPusher(url, "clinic", None)
        practice.pusher = pusher
        practice.tick("next")  # at once: the dead worker's lease still holds
        practice.lapse()
        practice.tick("next")
        practice.clock.forward(hours=2)
        practice.tick("next")
        pusher.close()
        sent = Counter(entry.prompt_id for entry in emulator.log.after())
    today = [practice.prompts(person)[0] for person in people]
    states = Counter(p.state for p in today)
    uncertain = UNCERTAIN_WHEN_KILLED[point]
    if deduplicates:
        assert states == {State.ACCEPTED: PATIENTS}, "a prompt was lost"
        assert sum(sent.values()) == SENT_WHEN_KILLED[point] + max(
            uncertain, PATIENTS - SENT_WHEN_KILLED[point]
        )
    else:
        assert max(sent.values(), default=0) <= 1, "a prompt was sent twice"
        assert states[State.UNKNOWN] == uncertain
        assert states[State.ACCEPTED] == PATIENTS - uncertain
    for p in today:
        assert p.state == State.UNKNOWN or sent[str(p.id)] >= 1, "accepted, yet never sent"
    db.close()


def test_a_worker_that_is_not_killed_sends_everything_once(address: str, processes):
    db = open_database(address)
    practice, people = crowd(db)
    emulator = build_emulator(clock=practice.clock)
    with served(emulator) as url:
        worker = processes.Process(target=run, args=(address, url, NINE, None))
        worker.start()
        worker.join(30)
        assert worker.exitcode == 0
        sent = Counter(entry.prompt_id for entry in emulator.log.after())
    assert sorted(sent.values()) == [1] * PATIENTS
    assert all(practice.prompts(person)[0].state == State.ACCEPTED for person in people)
    db.close()
