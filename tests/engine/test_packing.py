"""Whether prompts fit on one day, against trying every choice of slots."""

from itertools import combinations, pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contradictions.packing import fits
from engine.contradictions.parts import Turn
from engine.contradictions.windows import fitting


def possible(turns, min_gap):
    """Try every set of slots of every turn."""
    choices = [
        [
            chosen
            for chosen in combinations(turn.slots, turn.count)
            if all(b - a >= turn.gap for a, b in pairwise(chosen))
        ]
        for turn in turns
    ]
    for day in product(*choices):
        minutes = sorted(minute for chosen in day for minute in chosen)
        if all(b - a >= min_gap for a, b in pairwise(minutes)):
            return True
    return False


@st.composite
def days(draw):
    """One to three assignments with one or two windows each, and set times, on a short grid."""
    turns = []
    for place in range(draw(st.integers(1, 3))):
        cut = draw(st.integers(1, 23))
        for low, high in [(0, cut), (cut, 24)][: draw(st.integers(1, 2))]:
            slots = draw(st.sets(st.integers(low, high - 1), min_size=1, max_size=4))
            count = draw(st.integers(1, 2)) if len(slots) > 1 else 1
            gap = draw(st.sampled_from([0, 5, 9]))
            turns.append(Turn(tuple(sorted(slots)), f"w{len(turns)}", place, count, gap))
    for minute in draw(st.sets(st.integers(0, 23), max_size=2)):
        turns.append(Turn((minute,), f"t{minute}", 10 + minute, is_set=True))
    return turns


@settings(max_examples=600)
@given(days(), st.integers(1, 8))
def test_a_day_fits_exactly_if_some_choice_of_slots_keeps_all_gaps(turns, min_gap):
    assert fits(turns, min_gap) == possible(turns, min_gap)


@given(st.sets(st.integers(0, 30), max_size=8), st.integers(0, 12))
def test_a_window_holds_as_many_prompts_as_the_largest_choice_of_slots(slots, gap):
    ordered = sorted(slots)
    most = max(
        len(chosen)
        for size in range(len(ordered) + 1)
        for chosen in combinations(ordered, size)
        if all(b - a >= gap for a, b in pairwise(chosen))
    )
    assert fitting(ordered, gap) == most


def test_the_earliest_slot_is_not_always_the_one_to_take_first():
    # The wide window could begin at 0, but then the narrow one at 3 would be too close.
    wide, narrow = Turn((0, 8), "wide", 0), Turn((3, 4), "narrow", 1)
    assert fits([wide, narrow], 4)
    assert fits([wide, narrow], 5)
    assert not fits([wide, narrow], 6)


def test_many_assignments_with_the_same_windows_are_decided_and_quickly():
    def crowd(size):
        return [Turn(tuple(range(0, 180, 15)), f"w{place}", place) for place in range(size)]

    assert fits(crowd(12), 15)
    assert not fits(crowd(13), 15)
