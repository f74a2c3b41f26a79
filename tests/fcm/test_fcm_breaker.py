from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompting.fcm.breaker import UNBOUNDED, Breaker, is_troubled
from prompting.fcm.outcome import Kind, SendOutcome

OK = SendOutcome(Kind.ACCEPTED, 200, message_name="projects/p/messages/1")
BUSY = SendOutcome(Kind.THROTTLED, 429, "QUOTA_EXCEEDED")
DOWN = SendOutcome(Kind.UNKNOWN, 503, "UNAVAILABLE")
DEAD = SendOutcome(Kind.TOKEN_DEAD, 404, "UNREGISTERED")
RETIRED = SendOutcome(Kind.NOT_SENT, code="NOT_PROCESSED")


def asking(outcome: SendOutcome, seconds: float) -> SendOutcome:
    return SendOutcome(
        outcome.kind, outcome.http_status, outcome.code, retry_after=timedelta(seconds=seconds)
    )


class Project:
    """A breaker, its clock, and sending as the client does it."""

    def __init__(self) -> None:
        self.now = 50.0
        self.breaker = Breaker(monotonic=lambda: self.now)

    def send(self, *outcomes: SendOutcome) -> None:
        for outcome in outcomes:
            ticket = self.breaker.enter()
            assert ticket is not None
            self.breaker.report(ticket, outcome)

    @property
    def state(self) -> tuple[int, float]:
        return self.breaker.room, self.breaker.open_for.total_seconds()


@pytest.fixture
def project() -> Project:
    return Project()


CLOSED = (UNBOUNDED, 0.0)


@pytest.mark.parametrize("outcome", [BUSY, DOWN])
def test_five_troubled_answers_in_a_row_open_it_and_four_do_not(project, outcome):
    project.send(*[outcome] * 4)
    assert project.state == CLOSED
    project.send(outcome)
    assert project.state == (0, 5.0)
    assert project.breaker.enter() is None


@pytest.mark.parametrize("outcome", [OK, DEAD])
def test_an_answer_that_is_about_one_push_begins_the_row_anew(project, outcome):
    project.send(*[DOWN] * 4, outcome, *[DOWN] * 4)
    assert project.state == CLOSED
    project.send(DOWN)
    assert project.breaker.room == 0


def test_a_connection_retired_by_the_server_neither_counts_nor_breaks_the_row(project):
    project.send(*[RETIRED] * 20)
    assert project.state == CLOSED
    project.send(*[DOWN] * 4, RETIRED, DOWN)
    assert project.breaker.room == 0


def test_retry_after_keeps_it_open_for_longer_but_never_for_less(project):
    project.send(*[BUSY] * 4, asking(BUSY, 40))
    assert project.state == (0, 40.0)
    project.now += 39.9
    assert project.breaker.enter() is None
    other = Project()
    other.send(*[BUSY] * 4, asking(BUSY, 1))
    assert other.state == (0, 5.0)


def test_after_the_pause_exactly_one_push_asks_and_a_good_answer_closes_it(project):
    project.send(*[DOWN] * 5)
    project.now += 5
    assert project.state == (1, 0.0)
    probe = project.breaker.enter()
    assert probe is not None
    assert project.breaker.enter() is None
    assert project.breaker.room == 0
    project.breaker.report(probe, OK)
    assert project.state == CLOSED
    project.send(*[DOWN] * 4)
    assert project.state == CLOSED


def test_each_bad_answer_to_a_probe_doubles_the_pause_up_to_half_a_minute(project):
    project.send(*[DOWN] * 5)
    pauses = []
    for _ in range(5):
        pauses.append(project.state[1])
        project.now += pauses[-1]
        project.send(DOWN)
    assert pauses == [5, 10, 20, 30, 30]


def test_the_pause_begins_small_again_after_a_recovery(project):
    project.send(*[DOWN] * 5)
    for _ in range(3):
        project.now += 30
        project.send(DOWN)
    project.now += 30
    project.send(OK)
    project.send(*[DOWN] * 5)
    assert project.state == (0, 5.0)


@pytest.mark.parametrize("nothing", [None, RETIRED, SendOutcome(Kind.NOT_SENT, code="EXPIRED")])
def test_a_probe_that_tells_nothing_leaves_its_place_to_the_next(project, nothing):
    project.send(*[DOWN] * 5)
    project.now += 5
    probe = project.breaker.enter()
    assert probe is not None
    project.breaker.report(probe, nothing)
    assert project.state == (1, 0.0)


def test_a_probe_whose_sender_vanished_does_not_block_for_ever(project):
    project.send(*[DOWN] * 5)
    project.now += 5
    assert project.breaker.enter() is not None
    project.now += 59
    assert project.breaker.enter() is None
    project.now += 1
    assert project.breaker.enter() is not None


@pytest.mark.parametrize("late", [OK, DOWN])
def test_answers_to_pushes_from_before_the_opening_count_no_more(project, late):
    tickets = [project.breaker.enter() for _ in range(10)]
    for ticket in tickets[:5]:
        project.breaker.report(ticket, DOWN)
    before = project.state
    for ticket in tickets[5:]:
        project.breaker.report(ticket, late)
    assert project.state == before
    project.now += 5
    assert project.state == (1, 0.0)


@pytest.mark.parametrize(
    ("outcome", "troubled"),
    [
        (OK, False),
        (DEAD, False),
        (SendOutcome(Kind.REFUSED, 400, "INVALID_ARGUMENT"), False),
        (RETIRED, False),
        (BUSY, True),
        (DOWN, True),
        (SendOutcome(Kind.UNKNOWN, code="TIMEOUT"), True),
        (SendOutcome(Kind.NOT_SENT, code="CONNECT_FAILED"), True),
    ],
)
def test_trouble_is_what_speaks_of_the_service(outcome, troubled):
    assert is_troubled(outcome) is troubled


STEPS = st.lists(
    st.one_of(
        st.sampled_from([OK, DEAD, BUSY, DOWN, RETIRED, None]),
        st.floats(0.1, 40).map(lambda seconds: lambda: seconds),
    ),
    max_size=60,
)


@given(steps=STEPS)
def test_whatever_happens_it_sends_again_once_the_longest_pause_is_over(steps):
    project = Project()
    for step in steps:
        if isinstance(step, Callable):
            project.now += step()
            continue
        ticket = project.breaker.enter()
        assert (ticket is None) == (project.breaker.room == 0 if ticket is None else False)
        if ticket is not None:
            project.breaker.report(ticket, step)
    project.now += 30
    assert project.breaker.room in (1, UNBOUNDED)
    project.send(OK)
    assert project.state == CLOSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0},
        {"first_pause": timedelta(0)},
        {"first_pause": timedelta(seconds=9), "longest_pause": timedelta(seconds=8)},
    ],
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must be positive"):
        Breaker(**wrong)
