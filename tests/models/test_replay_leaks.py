from dataclasses import replace

import numpy as np
import pytest
from replay_studies import study

from models.evaluation.replay import replay
from models.evaluation.replay_data import Prompts
from models.evaluation.replay_leaks import from_history, recording

MADE = study(7, persons=60, days=10)
MISSED = MADE.answered == 0.0


def codes(signs):
    return {sign.code for sign in signs}


def suspicions(prompts):
    return codes(sign for sign in replay(prompts, None).signs if sign.leak)


def test_clean_prompts_raise_no_suspicion():
    for seed in range(3):
        assert suspicions(study(seed, persons=60, days=10, rhythm=1.0)) == set()


def test_missed_prompts_in_whole_minutes_are_flagged():
    seconds = np.random.default_rng(0).random(MADE.at.size) / 60
    assert codes(recording(replace(MADE, at=MADE.at + seconds))) == set()
    leaking = replace(MADE, at=MADE.at + np.where(MISSED, 0.0, seconds))
    (sign,) = recording(leaking)
    assert sign.code == "clock-precision"
    assert "100.0 % of missed" in str(sign)


def test_the_median_hour_put_in_for_missed_prompts_is_flagged():
    hour = MADE.hour.copy()
    for person in range(MADE.persons):
        for beep in np.unique(MADE.beep):
            own = (MADE.person == person) & (MADE.beep == beep)
            hour[own & MISSED] = np.median(hour[own & ~MISSED]) if (own & ~MISSED).any() else 12.0
    assert "clock-imputed" in codes(recording(replace(MADE, hour=hour)))


def test_fixed_times_are_not_taken_for_imputed_ones():
    fixed = replace(MADE, hour=8.0 + 3.0 * MADE.position, at=24 * MADE.day + 8 + 3 * MADE.position)
    assert codes(recording(fixed)) == set()


def test_hours_missing_with_the_answer_are_flagged():
    gone = replace(MADE, hour=np.where(MISSED, np.nan, MADE.hour))
    assert "clock-missing" in codes(recording(gone))


def test_a_grid_filled_up_after_persons_left_is_flagged():
    stay = np.random.default_rng(1).integers(2, 10, MADE.persons)
    gone = MADE.day >= stay[MADE.person]
    padded = replace(MADE, answered=np.where(gone, 0.0, MADE.answered))
    assert codes(recording(padded)) == {"grid-padded"}


def test_prompts_numbered_against_the_clock_are_flagged():
    assert codes(recording(replace(MADE, at=MADE.at[::-1].copy()))) >= {"order"}


@pytest.mark.parametrize("column", ["beep", "hour"])
def test_an_outcome_written_into_the_calendar_is_flagged(column):
    values = getattr(MADE, column)
    rng = np.random.default_rng(3)
    told = np.where(rng.random(values.size) < 0.8, MISSED, ~MISSED)
    planted = replace(MADE, **{column: values + told / (2.0 if column == "beep" else 97.0)})
    assert suspicions(planted) & {"context-sharp", "context-too-good"}


def test_an_area_nobody_has_seen_is_flagged_and_a_usual_one_is_not():
    assert codes(from_history(0.95)) == {"history-too-good"}
    assert from_history(0.8) == from_history(None) == []


def test_oddities_that_are_no_leak_are_told_without_suspicion():
    odd = replace(MADE, clock=np.full(MADE.hour.size, "slot-median"), delay=MADE.delay - 5.0)
    signs = recording(odd)
    assert codes(signs) == {"clock-not-exact", "delay-negative"}
    assert not any(sign.leak for sign in signs)


@pytest.mark.parametrize(("copies", "leak"), [(2, False), (200, True)])
def test_prompts_recorded_twice_are_told_and_many_of_them_are_a_leak(copies, leak):
    rows = np.sort(np.r_[np.arange(MADE.person.size), np.arange(copies)])
    twice = Prompts(**{name: getattr(MADE, name)[rows] for name in Prompts.__dataclass_fields__})
    (sign,) = (sign for sign in recording(twice) if sign.code == "repeated")
    assert sign.text.startswith(f"{copies} prompts")
    assert sign.leak is leak


@pytest.mark.parametrize("at", [np.full(MADE.at.size, np.nan), 24.0 * MADE.day])
def test_prompts_of_a_day_without_a_clock_are_not_taken_for_copies(at):
    blank = np.full(at.size, np.nan)
    assert "repeated" not in codes(recording(replace(MADE, at=at, beep=blank, delay=blank)))
