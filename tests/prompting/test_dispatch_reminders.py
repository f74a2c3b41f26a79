"""Reminders on their way: they follow their prompt, and leave only while there is one to follow."""

from datetime import datetime, timedelta

import pytest
from fakes import NINE, NOT_SENT, REFUSED, UNKNOWN, Person, Practice, fixed, protocol, throttled

from engine.prompt import Reason, State
from engine.records import RulesVersion
from engine.store import answers, delivery, rules

MINUTE = timedelta(minutes=1)


class Log:
    """When each push left, in minutes from nine, and the number it bore."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self.left: list[tuple[float, int]] = []
        practice.pusher.before = self._note

    def _note(self, pushes) -> None:
        at = (self._practice.clock() - NINE) / MINUTE
        self.left += [(at, push.repeat) for push in pushes]


def reminded(practice: Practice, *times: str, **limits) -> Person:
    """Return a person with a prompt at nine and reminders 15 and 30 minutes after; it is nine."""
    document = protocol(
        fixed(*(times or ("09:00",)), reminders=["15m", "30m"], expires_after="60m"),
        **limits,
    )
    person = practice.enrol(document)
    practice.plan()
    practice.clock.now = NINE
    practice.decide()
    return person


def rows(practice: Practice) -> dict[int, tuple[str, str | None]]:
    """Return state and reason of today's rows by the number of the repeat."""
    with practice.db.read() as tx:
        found = tx.conn.exec_driver_sql(
            "SELECT repeat, state, reason FROM prompts WHERE decided_at IS NOT NULL"
        )
        return {row.repeat: (row.state, row.reason) for row in found}


def the_prompt(practice: Practice, person: Person):
    return next(p for p in practice.prompts(person) if p.expires_at)


def live(practice: Practice, until: datetime) -> None:
    practice.live(until, step=MINUTE)


def test_a_reminder_bears_the_name_of_its_prompt_and_a_number_of_its_own(anywhere: Practice):
    person = reminded(anywhere)
    log = Log(anywhere)
    live(anywhere, NINE + 50 * MINUTE)
    assert log.left == [(0, 0), (15, 1), (30, 2)]
    assert {push.prompt_id for push in anywhere.pusher.pushed} == {the_prompt(anywhere, person).id}
    assert {state for state, _ in rows(anywhere).values()} == {State.ACCEPTED}


def test_reminders_count_neither_towards_the_cap_nor_for_the_gap(anywhere: Practice):
    reminded(anywhere, "09:00", "10:00", per_day=2, min_gap="45m")
    log = Log(anywhere)
    live(anywhere, NINE + 61 * MINUTE)
    assert log.left == [(0, 0), (15, 1), (30, 2), (60, 0)]


def test_a_reminder_in_quiet_hours_is_not_sent(anywhere: Practice):
    person = reminded(anywhere)
    own = RulesVersion(
        patient_id=person.patient.id,
        version=1,
        document={"quiet_hours": [{"from": "09:20", "to": "10:30"}]},
        set_by="patient",
        set_at=NINE,
    )
    with anywhere.db.write() as tx:
        rules.add_rules(tx, own)
    log = Log(anywhere)
    live(anywhere, NINE + 50 * MINUTE)
    assert log.left == [(0, 0), (15, 1)]
    assert rows(anywhere)[2] == (State.CANCELLED, Reason.QUIET)


def test_an_answer_that_comes_when_a_reminder_is_due_stops_it(anywhere: Practice):
    person = reminded(anywhere)
    log = Log(anywhere)
    live(anywhere, NINE + 15 * MINUTE)
    anywhere.clock.now = NINE + 15 * MINUTE
    with anywhere.db.write() as tx:
        (due,) = delivery.claim(tx, now=anywhere.clock(), limit=9)
        assert due.repeat == 1
        answers.mark_answered(tx, the_prompt(anywhere, person).id, anywhere.clock(), None)
    live(anywhere, NINE + 50 * MINUTE)
    assert log.left == [(0, 0)]
    assert rows(anywhere)[1] == (State.CANCELLED, Reason.PARENT_ANSWERED)


def test_a_patient_who_says_not_now_is_not_reminded(anywhere: Practice):
    reminded(anywhere)
    log = Log(anywhere)
    anywhere.tick()
    with anywhere.db.write() as tx:
        tx.conn.exec_driver_sql("UPDATE prompts SET declined_at = sent_at WHERE repeat = 0")
    live(anywhere, NINE + 50 * MINUTE)
    assert log.left == [(0, 0)]
    assert rows(anywhere)[1] == (State.CANCELLED, Reason.PARENT_DECLINED)


@pytest.mark.parametrize("outcome", [REFUSED, throttled(3600)])
def test_there_is_no_reminder_of_a_prompt_that_was_not_sent(anywhere: Practice, outcome):
    reminded(anywhere)
    anywhere.pusher.script = [outcome]
    log = Log(anywhere)
    live(anywhere, NINE + 50 * MINUTE)
    assert log.left == [(0, 0)]
    assert rows(anywhere)[1] == rows(anywhere)[2] == (State.CANCELLED, Reason.PARENT_UNSENT)


def test_an_uncertain_prompt_is_reminded_of(anywhere: Practice):
    reminded(anywhere)
    anywhere.pusher.script = [UNKNOWN]
    log = Log(anywhere)
    live(anywhere, NINE + 50 * MINUTE)
    assert log.left == [(0, 0), (15, 1), (30, 2)]


def test_a_reminder_keeps_its_distance_from_a_prompt_that_left_late(anywhere: Practice):
    reminded(anywhere)
    anywhere.pusher.script = [throttled(20 * 60)]
    log = Log(anywhere)
    live(anywhere, NINE + 59 * MINUTE)
    assert log.left[0:2] == [(0, 0), (20, 0)]
    assert min(at for at, number in log.left if number) >= 20 + 15


def test_a_prompt_and_its_reminder_that_are_overdue_together_do_not_leave_together(
    anywhere: Practice,
):
    reminded(anywhere)
    log = Log(anywhere)
    anywhere.clock.now = NINE + 17 * MINUTE
    live(anywhere, NINE + 59 * MINUTE)
    assert log.left[0] == (17, 0)
    assert [number for at, number in log.left if at < 17 + 15] == [0]


def test_a_reminder_that_would_come_after_expiry_ends_with_a_reason(anywhere: Practice):
    reminded(anywhere)
    anywhere.pusher.script = [NOT_SENT] * 3
    anywhere.clock.now = NINE + 50 * MINUTE
    live(anywhere, NINE + 70 * MINUTE)
    ends = rows(anywhere)
    assert ends[0] == (State.ACCEPTED, None)
    assert ends[1] == ends[2] == (State.EXPIRED, Reason.PARENT_WAITS)
