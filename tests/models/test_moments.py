import numpy as np
import pytest

from models.simulation.moments import after_answer_and_miss, moments, quarters


def drawn(person_sd, tod_sd, day_sd, persons=400, days=30, times=4, seed=1):
    """Outcomes of a linear world whose SDs are known."""
    rng = np.random.default_rng(seed)
    p, d, t = (axis.ravel() for axis in np.indices((persons, days, times)))
    chance = (
        0.5
        + person_sd * rng.standard_normal(persons)[p]
        + tod_sd * rng.standard_normal((persons, times))[p, t]
        + day_sd * rng.standard_normal((persons, days))[p, d]
        + 0.05 * np.cos(t)  # what all share does not count
        - 0.002 * d
    )
    return p, d, t, rng.random(p.size) < np.clip(chance, 0.0, 1.0)


def test_planted_spreads_are_found():
    found = moments(*drawn(0.12, 0.06, 0.10))
    assert found.rate == pytest.approx(0.5 - 0.029 - 0.008, abs=0.02)  # the trend and the wave
    assert found.s_person == pytest.approx(0.12, abs=0.015)
    assert found.s_person_tod == pytest.approx(0.06, abs=0.012)
    assert found.s_person_day == pytest.approx(0.10, abs=0.015)


def test_coins_have_no_spread():
    found = moments(*drawn(0.0, 0.0, 0.0))
    assert max(found.s_person, found.s_person_tod, found.s_person_day) < 0.03


def test_the_order_of_outcomes_does_not_matter():
    data = drawn(0.1, 0.05, 0.1, persons=30)
    order = np.random.default_rng(2).permutation(data[0].size)
    shuffled = moments(*(column[order] for column in data))
    for name, value in vars(moments(*data)).items():
        assert getattr(shuffled, name) == pytest.approx(value, abs=1e-9)


def test_what_no_pair_tells_is_no_number():
    found = moments(["a", "b"], [0, 0], [1, 1], [1, 0])
    assert found.rate == 0.5
    assert np.isnan([found.s_person, found.s_person_tod, found.s_person_day]).all()


def test_columns_must_have_one_entry_an_outcome():
    with pytest.raises(ValueError, match="person, day, tod: must have shape"):
        moments([1], [1, 2], [1, 2], [0, 1])
    with pytest.raises(ValueError, match="not empty"):
        moments([], [], [], [])


def test_answers_after_answers_and_after_misses_are_counted_apart():
    answered = np.array([[1, 0], [1, 1], [0, 1], [1, 0]], dtype=bool)
    assert after_answer_and_miss(answered) == pytest.approx((2 / 4, 2 / 2))


def test_quarters_hold_about_as_many_hours_each():
    counts = np.bincount(quarters(np.random.default_rng(1).uniform(8, 22, 1000)))
    assert counts.tolist() == pytest.approx([250] * 4, abs=1)
    with pytest.raises(ValueError, match="finite"):
        quarters([8.0, np.nan])
