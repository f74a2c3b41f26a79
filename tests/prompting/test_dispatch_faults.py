"""What becomes of a prompt when sending fails, or the worker does, on both databases."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from fakes import (
    NINE,
    NOT_SENT,
    REFUSED,
    TOKEN_DEAD,
    UNKNOWN,
    Person,
    Practice,
    at_nine,
    fixed,
    protocol,
    throttled,
)

from engine.commands import answering
from engine.prompt import Reason, State
from engine.store import WriteTx, devices, open_database, sent
from prompting.dispatch import BACKOFF, LONGEST_BACKOFF, backoff


def first(practice: Practice, person: Person):
    return practice.prompts(person)[0]


def test_a_throttled_prompt_waits_as_long_as_it_was_told(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [throttled(600)]
    anywhere.tick()
    for seconds, times in ((0, 1), (599, 1), (600, 2)):
        anywhere.clock.now = NINE + timedelta(seconds=seconds)
        anywhere.tick()
        assert anywhere.pusher.times(first(anywhere, person).id) == times
    assert first(anywhere, person).state == State.ACCEPTED


def test_a_prompt_throttled_beyond_its_expiry_expires(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [throttled(7200)]
    anywhere.live(NINE + timedelta(hours=3))
    assert first(anywhere, person).state == State.EXPIRED
    assert anywhere.pusher.times(first(anywhere, person).id) == 1


@pytest.mark.parametrize("outcome", [NOT_SENT, throttled(None)])
def test_what_was_proven_not_sent_is_tried_again_until_it_expires(anywhere: Practice, outcome):
    person = at_nine(anywhere)
    anywhere.pusher.script = [outcome] * 500
    anywhere.live(NINE + timedelta(minutes=70), step=timedelta(minutes=1))
    assert 6 <= anywhere.pusher.times(first(anywhere, person).id) <= 70
    assert first(anywhere, person).state == State.EXPIRED


def test_unknown_is_never_sent_again(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [UNKNOWN]
    anywhere.live(NINE + timedelta(hours=2))
    assert first(anywhere, person).state == State.UNKNOWN
    assert anywhere.pusher.times(first(anywhere, person).id) == 1


def test_unknown_becomes_accepted_when_the_phone_confirms(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [UNKNOWN]
    anywhere.tick()
    at = anywhere.clock.forward(minutes=1)
    receipt = answering.ReceiptIn(prompt_id=first(anywhere, person).id, kind="delivered", at=at)
    answering.record_receipts(anywhere.db, person.phones[0], [receipt], device_now=at, now=at)
    found = first(anywhere, person)
    assert (found.state, found.delivered_at) == (State.ACCEPTED, at)


def test_a_refused_prompt_fails_and_is_not_tried_again(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [REFUSED]
    anywhere.live(NINE + timedelta(minutes=20))
    assert first(anywhere, person).state == State.FAILED
    assert len(anywhere.pusher.pushed) == 1


def test_when_a_token_is_dead_the_next_phone_gets_the_prompt(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00")), phones=2)
    older, newer = person.phones
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.by_token[newer.push_token] = TOKEN_DEAD
    anywhere.tick()
    assert [push.token for push in anywhere.pusher.pushed] == [newer.push_token, older.push_token]
    assert first(anywhere, person).state == State.ACCEPTED


def test_when_all_tokens_are_dead_the_prompt_fails(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.by_token[person.phones[0].push_token] = TOKEN_DEAD
    anywhere.live(NINE + timedelta(minutes=20))
    found = first(anywhere, person)
    assert (found.state, found.reason) == (State.FAILED, "no phone to send to")
    assert len(anywhere.pusher.pushed) == 1


def test_a_phone_that_registers_anew_while_a_push_is_on_its_way_stays_in_use(anywhere: Practice):
    person = at_nine(anywhere)

    def register(_pushes) -> None:
        anywhere.pusher.before = lambda _pushes: None
        with anywhere.db.write() as tx:
            devices.set_push_token(tx, person.phones[0].id, "emu-new")

    anywhere.pusher.before = register
    anywhere.pusher.script = [TOKEN_DEAD]
    anywhere.tick()
    assert [push.token for push in anywhere.pusher.pushed] == ["emu-P-01-0", "emu-new"]
    assert first(anywhere, person).state == State.ACCEPTED


def test_a_patient_without_a_phone_has_prompts_that_fail(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00")), phones=0)
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.tick()
    assert first(anywhere, person).state == State.FAILED


def test_the_intent_is_committed_before_anything_is_sent(anywhere: Practice):
    person = at_nine(anywhere)
    seen = []

    def look(pushes) -> None:
        own = open_database(anywhere.db._engine.url.render_as_string(hide_password=False))
        other = Practice(own, anywhere.clock)
        seen.extend(other.prompt(person, push.prompt_id).state for push in pushes)
        with own.read() as tx:
            lately = sent.recent(tx, [person.enrolment.id], now=NINE, since=NINE.date())
            assert lately[person.enrolment.id].on == {NINE.date(): 1}
        own.close()

    anywhere.pusher.before = look
    anywhere.tick()
    assert seen == [State.SENDING]


class StopsHere(Exception):
    """Ends a tick as a crash would: nothing after it happens."""


@pytest.mark.parametrize("step", range(1, 9))
def test_a_crash_between_any_two_steps_never_sends_twice(anywhere: Practice, step: int):
    person = at_nine(anywhere)
    calls = 0

    def dying_clock() -> datetime:
        nonlocal calls
        calls += 1
        if calls == step:
            raise StopsHere
        return anywhere.clock.now

    dispatcher = anywhere.dispatcher("dies")
    object.__setattr__(dispatcher, "clock", dying_clock)
    with pytest.raises(StopsHere):
        dispatcher.tick()
    sent_before = len(anywhere.pusher.pushed)
    anywhere.tick()  # another worker, while the lease still holds
    anywhere.lapse()
    anywhere.tick()
    found = first(anywhere, person)
    sent = anywhere.pusher.times(found.id)
    assert found.state in (State.ACCEPTED, State.UNKNOWN)
    assert sent == 1 or (sent == 0 and found.state == State.UNKNOWN)
    assert sent >= sent_before


def test_a_pusher_that_raises_leaves_the_prompt_unknown(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [OSError("broken")]
    with pytest.raises(OSError, match="broken"):
        anywhere.tick()
    anywhere.lapse()
    anywhere.live(NINE + timedelta(hours=2))
    assert first(anywhere, person).state == State.UNKNOWN
    assert anywhere.pusher.times(first(anywhere, person).id) == 1


def test_a_worker_that_slept_between_intent_and_sending_is_the_only_one_to_send(anywhere: Practice):
    person = at_nine(anywhere)
    asleep = anywhere.dispatcher("asleep")
    times = iter([NINE] * 4)
    seen = []

    def clock() -> datetime:
        now = next(times, None)
        if now is None and not seen:  # its intent is committed, nothing has left
            anywhere.lapse()
            anywhere.tick("awake")
            seen.append(first(anywhere, person).state)
        return now or anywhere.clock.now

    object.__setattr__(asleep, "clock", clock)
    asleep.tick()
    assert seen == [State.UNKNOWN], "the other worker could not know that nothing had left"
    assert anywhere.pusher.times(first(anywhere, person).id) == 1
    assert first(anywhere, person).state == State.ACCEPTED


class HeldUp:
    """A database whose second transaction of a tick begins only after an hour of waiting."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.is_sqlite = practice.db.is_sqlite
        self.begun = 0

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        self.begun += 1
        if self.begun == 2:
            self.practice.clock.forward(hours=1)
        with self.practice.db.write() as tx:
            yield tx


def test_a_worker_that_waited_for_the_database_goes_by_the_clock_after_it(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00", expires_after="3h"), quiet="09:30-10:30"))
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    replace(anywhere.dispatcher(), db=HeldUp(anywhere)).tick()
    found = first(anywhere, person)
    assert (found.state, found.reason) == (State.CANCELLED, Reason.QUIET)
    assert anywhere.pusher.pushed == []


def test_waiting_times_grow_to_a_cap_and_can_be_replayed():
    prompt = UUID(int=7)
    for attempt in range(1, 40):
        wait = backoff(prompt, attempt)
        assert timedelta(seconds=1) <= wait <= min(BACKOFF * 2 ** (attempt - 1), LONGEST_BACKOFF)
        assert wait == backoff(prompt, attempt)


def test_prompts_that_failed_together_do_not_come_back_together():
    waits = [backoff(UUID(int=number), 9) for number in range(1_000)]
    by_quarter = Counter(min(int(wait / (LONGEST_BACKOFF / 4)), 3) for wait in waits)
    assert all(200 < by_quarter[quarter] < 300 for quarter in range(4))
