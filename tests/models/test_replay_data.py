from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_studies import COLUMNS, study

from models.evaluation.replay_data import arrange, first, labels, rank, spans

NAN = float("nan")


def columns(**given):
    size = len(next(iter(given.values())))
    blank = {name: np.full(size, NAN) for name in COLUMNS}
    return {**blank, "answered": np.ones(size), **{k: np.array(v, float) for k, v in given.items()}}


def test_prompts_are_sorted_by_person_and_running_number():
    made = arrange(
        columns(order=[1, 0, 5, 3], day=[0, 0, 1, 1]), np.array(list("bbaa")), np.array([""] * 4)
    )
    assert made.person.tolist() == [0, 0, 1, 1]
    assert made.day.tolist() == [1, 1, 0, 0]
    assert made.position.tolist() == [0, 1, 0, 1]


def test_without_running_numbers_the_clock_orders():
    made = arrange(columns(at=[9, 8, 7], beep=[1, 2, 3]), np.array([0, 0, 0]), np.array([""] * 3))
    assert made.beep.tolist() == [3, 2, 1]


def test_prompts_of_the_same_number_are_ordered_by_the_clock():
    made = arrange(columns(order=[1, 1, 0], at=[9, 8, 7]), np.zeros(3), np.array([""] * 3))
    assert made.at.tolist() == [7, 8, 9]


def test_with_neither_number_nor_clock_the_given_order_stays():
    made = arrange(columns(beep=[3, 1, 2]), np.array([0, 0, 0]), np.array([""] * 3))
    assert made.beep.tolist() == [3, 1, 2]


def test_an_outcome_of_two_is_refused():
    with pytest.raises(ValueError, match="answered: must be 0 or 1"):
        arrange(columns(answered=[2]), np.array([0]), np.array([""]))


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="columns: must all have shape"):
        arrange({**columns(day=[1, 2]), "hour": np.zeros(3)}, np.zeros(2), np.array([""] * 2))


@given(st.lists(st.integers(0, 12), max_size=8), st.sampled_from([0.4, 0.6, 2 / 3, 1.0]))
def test_the_first_share_of_each_person_is_rounded_up_and_comes_first(sizes, share):
    person = np.repeat(np.arange(len(sizes)), sizes)
    chosen = first(person, share)
    for start, stop in spans(person):
        own = chosen[start:stop]
        assert own.sum() == int(np.ceil(share * own.size - 1e-9))
        assert (np.diff(own.astype(int)) <= 0).all()


@given(st.lists(st.integers(1, 6), max_size=6))
def test_ranks_count_from_zero_in_each_person(sizes):
    person = np.repeat(np.arange(len(sizes)), sizes)
    expected = [i for size in sizes for i in range(size)]
    assert rank(person).tolist() == expected


def test_an_answer_in_time_late_or_of_unknown_delay_is_told_apart():
    made = arrange(
        columns(answered=[1, 1, 1, 1, 0], delay=[15, 15.1, NAN, -3, NAN], order=range(5)),
        np.zeros(5),
        np.array([""] * 5),
    )
    assert labels(made, None).tolist() == [1, 1, 1, 1, 0]
    np.testing.assert_array_equal(labels(made, 15), [1, 0, NAN, 1, 0])


def test_a_prompt_number_that_runs_on_over_days_is_not_taken_for_a_slot():
    made = study(days=20, per_day=5)
    assert made.slot is made.beep
    running = replace(made, beep=rank(made.person) + 1)
    assert running.slot is running.position


def test_no_prompts_at_all_are_no_trouble():
    made = arrange(columns(day=[]), np.array([]), np.array([], dtype=str))
    assert (made.persons, spans(made.person), first(made.person, 0.6).size) == (0, [], 0)
