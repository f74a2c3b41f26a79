from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompting.fcm.bucket import LEAST_PER_MINUTE, TokenBucket


class Seconds:
    """A clock of seconds that moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken_at(bucket: TokenBucket, clock: Seconds, count: int) -> list[float]:
    """When each of `count` takers that come at once may go."""
    return [clock.now + bucket.take() for _ in range(count)]


def test_a_second_worth_of_messages_goes_at_once_and_the_next_waits():
    clock = Seconds()
    bucket = TokenBucket(6100, monotonic=clock)
    assert taken_at(bucket, clock, 100) == [1000.0] * 100
    assert bucket.take() == pytest.approx(0.01)
    assert bucket.take() == pytest.approx(0.02)


def test_time_refills_the_bucket_but_never_beyond_its_burst():
    clock = Seconds()
    bucket = TokenBucket(6100, monotonic=clock)
    taken_at(bucket, clock, 100)
    clock.now += 0.5
    assert [bucket.take() for _ in range(50)] == pytest.approx([0.0] * 50)
    assert bucket.take() > 0
    clock.now += 3600
    assert taken_at(bucket, clock, 100) == [clock.now] * 100
    assert bucket.take() > 0


def test_a_clock_that_stands_still_or_goes_back_gives_nothing_away():
    clock = Seconds()
    bucket = TokenBucket(6100, monotonic=clock)
    taken_at(bucket, clock, 100)
    clock.now -= 500
    assert bucket.take() == pytest.approx(0.01)


@given(
    per_minute=st.integers(LEAST_PER_MINUTE, 2000),
    visits=st.lists(
        st.tuples(st.floats(0, 90, allow_nan=False), st.integers(1, 400)), min_size=1, max_size=12
    ),
)
def test_no_stretch_of_a_minute_sees_more_than_the_limit(per_minute, visits):
    clock = Seconds()
    bucket = TokenBucket(per_minute, monotonic=clock)
    going: list[float] = []
    for pause, count in visits:
        clock.now += pause
        going += taken_at(bucket, clock, count)
    assert going == sorted(going)
    for first, at in enumerate(going):
        in_a_minute = bisect_left(going, at + 60 - 1e-6) - first
        assert in_a_minute <= per_minute


@given(per_minute=st.integers(LEAST_PER_MINUTE, 5_000))
def test_a_busy_project_gets_nearly_all_that_it_may_have(per_minute):
    clock = Seconds()
    bucket = TokenBucket(per_minute, monotonic=clock)
    last = max(taken_at(bucket, clock, per_minute))
    assert last <= clock.now + 60 + 1e-6


@pytest.mark.parametrize("per_minute", [0, -1, LEAST_PER_MINUTE - 1])
def test_a_limit_below_one_a_second_is_refused(per_minute):
    with pytest.raises(ValueError, match=r"^per_minute:"):
        TokenBucket(per_minute)
