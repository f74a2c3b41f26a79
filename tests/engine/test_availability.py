"""When a prompt may be sent at all."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.availability import available_slots, may_send

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)


def minutes(*numbers):
    return [NOON + timedelta(minutes=number) for number in numbers]


def test_a_slot_is_free_from_now_on_and_the_gap_away_from_others_on_both_sides():
    free = available_slots(
        minutes(-1, 0, 15, 16, 59, 60, 104, 105),
        taken=minutes(-45, 60),
        min_gap=timedelta(minutes=45),
        now=NOON,
    )
    assert free == [False, True, True, False, False, False, False, True]


def test_without_a_gap_even_a_taken_instant_is_free():
    assert available_slots([NOON], taken=[NOON], min_gap=timedelta(0), now=NOON) == [True]


def test_the_gap_is_real_time_where_the_hour_repeats():
    first, second = (
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
    )
    assert available_slots([second], taken=[first], min_gap=timedelta(minutes=60), now=first) == [
        True
    ]


offsets = st.lists(st.integers(-180, 180), max_size=8)


@given(offsets, offsets, st.integers(0, 90), st.integers(-60, 60))
def test_sending_at_a_free_slot_always_keeps_the_gap(slots, taken, gap, now):
    free = available_slots(
        minutes(*slots), taken=minutes(*taken), min_gap=timedelta(minutes=gap), now=minutes(now)[0]
    )
    for slot, is_free in zip(slots, free, strict=True):
        kept = slot >= now and min((abs(slot - other) for other in taken), default=999) >= gap
        assert is_free is kept


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"paused": True}, "paused"),
        ({"expires_at": NOON}, "expired"),
        ({"expires_at": NOON + timedelta(microseconds=1)}, None),
        ({"sent_today": 6}, "per_day cap"),
        ({"sent_today": 5}, None),
        ({"sent_today": 99, "per_day": None}, None),
        ({"quiet": True}, "quiet hours"),
        ({"quiet": True, "paused": True}, "paused"),
        ({"expires_at": NOON, "paused": True, "sent_today": 9}, "expired"),
    ],
)
def test_a_due_prompt_is_held_back_for_exactly_these_reasons(change, reason):
    now = {
        "expires_at": NOON + timedelta(hours=1),
        "sent_today": 0,
        "per_day": 6,
    }
    assert may_send(NOON, **(now | change)) == reason
