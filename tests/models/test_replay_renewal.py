from dataclasses import replace

import numpy as np
import pytest
from replay_studies import study, without_clock
from scipy.special import expit, logit

from models.evaluation.replay_data import first, labels
from models.evaluation.replay_renewal import renewed, scale
from models.evaluation.replay_scores import calibration_slope

STUDY = study(5, persons=60, days=30)
HELD = ~first(STUDY.person, 0.6)


def drifted(slope, shift):
    """Return a study whose held-out outcomes follow timid forecasts only so far, and those."""
    rng = np.random.default_rng(1)
    z = rng.normal(0.0, 1.0, STUDY.person.size)
    y = (rng.random(z.size) < expit(shift + slope * z)).astype(float)
    return replace(STUDY, answered=y), expit(z)


@pytest.mark.parametrize(("slope", "shift"), [(1.6, -0.3), (0.6, 0.2), (1.0, 0.0)])
def test_forecasts_that_are_off_come_right_within_days(slope, shift):
    made, forecast = drifted(slope, shift)
    found = renewed(forecast, made, made.answered, HELD)
    soon = HELD & (made.at >= made.at[HELD].min() + 3.0 * 24.0)
    y, person = made.answered[soon], made.person[soon]
    before = calibration_slope(y, forecast[soon], person).value
    after = calibration_slope(y, found[soon], person).value
    assert before == pytest.approx(slope, abs=0.15)
    assert after == pytest.approx(1.0, abs=0.12)
    assert found[soon].mean() == pytest.approx(y.mean(), abs=0.03)


def test_nothing_of_the_same_day_or_later_reaches_a_forecast():
    made, forecast = drifted(1.6, 0.0)
    found = renewed(forecast, made, made.answered, HELD)
    day = 24.0 * 24
    later = made.at >= day
    flipped = np.where(later, 1.0 - made.answered, made.answered)
    other = renewed(forecast, replace(made, answered=flipped), flipped, HELD)
    before = later & (made.at < day + 24.0)
    np.testing.assert_array_equal(found[~later | before], other[~later | before])
    after = HELD & (made.at >= day + 24.0)
    assert (found[after] != other[after]).all()


def test_an_answer_counts_only_once_it_has_come():
    made, forecast = drifted(1.6, 0.0)
    slow = replace(made, delay=np.where(made.answered == 1.0, 40.0 * 24 * 60, np.nan))
    misses_only = np.where(made.answered == 1.0, np.nan, 0.0)
    np.testing.assert_array_equal(
        renewed(forecast, slow, made.answered, HELD), renewed(forecast, made, misses_only, HELD)
    )


def test_the_first_forecasts_stay_as_they_are_and_training_outcomes_do_not_count():
    made, forecast = drifted(1.6, 0.0)
    found = renewed(forecast, made, made.answered, HELD)
    first_day = HELD & (np.floor(made.at / 24.0) == np.floor(made.at[HELD].min() / 24.0))
    np.testing.assert_allclose(logit(found[first_day]), logit(forecast[first_day]))
    flipped = np.where(HELD, made.answered, 1.0 - made.answered)
    np.testing.assert_array_equal(found, renewed(forecast, made, flipped, HELD))


def test_without_a_clock_nothing_is_renewed():
    made, forecast = drifted(1.6, 0.0)
    blind = without_clock(made)
    np.testing.assert_array_equal(renewed(forecast, blind, labels(blind, None), HELD), forecast)


def test_a_new_night_finds_the_same_scale_wherever_its_search_begins():
    rng = np.random.default_rng(0)
    z = rng.normal(0.0, 2.0, 400)
    y = (rng.random(400) < expit(0.5 * z - 1.0)).astype(float)
    ends = [scale(z, y, np.array(near)) for near in ([0.0, 1.0], [-1.0, 0.4], [1.0, 2.0])]
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, atol=1e-9)
