"""What only matters where several workers share a PostgreSQL."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from fakes import MONDAY, Practice, fixed, postgres_server, postgres_url, protocol, windowed
from sqlalchemy.exc import DBAPIError

from engine.commands.scheduling import change_protocol
from engine.errors import StaleVersion
from engine.prompt import Reason, State
from engine.store import answers, delivery, learning, open_database, schedules
from engine.store.database import unsafe_settings
from prompting.learning import Learner


def due_prompts(practice: Practice, patients: int) -> list:
    people = [practice.enrol(protocol(fixed("09:00", "12:00"))) for _ in range(patients)]
    practice.plan()
    practice.clock.forward(hours=1)
    practice.decide()
    return people


@pytest.fixture
def on_postgres() -> Iterator[Practice]:
    opened = open_database(postgres_url())
    yield Practice(opened)
    opened.close()


@pytest.mark.postgres
@pytest.mark.parametrize("probing", [False, True])
def test_claims_that_are_open_together_never_overlap(on_postgres: Practice, probing: bool):
    due_prompts(on_postgres, 5)
    now = on_postgres.clock()
    with on_postgres.db.write() as one, on_postgres.db.write() as two:
        mine = delivery.claim(one, now=now, limit=3, probing=probing)
        theirs = delivery.claim(two, now=now, limit=3, probing=probing)
    assert (len(mine), len(theirs)) == (3, 2)
    assert not {prompt.id for prompt in mine} & {prompt.id for prompt in theirs}


@pytest.mark.postgres
def test_a_worker_stopped_inside_a_transaction_does_not_hold_up_the_others(on_postgres: Practice):
    due_prompts(on_postgres, 6)
    with on_postgres.db.write() as stopped:
        assert len(delivery.claim(stopped, now=on_postgres.clock(), limit=2)) == 2
        on_postgres.tick("goes on")
        assert len(on_postgres.pusher.pushed) == 4
        on_postgres.clock.forward(hours=2)
        on_postgres.tick("goes on")
    on_postgres.tick("goes on")
    assert len(on_postgres.pusher.pushed) == 4


@pytest.mark.postgres
def test_a_patient_somebody_is_at_work_on_holds_up_nobody_else(on_postgres: Practice):
    """A planner stopped inside its transaction keeps its patients, and only those, waiting."""
    people = due_prompts(on_postgres, 4)
    held = people[0]
    with on_postgres.db.write() as stopped:
        schedules.lock_enrolments(stopped, [held.enrolment.id])
        on_postgres.tick("goes on")  # whoever waits for the stopped one fails after six seconds
        assert len(on_postgres.pusher.pushed) == 3
        waiting = on_postgres.prompts(held)[0]
        assert (waiting.state, waiting.reason) == (State.RETRY, Reason.BUSY)
    on_postgres.clock.forward(seconds=1)
    on_postgres.tick("goes on")
    assert len(on_postgres.pusher.pushed) == 4


@pytest.mark.postgres
def test_a_worker_stopped_in_the_middle_of_a_transaction_frees_its_rows_by_itself(
    on_postgres: Practice,
):
    due_prompts(on_postgres, 2)
    url = on_postgres.db._engine.url.render_as_string(hide_password=False)
    stopped = open_database(url)
    began = time.monotonic()

    def stop_in_the_middle() -> None:
        with stopped.write() as tx:
            delivery.claim(tx, now=on_postgres.clock(), limit=2)
            while not on_postgres.pusher.pushed:
                assert time.monotonic() - began < 60
                on_postgres.tick("goes on")
                time.sleep(0.1)

    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        stop_in_the_middle()
    assert len(on_postgres.pusher.pushed) == 2
    stopped.close()


@pytest.mark.postgres
def test_a_transaction_left_open_ends_by_itself_before_those_who_wait_give_up(
    on_postgres: Practice,
):
    with on_postgres.db.read() as tx:
        idle = tx.conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
        lock = tx.conn.exec_driver_sql("SHOW lock_timeout").scalar_one()
        statement = tx.conn.exec_driver_sql("SHOW statement_timeout").scalar_one()
    assert (idle, lock, statement) == ("4s", "6s", "30s")


@pytest.mark.postgres
def test_what_is_committed_is_durable_though_the_server_begins_sessions_otherwise(
    on_postgres: Practice,
):
    with psycopg.connect(postgres_server().get_uri()) as plain:
        assert plain.execute("SHOW synchronous_commit").fetchone() == ("off",)
    with on_postgres.db.write() as tx:
        assert tx.conn.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


@pytest.mark.postgres
def test_planning_expects_a_disk_that_does_not_turn_and_compiles_nothing(on_postgres: Practice):
    with on_postgres.db.read() as tx:
        assert tx.conn.exec_driver_sql("SHOW random_page_cost").scalar_one() == "1.1"
        assert tx.conn.exec_driver_sql("SHOW jit").scalar_one() == "off"


@pytest.mark.postgres
def test_a_server_that_does_not_sync_is_found_out(on_postgres: Practice):
    assert unsafe_settings(on_postgres.db) == ["fsync", "full_page_writes"]


@pytest.mark.postgres
def test_an_answer_that_is_being_stored_is_not_taken_for_a_silence(on_postgres: Practice):
    person = on_postgres.enrol(protocol(windowed("08:00-12:00")))
    on_postgres.live(MONDAY + timedelta(hours=4))
    sent = next(p for p in on_postgres.prompts(person) if p.sent_at)
    learner = Learner(on_postgres.db, epsilon=0.1, refit_hour_utc=3)
    with on_postgres.db.write() as tx:
        assert answers.prompt_for_answer(tx, person.patient.id, sent.id) is not None
        answers.mark_answered(tx, sent.id, sent.sent_at + timedelta(minutes=1), None)
        assert learner.close_outcomes(now=on_postgres.clock()) == 0
    assert learner.close_outcomes(now=on_postgres.clock()) == 1
    with on_postgres.db.read() as tx:
        assert [outcome.y for outcome in learning.outcomes_after(tx, 0)] == [1]


@pytest.mark.postgres
def test_outcomes_are_seen_in_the_order_of_their_numbers(on_postgres: Practice):
    people = [on_postgres.enrol(protocol(windowed("08:00-12:00"))) for _ in range(2)]
    on_postgres.live(MONDAY + timedelta(hours=4))
    rows = [
        {
            "prompt_id": on_postgres.prompts(person)[0].id,
            "person": str(person.patient.id),
            "hour": 9.0,
            "day_type": 0,
            "day": 1,
            "arm": "adaptive",
            "y": number,
        }
        for number, person in enumerate(people)
    ]

    def add(row: dict) -> None:
        with on_postgres.db.write() as tx:
            learning.add_outcomes(tx, [row], now=MONDAY)

    with ThreadPoolExecutor(1) as pool:
        with on_postgres.db.write() as tx:
            learning.add_outcomes(tx, [rows[0]], now=MONDAY)
            second = pool.submit(add, rows[1])
            wait([second], timeout=0.3)
            with on_postgres.db.read() as reader:
                assert learning.outcomes_after(reader, 0) == []
            assert not second.done()
        second.result(10)
    with on_postgres.db.read() as reader:
        assert [outcome.y for outcome in learning.outcomes_after(reader, 0)] == [0, 1]


@pytest.mark.postgres
def test_a_change_of_protocol_waits_for_another_that_is_not_committed(on_postgres: Practice):
    person = on_postgres.enrol(protocol(fixed("12:00")))

    def save() -> object:
        return change_protocol(
            on_postgres.db,
            person.patient.id,
            protocol(fixed("13:00")),
            expected_version=1,
            known_content=["checkin.momentary"],
            by="second",
            now=MONDAY,
        )

    with ThreadPoolExecutor(1) as pool:
        with on_postgres.db.write() as tx:
            enrolment = schedules.lock_enrolment_of(tx, person.patient.id)
            first = schedules.current_version(tx, enrolment.protocol_id)
            schedules.add_version(tx, replace(first, version=2, created_by="first"))
            second = pool.submit(save)
            wait([second], timeout=0.3)
            assert not second.done()
        with pytest.raises(StaleVersion):
            second.result(10)
