"""What admins are told of delivery: states, lateness, what waits, tokens, workers."""

from datetime import timedelta

from fakes import MONDAY, NINE, REFUSED, TOKEN_DEAD, Practice, at_nine, fixed, protocol
from schedule_steps import answer

from engine.commands.health import delivery_health
from engine.commands.testing import ask_for_test
from engine.health_records import LATENESS_BOUNDS, Waiting
from engine.prompt import Reason, State
from engine.store import workers

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def told(practice: Practice):
    return delivery_health(practice.db, silent_after=5, now=practice.clock())


def by_state(practice: Practice, span: int = 0) -> dict[str, int]:
    return told(practice).spans[span].by_state()


def test_prompts_are_counted_by_how_they_stand_and_why(practice: Practice):
    for _ in range(3):
        practice.enrol(protocol(fixed("09:00")))
    practice.enrol(protocol(fixed("09:00")), phones=0)
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    practice.pusher.script = [REFUSED]
    practice.tick()
    day = told(practice).spans[0]
    assert {(one.state, one.reason): one.prompts for one in day.states} == {
        (State.ACCEPTED, None): 2,
        (State.FAILED, Reason.REFUSED): 1,
        (State.FAILED, Reason.NO_PHONE): 1,
    }
    assert day.by_state() == {State.ACCEPTED: 2, State.FAILED: 2}


def test_only_prompts_whose_time_came_in_the_span_are_counted(practice: Practice):
    person = practice.enrol(protocol(fixed("09:00", "20:00")))
    practice.live(NINE + SECOND, step=timedelta(minutes=30))
    assert by_state(practice) == {State.ACCEPTED: 1}, "the evening's prompt has yet to come"
    practice.clock.now = NINE + timedelta(hours=24)
    assert practice.prompts(person)
    day, week = (by_state(practice, span) for span in (0, 1))
    assert State.ACCEPTED not in day, "a day is half open: 24 hours ago is not in it"
    assert week[State.ACCEPTED] == 1


def test_lateness_is_told_in_buckets_and_exact_quantiles(practice: Practice):
    waits = [0.0, 0.4, 0.6, 3.0, 45.0]
    for place in range(len(waits)):
        practice.enrol(protocol(fixed(f"08:{10 * place + 10}")))
    for place, wait in enumerate(waits):
        due_at = MONDAY + timedelta(minutes=10 * place + 10)
        practice.clock.now = due_at - timedelta(minutes=1)
        practice.plan()
        practice.decide()
        practice.clock.now = due_at + timedelta(seconds=wait)
        practice.tick()
    found = told(practice).spans[0].lateness
    assert found.prompts == 5
    assert dict(zip(LATENESS_BOUNDS, found.buckets, strict=True)) == {
        0.5: 2, 1.0: 3, 2.0: 3, 5.0: 4, 10.0: 4, 30.0: 4, 60.0: 5, 120.0: 5, 300.0: 5, 600.0: 5,
    }  # fmt: skip
    assert (found.median, found.p99, found.latest) == (0.6, 45.0, 45.0)
    assert abs(found.total - sum(waits)) < 0.01


def test_where_nothing_was_sent_there_are_no_quantiles(practice: Practice):
    found = told(practice).spans[0].lateness
    assert (found.prompts, found.median, found.p99, found.latest) == (0, None, None, None)
    assert set(found.buckets) == {0}


def test_what_is_due_and_has_not_left_waits_until_its_time_is_over(practice: Practice):
    at_nine(practice, expires_after="30m")
    practice.clock.forward(seconds=90)
    assert told(practice).waiting == Waiting(1, NINE)
    practice.clock.now = NINE + timedelta(minutes=30)
    assert told(practice).waiting == Waiting(0, None)


def test_dead_tokens_are_those_of_phones_in_use(practice: Practice):
    at_nine(practice, phones=2)
    practice.pusher.by_token = {"emu-P-01-1": TOKEN_DEAD}
    practice.tick()
    reach = told(practice).reach
    assert (reach.phones, reach.dead_tokens) == (2, 1)


def test_a_test_notification_is_in_no_count(practice: Practice):
    person = practice.enrol(protocol(fixed("20:00")))
    ask_for_test(practice.db, person.patient.id, now=practice.clock())
    practice.tick()
    assert len(practice.pusher.pushed) == 1
    found = told(practice)
    assert (found.spans[0].states, found.spans[0].lateness.prompts) == ((), 0)


def test_a_worker_is_told_as_it_spoke_last_and_as_dead_when_it_falls_silent(practice: Practice):
    beat = workers.Beat(
        host="alpha", pid=12, version="1.0", open_until=MONDAY + 9 * SECOND, ticks={"plan": 3.5}
    )
    with practice.db.write() as tx:
        workers.beat(tx, "one", None, now=MONDAY, told=beat)
    with practice.db.read() as tx:
        (one,) = workers.statuses(tx, now=practice.clock())
    assert (one.host, one.pid, one.version, one.ticks) == ("alpha", 12, "1.0", {"plan": 3.5})
    assert one.alive
    assert told(practice).open_until == MONDAY + 9 * SECOND
    if practice.db.is_sqlite:  # elsewhere the database's own clock tells who is silent
        practice.clock.forward(seconds=60)
        found = told(practice)
        assert [one.alive for one in found.workers] == [False]
        assert found.open_until is None
        with practice.db.read() as tx:
            assert workers.at_work(tx, now=practice.clock()).dead == 1


def test_the_figures_of_a_span_are_found_by_index(on_sqlite: Practice):
    with on_sqlite.db.read() as tx:
        rows = tx.conn.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT state, reason, count(*) FROM prompts"
            " WHERE start_at > '2027-03-01' AND start_at <= '2027-03-02' GROUP BY state, reason"
        )
        steps = [str(row[3]) for row in rows]
    assert any("ix_prompts_start_at" in step for step in steps), steps


def test_an_answered_prompt_is_counted_once_under_what_became_of_its_sending(practice: Practice):
    person = at_nine(practice)
    practice.tick()
    answer(practice, person, practice.prompts(person)[0].id)
    assert by_state(practice) == {State.ACCEPTED: 1}
