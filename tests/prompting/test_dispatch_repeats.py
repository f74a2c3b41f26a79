"""Sending once more to a phone that drops what it has had, and only to such a phone."""

from datetime import datetime, timedelta

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
from engine.commands.scheduling import change_protocol
from engine.prompt import MOST_UNCERTAIN, Reason, State
from engine.store import devices
from prompting.dispatch import LONGEST_BACKOFF


def first(practice: Practice, person: Person):
    return practice.prompts(person)[0]


def wait(practice: Practice, longest: timedelta = LONGEST_BACKOFF) -> None:
    """Let the longest back-off pass, and tick."""
    practice.clock.now += longest
    practice.tick()


def report(practice: Practice, person: Person, at: datetime | None = None) -> None:
    """Let the phone say that the prompt has arrived."""
    now = at or practice.clock()
    receipt = answering.ReceiptIn(prompt_id=first(practice, person).id, kind="delivered", at=now)
    answering.record_receipts(practice.db, person.phones[0], [receipt], device_now=now, now=now)


def test_an_uncertain_prompt_is_sent_again_as_the_same_push_until_firebase_takes_it(
    anywhere: Practice,
):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN, UNKNOWN]
    anywhere.tick()
    assert first(anywhere, person).state == State.UNKNOWN
    wait(anywhere)
    wait(anywhere)
    assert len(anywhere.pusher.pushed) == 3
    assert len(set(anywhere.pusher.pushed)) == 1
    found = first(anywhere, person)
    assert (found.state, found.sent_at) == (State.ACCEPTED, NINE)


@pytest.mark.parametrize("outcome", [UNKNOWN, throttled(5), NOT_SENT])
def test_a_phone_that_shows_repeats_gets_one_uncertain_send_whatever_follows(
    anywhere: Practice, outcome
):
    person = at_nine(anywhere)
    anywhere.pusher.script = [outcome, UNKNOWN]
    anywhere.live(NINE + timedelta(hours=2), step=timedelta(minutes=1))
    found = first(anywhere, person)
    assert (found.state, found.reason) == (State.UNKNOWN, Reason.NO_CLEAR_ANSWER)
    assert anywhere.pusher.times(found.id) == 1 + (outcome is not UNKNOWN)


def test_there_are_at_most_five_uncertain_sends(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN] * 50
    anywhere.live(NINE + timedelta(hours=2), step=timedelta(minutes=1))
    found = first(anywhere, person)
    assert anywhere.pusher.times(found.id) == MOST_UNCERTAIN == 5
    assert (found.state, found.reason) == (State.UNKNOWN, Reason.NO_CLEAR_ANSWER)


def test_sends_that_were_proven_not_to_arrive_do_not_use_up_the_five(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN, throttled(1), throttled(1), NOT_SENT] * 20
    anywhere.live(NINE + timedelta(minutes=59), step=timedelta(minutes=1))
    assert anywhere.pusher.times(first(anywhere, person).id) == 1 + 4 * 4


@pytest.mark.parametrize("expires_after", ["2m", "5m"])
def test_no_repeat_begins_at_or_after_expiry(anywhere: Practice, expires_after: str):
    person = at_nine(anywhere, deduplicates=True, expires_after=expires_after)
    expires_at = first(anywhere, person).expires_at
    begun: list[datetime] = []
    anywhere.pusher.before = lambda _pushes: begun.append(anywhere.clock())
    anywhere.pusher.script = [UNKNOWN] + [throttled(None)] * 500
    while anywhere.clock() < expires_at + timedelta(minutes=3):
        anywhere.tick()
        anywhere.clock.forward(seconds=1)
    assert len(begun) > 2
    assert max(begun) < expires_at
    assert first(anywhere, person).state == State.UNKNOWN


def test_no_repeat_is_sent_in_quiet_hours(anywhere: Practice):
    person = anywhere.enrol(
        protocol(fixed("09:00", expires_after="3h"), quiet="09:01-10:30"), deduplicates=True
    )
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.script = [UNKNOWN]
    anywhere.tick()
    anywhere.clock.now = NINE + timedelta(minutes=2)
    anywhere.live(NINE + timedelta(hours=4))
    found = first(anywhere, person)
    assert len(anywhere.pusher.pushed) == 1
    assert (found.state, found.reason) == (State.UNKNOWN, Reason.QUIET)


def test_a_repeat_goes_to_the_phone_that_may_have_it_and_to_no_other(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN]
    anywhere.tick()
    anywhere.clock.forward(seconds=1)
    anywhere.add_phone(person.patient, 5, deduplicates=True)
    wait(anywhere)
    assert {push.token for push in anywhere.pusher.pushed} == {person.phones[0].push_token}
    assert first(anywhere, person).state == State.ACCEPTED


def test_when_the_phone_that_may_have_it_is_gone_nothing_is_sent_elsewhere(anywhere: Practice):
    person = at_nine(anywhere, phones=2, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN, TOKEN_DEAD]
    anywhere.tick()
    wait(anywhere)
    wait(anywhere)
    assert {push.token for push in anywhere.pusher.pushed} == {person.phones[1].push_token}
    found = first(anywhere, person)
    assert (found.state, found.reason) == (State.UNKNOWN, Reason.SAME_PHONE)


def test_a_new_token_of_the_same_phone_gets_the_repeat(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN]
    anywhere.tick()
    with anywhere.db.write() as tx:
        devices.set_push_token(tx, person.phones[0].id, "emu-renewed")
    wait(anywhere)
    assert anywhere.pusher.pushed[1].token == "emu-renewed"
    assert first(anywhere, person).state == State.ACCEPTED


def test_what_the_phone_has_confirmed_is_not_sent_again(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN]
    anywhere.tick()
    report(anywhere, person, anywhere.clock.forward(seconds=1))
    anywhere.live(NINE + timedelta(hours=2))
    assert len(anywhere.pusher.pushed) == 1
    assert first(anywhere, person).state == State.ACCEPTED


def test_what_firebase_refused_for_now_and_the_phone_confirms_is_not_sent_again(
    anywhere: Practice,
):
    person = at_nine(anywhere)
    anywhere.pusher.script = [throttled(60)]
    anywhere.tick()
    report(anywhere, person, anywhere.clock.forward(seconds=1))
    anywhere.live(NINE + timedelta(minutes=10))
    assert len(anywhere.pusher.pushed) == 1
    assert first(anywhere, person).state == State.ACCEPTED


def test_a_change_of_protocol_does_not_cancel_what_may_be_out(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN]
    anywhere.tick()
    change_protocol(
        anywhere.db,
        person.patient.id,
        protocol(fixed("15:00")),
        expected_version=1,
        known_content=["checkin.momentary"],
        by="test",
        now=anywhere.clock(),
    )
    assert first(anywhere, person).state == State.UNKNOWN
    wait(anywhere)
    assert len(anywhere.pusher.pushed) == 2
    assert first(anywhere, person).state == State.ACCEPTED


@pytest.mark.parametrize("deduplicates", [True, False])
def test_what_a_dead_worker_may_have_sent_is_sent_again_only_where_repeats_are_dropped(
    anywhere: Practice, deduplicates: bool
):
    person = at_nine(anywhere, deduplicates=deduplicates)
    anywhere.pusher.script = [OSError("killed")]
    with pytest.raises(OSError, match="killed"):
        anywhere.tick("dies")
    anywhere.lapse()
    anywhere.tick("next")
    found = first(anywhere, person)
    assert anywhere.pusher.times(found.id) == (2 if deduplicates else 1)
    assert (found.state, found.reason) == (
        (State.ACCEPTED, None) if deduplicates else (State.UNKNOWN, Reason.WORKER_STOPPED)
    )


def test_workers_that_die_again_and_again_send_a_prompt_five_times_at_most(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    for _ in range(MOST_UNCERTAIN):
        anywhere.pusher.script = [OSError("killed")]
        with pytest.raises(OSError, match="killed"):
            anywhere.tick("dies")
        anywhere.lapse()
    anywhere.live(NINE + timedelta(minutes=50), step=timedelta(minutes=1))
    found = first(anywhere, person)
    assert anywhere.pusher.times(found.id) == MOST_UNCERTAIN
    assert (found.state, found.reason) == (State.UNKNOWN, Reason.WORKER_STOPPED)


def test_a_refusal_after_an_uncertain_send_ends_as_unknown_and_not_as_failed(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    anywhere.pusher.script = [UNKNOWN, REFUSED]
    anywhere.tick()
    wait(anywhere)
    wait(anywhere)
    assert first(anywhere, person).state == State.UNKNOWN
    assert len(anywhere.pusher.pushed) == 2


def test_a_repeat_counts_neither_for_the_cap_nor_for_the_gap_a_second_time(anywhere: Practice):
    person = anywhere.enrol(
        protocol(fixed("09:00", "12:00"), per_day=2, min_gap="2h"), deduplicates=True
    )
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.pusher.script = [UNKNOWN, UNKNOWN]
    anywhere.live(NINE + timedelta(hours=4), step=timedelta(minutes=1))
    today = [p for p in anywhere.prompts(person) if p.local_date == NINE.date()]
    assert [p.state for p in today] == [State.ACCEPTED, State.ACCEPTED]
    assert len(anywhere.pusher.pushed) == 4


def test_a_repeat_keeps_the_gap_to_a_later_prompt_that_has_left(anywhere: Practice):
    person = anywhere.enrol(
        protocol(fixed("09:00", id="a"), fixed("09:03", id="b"), min_gap="3m"), deduplicates=True
    )
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    times: dict[str, datetime] = {}

    def note(pushes) -> None:
        for push in pushes:
            times[anywhere.prompt(person, push.prompt_id).assignment] = anywhere.clock()

    anywhere.pusher.before = note
    anywhere.pusher.script = [UNKNOWN._replace(retry_after=timedelta(seconds=230))]
    anywhere.live(NINE + timedelta(minutes=20), step=timedelta(seconds=30))
    assert times == {"b": NINE + timedelta(minutes=3), "a": NINE + timedelta(minutes=6)}
    assert len(anywhere.pusher.pushed) == 3


def test_a_prompt_throttled_beyond_its_expiry_ends_at_once_and_says_why(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [throttled(3600)]
    anywhere.tick()
    found = first(anywhere, person)
    assert (found.state, found.reason) == (State.EXPIRED, Reason.WAIT_TOO_LONG)
    anywhere.live(NINE + timedelta(hours=2))
    assert len(anywhere.pusher.pushed) == 1


def test_nothing_is_claimed_while_firebase_is_in_trouble(anywhere: Practice):
    people = [anywhere.enrol(protocol(fixed("09:00"))) for _ in range(4)]
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.spare = 0
    anywhere.tick()
    assert {first(anywhere, person).state for person in people} == {State.PLANNED}
    anywhere.pusher.spare = 1
    sizes: list[int] = []
    anywhere.pusher.before = lambda pushes: sizes.append(len(pushes))
    anywhere.tick()
    assert sizes == [1, 1, 1, 1]


def test_the_gap_counts_from_when_a_prompt_was_sent_again(anywhere: Practice):
    """The phone may have shown it only then."""
    person = anywhere.enrol(
        protocol(fixed("09:00", "09:50", expires_after="45m"), min_gap="30m"), deduplicates=True
    )
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.script = [OSError("killed")]
    with pytest.raises(OSError, match="killed"):
        anywhere.tick("dies")
    anywhere.lapse()
    anywhere.clock.now = NINE + timedelta(minutes=40)
    anywhere.tick("next")
    anywhere.clock.now = NINE + timedelta(minutes=50)
    anywhere.decide()
    anywhere.tick("next")
    again, following = anywhere.prompts(person)[:2]
    assert anywhere.pusher.times(again.id) == 2
    assert (following.state, following.reason) == (State.RETRY, Reason.GAP)
    anywhere.clock.now = NINE + timedelta(minutes=70)
    anywhere.tick("next")
    assert anywhere.pusher.times(following.id) == 1


def test_a_repeat_does_not_wait_for_the_gap_to_itself(anywhere: Practice):
    document = protocol(fixed("09:00", expires_after="3h"), min_gap="2h")
    person = anywhere.enrol(document, deduplicates=True)
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.script = [UNKNOWN, UNKNOWN]
    for _ in range(3):
        wait(anywhere)
    assert anywhere.pusher.times(first(anywhere, person).id) == 3
