"""Levels and calibration: probabilities of the next day, for people who fade out or come back."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.engagement import FEATURES, fit_engagement, states
from models.history import influence
from models.inputs import days_of, history_of, rows_of
from models.receptivity import Receptivity
from models.simulation import ema, fast15

HOURS = np.arange(8.0, 22.0, 0.5)


def history(labels, days, person=None):
    labels = np.asarray(labels, dtype=float)
    person = np.zeros(labels.size, dtype=int) if person is None else person
    _, rows = rows_of(np.asarray(person).astype(np.str_))
    cells = np.full(labels.size, 24)
    return history_of(rows, cells, labels, days_of(days, labels.size), influence(rows, 4.0))


def test_a_state_looks_back_only():
    rng = np.random.default_rng(0)
    labels, days = (rng.random(40) < 0.7).astype(float), np.repeat(np.arange(10), 4)
    before, _ = states(history(labels, days), np.full(40, 0.7), 7.0)
    changed = labels.copy()
    changed[20:] = 1.0 - changed[20:]
    # The usual rate is the population's, so both histories are given the same one.
    both = np.r_[labels, changed], np.r_[days, days], np.repeat([0, 1], 40)
    together, _ = states(history(*both), np.full(80, 0.7), 7.0)
    np.testing.assert_allclose(together[:6], together[10:16])
    assert not np.allclose(together[6:10], together[16:20])
    assert before.shape == (10, FEATURES)
    np.testing.assert_array_equal(before[0], 0.0)


def test_misses_since_the_last_answer_are_counted_day_by_day():
    labels, days = [1, 0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 3, 3, 4, 4]
    before, after = states(history(labels, days), np.full(8, 0.6), 7.0)
    np.testing.assert_allclose(np.expm1(before[:, -2]), [0, 0, 2, 4])
    assert after[0, -2] == 0.0
    np.testing.assert_allclose(np.expm1(before[:, -1]), [0, 1, 3, 4])


def test_an_old_state_fades_at_its_half_life():
    labels, days = [1] * 6 + [1], [0] * 6 + [7]
    before, _ = states(history(labels, days), np.full(7, 0.5), 7.0)
    long_ago, _ = states(history(labels, [0] * 6 + [700]), np.full(7, 0.5), 7.0)
    assert before[1, 0] > 0.0
    assert abs(long_ago[1, 0]) < 1e-9


def test_nothing_is_said_of_the_next_day_without_order_of_time():
    engagement = fit_engagement(history([1, 0, 1], None), np.zeros(3), 7.0)
    np.testing.assert_array_equal(engagement.level, 0.0)


def fading(persons=200, days=30, gone=0.3, seed=0):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    last = np.where(rng.random(persons) < gone, rng.integers(3, days - 4, persons), days)
    base = rng.normal(1.2, 0.6, persons)
    p = np.where(day < last[person], 1 / (1 + np.exp(-base[person])), 0.0)
    X = np.column_stack([rng.choice(HOURS, person.size), np.zeros(person.size)])
    return X, (rng.random(p.size) < p).astype(int), person, day, last


def test_those_who_silently_left_are_told_from_those_who_stay():
    X, y, person, day, last = fading()
    model = Receptivity().fit(X, y, person=person, day=day)
    who = np.arange(200)
    chance = model.predict_proba(np.full((200, 1), 12.0), np.zeros(200), who)[:, 0]
    assert chance[last < 27].mean() < 0.06
    assert chance[last == 30].mean() == pytest.approx(0.75, abs=0.06)


def test_an_answer_taken_in_moves_the_probability_at_once():
    X, y, person, day, last = fading()
    model = Receptivity().fit(X, y, person=person, day=day)
    who = int(np.flatnonzero(last == 30)[0])  # one who stays
    before = model.predict_proba([[12.0]], [0], [who])[0, 0]
    model.partial_fit(np.tile([12.0, 0.0], (8, 1)), np.zeros(8), person=[who] * 8)
    assert model.predict_proba([[12.0]], [0], [who])[0, 0] < before - 0.01


def calibration_slope(chance, label):
    x = np.log(chance / (1.0 - chance))[:, None]
    return float(LogisticRegression(C=1e6).fit(x, label).coef_[0, 0])


@pytest.mark.parametrize("make", [ema.make, fast15.make])
def test_probabilities_of_held_out_days_are_calibrated(make):
    world, rng = make(300, 42, 3), np.random.default_rng(3)
    who, rows, held = np.arange(300).astype(np.str_), [], []
    model = Receptivity()
    for day in range(42):
        kind = world.day_type(day)
        for block, where in enumerate(world.blocks):
            slot = rng.integers(0, 7, 300)
            answered, _, _ = world.respond(day, block, slot)
            hour = world.slot_hours[where][slot]
            if day >= 14:
                held.append((model.predict_proba(hour[:, None], kind, who)[:, 0], answered))
            rows.append((hour, kind, answered, np.full(300, day)))
        if day >= 13 and day % 4 == 1:  # the model knows nothing of the four days that follow
            hours, kinds, labels, days = (
                np.concatenate(column) for column in zip(*rows, strict=True)
            )
            model.fit(
                np.column_stack([hours, kinds]), labels, person=np.tile(who, len(rows)), day=days
            )
    chance, label = (np.concatenate(column) for column in zip(*held, strict=True))
    assert 0.9 < calibration_slope(chance, label) < 1.1
    assert chance.mean() == pytest.approx(label.mean(), abs=0.015)
