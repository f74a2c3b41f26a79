"""The draw of several prompts in a window: counted against every set there is, by chi-square."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from engine.draws import pick
from engine.stratified import count_sets, feasible, inclusion, next_law, sets_by_earliest

NINE = datetime(2027, 6, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(*minutes):
    return tuple(NINE + minute * MINUTE for minute in minutes)


def grid(count, step=15):
    return at(*range(0, count * step, step))


def all_sets(slots, n, gap, available=None, after=None):
    """Return every set that fits, as tuples of places, by trying them all."""
    places = [p for p in range(len(slots)) if available is None or available[p]]
    if after is not None:
        places = [p for p in places if slots[p] > after and slots[p] - after >= gap]
    return [
        chosen
        for chosen in combinations(places, n)
        if all(slots[b] - slots[a] >= gap for a, b in pairwise(chosen))
    ]


@st.composite
def cases(draw):
    minutes = draw(st.lists(st.integers(0, 60), unique=True, max_size=9))
    slots = at(*sorted(5 * minute for minute in minutes))
    available = draw(st.none() | st.lists(st.booleans(), min_size=len(slots), max_size=len(slots)))
    gap = draw(st.sampled_from([0, 1, 5, 15, 30, 45, 100, 400])) * MINUTE
    after = draw(st.none() | st.sampled_from([*slots, NINE - MINUTE]))
    return slots, available, gap, after


@settings(max_examples=500, deadline=None)
@given(cases(), st.integers(1, 5))
def test_counts_are_those_of_trying_every_set(case, n):
    slots, available, gap, after = case
    sets = all_sets(slots, n, gap, available, after)
    assert count_sets(slots, n, gap, available=available, after=after) == len(sets)
    first = Counter(chosen[0] for chosen in sets)
    by_earliest = sets_by_earliest(slots, n, gap, available=available, after=after)
    assert by_earliest == tuple(first[place] for place in range(len(slots)))
    most = feasible(slots, gap, available=available, after=after)
    assert (n <= most) == bool(sets)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(1, 4))
def test_the_laws_of_one_prompt_after_another_make_every_set_equally_likely(case, n):
    slots, available, gap, _ = case
    sets = all_sets(slots, n, gap, available)
    for chosen in sets:
        chance, after = Fraction(1), None
        for number, place in enumerate(chosen):
            begin = sets_by_earliest(slots, n - number, gap, available=available, after=after)
            law = next_law(slots, available or [True] * len(slots), n - number, gap, after)
            assert law[place] == pytest.approx(begin[place] / sum(begin), rel=1e-15)
            chance *= Fraction(begin[place], sum(begin))
            after = slots[place]
        assert chance == Fraction(1, len(sets))


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(1, 5))
def test_a_slot_is_included_as_often_as_sets_hold_it(case, n):
    slots, available, gap, _ = case
    fitting = min(n, feasible(slots, gap, available=available))
    found = inclusion(slots, n, gap, available=available)
    assert sum(found) == pytest.approx(fitting)
    sets = all_sets(slots, fitting, gap, available)
    for place in range(len(slots)):
        held = sum(place in chosen for chosen in sets)
        assert found[place] == (held / len(sets) if fitting else 0.0)


@settings(max_examples=300, deadline=None)
@given(cases(), st.integers(1, 8), st.lists(st.floats(0, 1, exclude_max=True), min_size=8))
def test_whatever_is_drawn_keeps_the_gap_and_has_as_many_as_fit(case, n, shares):
    slots, available, gap, after = case
    may = available or [True] * len(slots)
    drawn, fitting = [], min(n, feasible(slots, gap, available=available, after=after))
    last = after
    for left in range(fitting, 0, -1):
        law = next_law(slots, may, left, gap, last)
        assert sum(law) == pytest.approx(1)
        place = pick(shares[left - 1], law)
        drawn.append(place)
        last = slots[place]
    assert len(drawn) == fitting
    assert all(may[place] for place in drawn)
    instants = [*([after] if after else []), *(slots[place] for place in drawn)]
    assert all(b > a and b - a >= gap for a, b in pairwise(instants))


def test_more_than_fit_are_drawn_as_the_most_that_do():
    slots = grid(4)
    asked = next_law(slots, [True] * 4, 9, 30 * MINUTE, None)
    assert feasible(slots, 30 * MINUTE) == 2
    assert asked == next_law(slots, [True] * 4, 2, 30 * MINUTE, None) == (2 / 3, 1 / 3, 0, 0)


def test_nothing_left_has_a_law_of_zeros():
    assert next_law(grid(3), [False] * 3, 2, MINUTE, None) == (0, 0, 0)
    assert next_law(grid(3), [True] * 3, 1, 60 * MINUTE, NINE) == (0, 0, 0)
    assert next_law((), (), 1, MINUTE, None) == inclusion((), 1, MINUTE) == ()
    assert inclusion(grid(2), 1, MINUTE, available=[False, False]) == (0, 0)


def test_on_an_even_grid_the_count_is_the_known_binomial():
    # n of K places at least k apart: choose(K - (n-1)(k-1), n).
    for size, n, apart in [(48, 3, 4), (96, 6, 3), (144, 10, 12), (288, 20, 6)]:
        count = count_sets(grid(size, 5), n, apart * 5 * MINUTE)
        assert count == comb(size - (n - 1) * (apart - 1), n)


def test_slots_across_a_change_of_clocks_are_as_far_apart_as_they_really_are():
    # 01:30, 01:45, 03:00 and 03:15 of a Berlin night in March: a quarter of an hour each.
    assert count_sets(at(0, 15, 30, 45), 2, 30 * MINUTE) == 3


def test_the_empty_set_always_fits_once():
    assert count_sets(grid(3), 0, MINUTE) == count_sets((), 0, MINUTE) == 1


@pytest.mark.parametrize(
    ("slots", "n", "available", "said"),
    [
        (at(15, 0), 1, None, "strictly increase"),
        (at(15, 15), 1, None, "strictly increase"),
        (grid(3), 1, [True], "one a slot"),
        (grid(3), 0, None, "at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused(slots, n, available, said):
    with pytest.raises(ValueError, match=said):
        sets_by_earliest(slots, n, MINUTE, available=available)


def _drawn(slots, n, gap, rng):
    places, after = [], None
    for left in range(n, 0, -1):
        places.append(pick(rng.random(), next_law(slots, [True] * len(slots), left, gap, after)))
        after = slots[places[-1]]
    return tuple(places)


def _surprise(observed, expected):
    """Return the p-value of Pearson's chi-square of counts against their expectation."""
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    return chi2.sf(statistic, len(expected) - 1)


def _uniform_over_sets(slots, n, gap, draw, draws):
    sets = all_sets(slots, n, gap)
    counts = Counter(draw(slots, n, gap) for _ in range(draws))
    assert set(counts) <= set(sets)
    return _surprise([counts[one] for one in sets], [draws / len(sets)] * len(sets))


@pytest.mark.parametrize(
    ("slots", "n", "gap"),
    [
        (grid(12), 3, 30 * MINUTE),
        (grid(16), 2, 45 * MINUTE),
        (at(0, 5, 25, 30, 70, 75, 80, 120, 125, 180), 3, 25 * MINUTE),
    ],
)
def test_thousands_of_draws_are_uniform_over_all_sets_by_chi_square(slots, n, gap):
    rng = random.Random(20270601)
    p = _uniform_over_sets(slots, n, gap, lambda *case: _drawn(*case, rng), 6000)
    assert p > 0.001


def test_the_chi_square_finds_the_draw_that_redraws_each_prompt_by_itself():
    rng = random.Random(20270601)

    def naive(slots, n, gap):
        """The usual way: one slot after another among those that still keep the gap."""
        while True:
            places = []
            for _ in range(n):
                free = [
                    place
                    for place in range(len(slots))
                    if all(abs(slots[place] - slots[other]) >= gap for other in places)
                ]
                if not free:
                    break
                places.append(rng.choice(free))
            else:
                return tuple(sorted(places))

    assert _uniform_over_sets(grid(12), 3, 60 * MINUTE, naive, 6000) < 1e-6


def test_the_time_of_day_in_a_large_window_follows_the_inclusion_probabilities():
    rng = random.Random(7)
    slots, n, gap, draws = grid(48), 5, 60 * MINUTE, 3000
    counts = Counter(place for _ in range(draws) for place in _drawn(slots, n, gap, rng))
    expected = [draws * share for share in inclusion(slots, n, gap)]
    # Places of one draw exclude each other, which makes counts vary less than independent ones.
    assert _surprise([counts[place] for place in range(48)], expected) > 0.001
    assert expected[0] > 1.3 * expected[24], "the ends come more often than the middle"
