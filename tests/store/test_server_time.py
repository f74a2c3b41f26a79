"""Whose clock counts: the server's where several machines share a PostgreSQL."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fakes import Practice, Watch, at_nine, postgres_url
from in_flight import state_of, take
from sqlalchemy.exc import OperationalError

from engine.clock import system_clock
from engine.prompt import State
from engine.store import lapses, open_database, workers
from engine.store.server_time import RESYNC, ServerClock, lease_time, shared_clock
from prompting.dispatch import Dispatcher

HOUR = timedelta(hours=1)


@pytest.fixture
def on_postgres() -> Iterator[Practice]:
    opened = open_database(postgres_url())
    yield Practice(opened)
    opened.close()


def with_clock(practice: Practice, wrong_by: timedelta) -> Dispatcher:
    """Return a worker whose clock is wrong by this much."""
    clock = Watch(practice.clock() + wrong_by)
    return Dispatcher(db=practice.db, pusher=practice.pusher, clock=clock, owner="wrong clock")


@pytest.mark.postgres
@pytest.mark.parametrize("wrong_by", [HOUR / 2, -HOUR / 2, HOUR, -HOUR])
def test_a_worker_whose_clock_is_wrong_takes_no_living_lease(
    on_postgres: Practice, wrong_by: timedelta
):
    person = at_nine(on_postgres, deduplicates=True, expires_after="3h")
    intent = take(on_postgres, person, "right")
    with_clock(on_postgres, wrong_by).tick()
    assert on_postgres.pusher.pushed == []
    assert state_of(on_postgres, person, intent) == State.SENDING


@pytest.mark.postgres
@pytest.mark.parametrize("wrong_by", [HOUR, -HOUR])
def test_the_lease_of_a_worker_whose_clock_is_wrong_is_as_long_as_any(
    on_postgres: Practice, wrong_by: timedelta
):
    person = at_nine(on_postgres, expires_after="3h")
    right = on_postgres.clock()
    with on_postgres.db.write() as tx:
        tx.conn.exec_driver_sql("UPDATE prompts SET due_at = due_at - interval '2 hours'")
    on_postgres.clock.now = right + wrong_by
    take(on_postgres, person, "wrong")
    with on_postgres.db.read() as tx:
        left = tx.conn.exec_driver_sql(
            "SELECT extract(epoch FROM lease_until - now()) FROM prompts WHERE owner = 'wrong'"
        ).scalar_one()
    assert 50 < left <= 60
    with on_postgres.db.write() as tx:
        assert lapses.reap(tx, now=right + 9 * HOUR) == 0


@pytest.mark.postgres
def test_a_lease_on_postgres_ends_by_the_servers_time(on_postgres: Practice):
    person = at_nine(on_postgres)
    intent = take(on_postgres, person, "dies", lease=timedelta(seconds=0.2))
    time.sleep(0.25)
    with on_postgres.db.write() as tx:
        assert lapses.reap(tx, now=on_postgres.clock() - HOUR) == 1
    assert state_of(on_postgres, person, intent) == State.UNKNOWN


@pytest.mark.postgres
def test_the_shared_clock_tells_the_servers_time_whatever_this_machines_says(
    on_postgres: Practice, monkeypatch: pytest.MonkeyPatch
):
    clock = shared_clock(on_postgres.db)
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + 3_600)
    assert abs(clock().timestamp() - real) < 5


@pytest.mark.postgres
def test_the_shared_clock_goes_by_a_steady_clock_and_asks_again_in_time(on_postgres: Practice):
    steady = [100.0]
    clock = ServerClock(on_postgres.db, elapsed=lambda: steady[0])
    start = clock()
    steady[0] += 9
    assert clock() - start == timedelta(seconds=9)
    steady[0] += RESYNC.total_seconds()
    assert clock() - start < timedelta(seconds=9), "the server's clock had not gone on that far"


@pytest.mark.postgres
def test_the_shared_clock_goes_on_while_the_server_cannot_be_asked(on_postgres: Practice):
    steady = [100.0]
    clock = ServerClock(on_postgres.db, elapsed=lambda: steady[0])
    start = clock()

    class Gone:
        def read(self) -> None:
            raise OperationalError("SELECT", {}, OSError("gone"))

    clock._db = Gone()
    steady[0] += 60
    assert clock() - start == timedelta(seconds=60)


def test_on_one_machine_the_clock_is_that_machines(on_sqlite: Practice):
    assert shared_clock(on_sqlite.db) is system_clock
    now = datetime(2027, 3, 1, tzinfo=UTC)
    with on_sqlite.db.read() as tx:
        assert lease_time(tx, now) == now


def test_workers_are_known_by_their_signs_of_life(practice: Practice):
    db, clock = practice.db, practice.clock

    def state() -> workers.Workers:
        with db.read() as tx:
            return workers.at_work(tx, now=clock())

    def beat(owner: str, stalled: str | None = None) -> None:
        with db.write() as tx:
            workers.beat(tx, owner, stalled, now=clock())

    assert (state().known, state().ready) == (0, True)
    beat("a")
    beat("a")
    assert (state().known, state().at_work, state().ready) == (1, 1, True)
    beat("a", "the plan tick has been running for 700 s")
    assert (state().at_work, state().ready) == (0, False)
    assert state().stalled == ("the plan tick has been running for 700 s",)
    beat("b")
    assert (state().known, state().at_work, state().ready) == (2, 1, True)
    workers.leave(db, "a")
    workers.leave(db, "b")
    assert (state().known, state().ready) == (0, True)


def test_a_worker_that_fell_silent_is_missed_for_a_day(on_sqlite: Practice):
    db, clock = on_sqlite.db, on_sqlite.clock
    with db.write() as tx:
        workers.beat(tx, "killed", None, now=clock())
    clock.forward(seconds=61)
    with db.read() as tx:
        assert not workers.at_work(tx, now=clock()).ready
    clock.forward(days=1)
    with db.write() as tx:
        workers.beat(tx, "new", None, now=clock())
    with db.read() as tx:
        assert workers.at_work(tx, now=clock()).known == 1
