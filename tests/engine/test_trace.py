"""A prompt's way in words: complete, in order, and nothing of what it asks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.delivery_records import AttemptRecord, PromptStory
from engine.prompt import PromptKind, Reason, State
from engine.trace import KIND_WORDS, OUTCOME_WORDS, REPORT_WORDS, STATE_WORDS, trace_of
from prompting.fcm.outcome import Kind

TEN = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
"""10:00 in Berlin."""


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def attempt(number: int, minute: float, outcome: str | None, **more) -> AttemptRecord:
    values = {"http_status": None, "next_try_at": None} | more
    return AttemptRecord(
        attempt=number,
        intended_at=at(minute),
        finished_at=None if outcome is None else at(minute),
        outcome=outcome,
        **values,
    )


def story(**change) -> PromptStory:
    """Return a prompt drawn for 10:04 that was sent, confirmed, opened and answered."""
    values = {
        "id": UUID(int=1),
        "patient_id": UUID(int=2),
        "kind": PromptKind.PROMPT,
        "repeat": 0,
        "zone": "Europe/Berlin",
        "timing": "adaptive",
        "state": State.ACCEPTED,
        "reason": None,
        "start_at": at(0),
        "end_at": at(120),
        "decided_at": at(-5),
        "due_at": at(4),
        "expires_at": at(64),
        "next_try_at": None,
        "sent_at": at(4),
        "delivered_at": at(4),
        "answered_at": at(13),
        "declined_at": None,
        "closed_at": None,
        "attempts": (attempt(1, 4, "accepted", http_status=200),),
        "receipts": {"delivered": at(4), "opened": at(11)},
    }
    return PromptStory(**(values | change))


def told(*stories: PromptStory) -> list[tuple[str, str]]:
    return [(f"{line.local:%H:%M}", line.text) for line in trace_of(stories).lines]


def test_a_prompt_that_went_well_reads_from_plan_to_answer():
    assert told(story()) == [
        ("09:55", "planned for 10:00-12:00"),
        ("09:55", "drawn for 10:04"),
        ("10:04", "sent to phone (attempt 1)"),
        ("10:04", "phone confirmed"),
        ("10:11", "opened"),
        ("10:13", "answered"),
    ]
    assert trace_of([story()]).summary == (
        "sent 10:04, phone confirmed 10:04, opened 10:11, answered 10:13"
    )


def test_a_prompt_through_an_outage_tells_each_try_and_when_the_next_one_comes():
    tries = (
        attempt(1, 4, "throttled", http_status=429, next_try_at=at(5)),
        attempt(2, 5, "unknown", http_status=503, next_try_at=at(6)),
        attempt(3, 6, "not_sent", next_try_at=at(8)),
        attempt(4, 8, "accepted", http_status=200),
    )
    assert [text for _, text in told(story(attempts=tries, receipts={}, answered_at=None))][2:] == [
        "Firebase busy (429, attempt 1), next try 10:05",
        "no clear answer from Firebase, it may have arrived (503, attempt 2), next try 10:06",
        "Firebase could not be reached (attempt 3), next try 10:08",
        "sent to phone (attempt 4)",
    ]


def test_a_prompt_nobody_knows_about_says_so():
    lost = story(
        state=State.UNKNOWN,
        reason=Reason.WORKER_STOPPED,
        delivered_at=None,
        answered_at=None,
        receipts={},
        attempts=(attempt(1, 4, None),),
    )
    assert [text for _, text in told(lost)][2:] == [
        "the worker stopped while sending (attempt 1), it may have arrived",
        "ends here: nobody knows whether it arrived, and it is not sent again",
    ]
    assert trace_of([lost]).summary == "may have been sent 10:04"


@pytest.mark.parametrize(
    ("state", "reason", "summary"),
    [
        (State.FAILED, Reason.NO_PHONE, "not sent: no phone to send to"),
        (State.CANCELLED, Reason.QUIET, "cancelled unsent: quiet hours"),
        (State.EXPIRED, Reason.OVERTAKEN, "expired unsent: overtaken by a later prompt"),
        (State.WITHHELD, None, "no prompt drawn"),
    ],
)
def test_a_prompt_that_ended_unsent_says_why(state: State, reason: Reason | None, summary: str):
    ended = story(
        state=state,
        reason=reason,
        sent_at=None,
        delivered_at=None,
        answered_at=None,
        closed_at=at(5),
        attempts=(),
        receipts={},
    )
    assert trace_of([ended]).summary == summary
    assert told(ended)[-1] == ("10:05", summary)


def test_a_dead_phone_and_the_next_one():
    tries = (
        attempt(1, 4, "token_dead", http_status=404, next_try_at=at(4)),
        attempt(2, 4, "accepted", http_status=200),
    )
    assert [text for _, text in told(story(attempts=tries))][2:4] == [
        "this phone no longer takes pushes (404, attempt 1), the next phone is tried",
        "sent to phone (attempt 2)",
    ]


def test_reminders_stand_in_the_trace_of_their_prompt():
    reminder = story(
        id=UUID(int=3),
        kind=PromptKind.REMINDER,
        repeat=1,
        state=State.CANCELLED,
        reason=Reason.PARENT_ANSWERED,
        due_at=at(19),
        sent_at=None,
        delivered_at=None,
        answered_at=None,
        closed_at=at(13),
        attempts=(),
        receipts={},
    )
    lines = told(story(), reminder)
    assert ("09:55", "reminder (1): set for 10:19") in lines
    assert lines[-1] == ("10:13", "reminder (1): cancelled unsent: its prompt was answered")


def test_an_answer_after_expiry_is_called_late_and_not_now_is_told():
    assert told(story(answered_at=at(64)))[-1] == ("11:04", "answered late")
    assert told(story(answered_at=None, declined_at=at(12)))[-1][1] == "the patient said not now"


def test_local_times_are_those_of_the_prompts_zone():
    line = trace_of([story(zone="Asia/Tokyo")]).lines[0]
    assert line.local.utcoffset() == timedelta(hours=9)
    assert line.at == line.local


def test_every_state_outcome_report_and_kind_has_words():
    assert set(STATE_WORDS) == set(State)
    assert set(OUTCOME_WORDS) == set(Kind)
    assert set(REPORT_WORDS) == {"delivered", "shown", "opened", "dismissed"}
    assert set(KIND_WORDS) == set(PromptKind)
    assert all(str(reason).strip() and len(reason) <= 64 for reason in Reason)


instants = st.integers(-10, 300).map(at)


@given(
    st.sampled_from(list(State)),
    st.sampled_from([None, *Reason]),
    st.lists(st.tuples(st.sampled_from([None, *Kind]), st.none() | instants), max_size=6),
    st.dictionaries(st.sampled_from(list(REPORT_WORDS)), instants),
    st.none() | instants,
)
def test_whatever_is_on_record_can_be_told(state, reason, outcomes, receipts, ended):
    tries = tuple(
        attempt(number, number, outcome, next_try_at=following)
        for number, (outcome, following) in enumerate(outcomes, start=1)
    )
    record = story(
        state=state, reason=reason, attempts=tries, receipts=receipts, closed_at=ended,
        due_at=None, decided_at=None, sent_at=ended, answered_at=None,
    )  # fmt: skip
    trace = trace_of([record])
    assert trace.summary
    assert list(trace.lines) == sorted(trace.lines, key=lambda line: line.at)
    assert len(trace.lines) >= 1 + len(tries) + len(receipts)
