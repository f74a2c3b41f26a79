from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_studies import study, without_clock

from models.evaluation import replay_features
from models.evaluation.replay_data import first, labels
from models.evaluation.replay_features import base_of, context, history

MADE = study(3, persons=4, days=6)
TRAIN = first(MADE.person, 0.6)
MEAN, SAME_TIME = 5, 13  # columns of a history


def past(prompts, within=None):
    # The base stays that of the untouched data, else its training prompts would reach everybody.
    return history(prompts, labels(prompts, within), TRAIN)


@pytest.fixture
def fixed_base(monkeypatch):
    base = base_of(MADE, labels(MADE, None), TRAIN)
    monkeypatch.setattr(replay_features, "base_of", lambda *_: base)


@settings(max_examples=40)
@given(
    at=st.integers(0, MADE.person.size - 1),
    within=st.sampled_from([None, 15.0]),
    seed=st.integers(0, 99),
)
def test_no_feature_sees_its_own_outcome_or_a_later_one(at, within, seed):
    base = base_of(MADE, labels(MADE, None), TRAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay_features, "base_of", lambda *_: base)
        rng = np.random.default_rng(seed)
        after = np.arange(MADE.person.size) >= at
        flipped = np.where(after, rng.integers(0, 2, after.size), MADE.answered).astype(float)
        delay = np.where(after, np.where(flipped == 1, rng.exponential(60, after.size), np.nan),
                         MADE.delay)  # fmt: skip
        changed = replace(MADE, answered=flipped, delay=delay)
        rows = slice(0, at + 1)
        np.testing.assert_array_equal(past(changed, within)[rows], past(MADE, within)[rows])


@pytest.mark.parametrize("within", [None, 15.0])
def test_other_persons_do_not_matter(fixed_base, within):
    changed = replace(MADE, answered=np.where(MADE.person == 0, 1 - MADE.answered, MADE.answered))
    kept = MADE.person != 0
    np.testing.assert_array_equal(past(changed, within)[kept], past(MADE, within)[kept])
    assert not np.array_equal(past(changed, within)[~kept], past(MADE, within)[~kept])


def test_an_answer_that_has_not_come_yet_is_a_silence(fixed_base):
    # The first prompt's answer comes after the second prompt and before the third.
    wait = (MADE.at[1] - MADE.at[0]) * 60
    late = MADE.delay.copy()
    late[0] = wait + 1
    answered = MADE.answered.copy()
    answered[0] = 1.0
    silent = answered.copy()
    silent[0] = 0.0
    coming = replace(MADE, answered=answered, delay=late)
    missed = replace(MADE, answered=silent, delay=np.where(np.arange(late.size) == 0, np.nan, late))
    np.testing.assert_array_equal(past(coming)[:2], past(missed)[:2])
    assert not np.array_equal(past(coming)[2], past(missed)[2], equal_nan=True)


def test_a_long_past_taken_in_pieces_is_the_same(monkeypatch):
    whole = past(MADE, 15.0)
    monkeypatch.setattr(replay_features, "CHUNK", 7)
    np.testing.assert_allclose(past(MADE, 15.0), whole, rtol=1e-12)


def test_rates_of_a_person_start_at_the_base_and_go_to_their_own():
    made = study(1, persons=30, days=40, spread=2.0)
    outcome = made.answered
    base = base_of(made, outcome, first(made.person, 0.6))
    table = history(made, outcome, first(made.person, 0.6))
    mean = table[:, MEAN]
    starts = np.flatnonzero(np.diff(made.person, prepend=-1))
    np.testing.assert_allclose(mean[starts], base.rate)
    ends = np.flatnonzero(np.diff(made.person, append=99))
    own = np.bincount(made.person, weights=outcome) / np.bincount(made.person)
    assert np.abs(mean[ends] - own).max() < 0.05


def test_persons_who_differ_much_are_believed_sooner():
    alike, apart = study(5, spread=0.0), study(5, spread=2.0)
    everything = np.ones(alike.person.size, dtype=bool)
    strengths = [base_of(made, made.answered, everything).strength for made in (alike, apart)]
    assert strengths[1] < strengths[0] / 3


def test_without_a_clock_the_past_is_still_there():
    made = without_clock(MADE)
    table = past(made)
    assert table.shape[0] == made.person.size
    known = ~np.isnan(table).all(axis=0)
    assert known.sum() > 15
    assert np.isnan(context(made)[:, :4]).all()


def test_prompts_of_the_same_slot_stand_in_for_the_same_time_of_day(fixed_base):
    made = without_clock(study(2, persons=1, days=8, per_day=2))
    answered = (made.slot == 1.0).astype(float)
    table = history(replace(made, answered=answered), answered, np.ones(answered.size, bool))
    same_time = table[-2:, SAME_TIME]
    assert same_time[0] > 0.1 > -0.1 > same_time[1]


def test_what_lies_further_back_than_memory_counts_no_more(monkeypatch, fixed_base):
    monkeypatch.setattr(replay_features, "MEMORY", 8)
    monkeypatch.setattr(replay_features, "CHUNK", 5)
    changed = replace(MADE, answered=MADE.answered.copy())
    changed.answered[0] = 1.0 - changed.answered[0]
    before, after = past(MADE), past(changed)
    assert not np.array_equal(before[8], after[8])
    np.testing.assert_array_equal(before[9:], after[9:])
