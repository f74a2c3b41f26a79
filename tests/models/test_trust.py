import numpy as np
import pytest

from models import trust
from models.receptivity import Receptivity
from models.trust import FIRST_SD, Trust, _smoothed

PERSONS, DAYS, BLOCKS = 120, 28, 4
STARTS = np.array([8.0, 12.0, 15.0])
DECLARED = {str(who): (6.0, 23.5, STARTS[who % 3], STARTS[who % 3] + 6.0) for who in range(PERSONS)}


def study(holds, *, seed=1):
    """Return hour and type of day, label, person, day; holds(day) (n,): whose hours are true."""
    rng = np.random.default_rng(seed)
    rows = []
    start = STARTS[np.arange(PERSONS) % 3]
    for day in range(DAYS):
        for block in range(BLOCKS):
            hour = 8.0 + 3.5 * block + 0.5 * rng.integers(0, 7, PERSONS)
            work = (hour >= start) & (hour < start + 6.0) & holds(day)
            y = rng.random(PERSONS) < np.where(work, 0.45, 0.85)
            rows += [
                (h, 0, int(v), str(w), day) for w, (h, v) in enumerate(zip(hour, y, strict=True))
            ]
    hour, kind, y, person, days = zip(*rows, strict=True)
    return np.column_stack([hour, kind]), np.array(y), np.array(person), np.array(days)


def fitted(holds, **params):
    X, y, person, day = study(holds)
    return Receptivity(**params).fit(X, y, person=person, day=day, declared=DECLARED)


def everybody(yes):
    return np.full(PERSONS, yes)


def at_work(model, who):
    """Return how much worse the middle of declared work is than the free hours after it."""
    start = DECLARED[who][2]
    score = model.slot_scores(np.array([[start + 1.0, (start + 7.0) % 24.0]]), [0], [who])[0]
    return float(score[1] - score[0])


def test_hours_that_hold_keep_their_trust():
    model = fitted(lambda day: everybody(True))
    assert model.ledger_.trust.mean() == pytest.approx(1.0, abs=0.1)
    assert at_work(model, "0") > 1.0


def test_hours_that_hold_no_longer_lose_it_within_days():
    model = fitted(lambda day: everybody(day < 21))
    assert model.ledger_.trust.mean() < 0.4
    assert at_work(model, "0") < 0.5


def test_hours_that_hold_again_win_it_back():
    away = fitted(lambda day: everybody(day < 14))
    back = fitted(lambda day: everybody(not 14 <= day < 21))
    assert back.ledger_.trust.mean() > away.ledger_.trust.mean() + 0.5


def test_one_whose_hours_changed_is_trusted_less_than_the_others():
    moved = np.arange(PERSONS) >= PERSONS // 2
    model = fitted(lambda day: ~moved if day >= 14 else everybody(True))
    names = model.persons_.astype(int)
    assert (
        model.ledger_.trust[moved[names]].mean() < model.ledger_.trust[~moved[names]].mean() - 0.2
    )


def test_past_outcomes_are_read_with_the_trust_of_their_day(monkeypatch):
    # A week that contradicts what was declared must not become a lasting preference of persons.
    doubting = fitted(lambda day: everybody(day < 21))
    monkeypatch.setattr(Receptivity, "_trust", lambda self, history, *_: Trust.full(history))
    credulous = fitted(lambda day: everybody(day < 21))
    assert at_work(credulous, "0") > at_work(doubting, "0") + 0.3
    assert doubting.deviation_sd_ < credulous.deviation_sd_


def test_without_order_of_time_or_without_declarations_nothing_is_doubted():
    X, y, person, day = study(lambda day: everybody(day < 14))
    timeless = Receptivity().fit(X, y, person=person, declared=DECLARED)
    untold = Receptivity().fit(X, y, person=person, day=day)
    for model in (timeless, untold):
        assert (model.ledger_.trust == 1.0).all()


def test_trust_survives_storing_and_is_full_for_newcomers():
    model = fitted(lambda day: everybody(day < 21))
    copy = Receptivity.from_arrays(model.get_params(), model.to_arrays())
    assert np.array_equal(copy.ledger_.trust, model.ledger_.trust)
    where = (np.array([[9.0, 20.0]]), [0], ["new"])
    told = model.slot_scores(*where, declared={"new": DECLARED["0"]})
    model.partial_fit([[20.0, 0]], [1], person=["new"], declared={"new": DECLARED["0"]})
    assert model.ledger_.trust[model.ledger_.row["new"]] == 1.0
    assert told[0, 1] > told[0, 0] + 0.3


def test_an_artifact_with_trust_out_of_range_is_refused():
    model = fitted(lambda day: everybody(True))
    arrays = model.to_arrays() | {"trust": np.full(PERSONS, 2.5)}
    with pytest.raises(ValueError, match="trust: must lie between 0 and 2"):
        Receptivity.from_arrays(model.get_params(), arrays)


@pytest.mark.parametrize("drift", [0.0, 0.01, 0.3])
def test_the_smoother_equals_the_dense_gaussian_posterior(drift):
    rng = np.random.default_rng(4)
    days = 12
    mass = rng.uniform(0.5, 8.0, days)
    seen = rng.normal(0.0, 1.0, days)
    at = np.arange(days)
    prior = FIRST_SD**2 + drift * np.minimum(at[:, None], at[None, :])
    noise = np.diag(1.0 / mass)
    expected = prior @ np.linalg.solve(prior + noise, seen)
    gain = 0.5 * (seen @ (mass * seen) - seen @ np.linalg.solve(prior + noise, seen))
    gain -= 0.5 * (np.linalg.slogdet(prior + noise)[1] - np.linalg.slogdet(noise)[1])
    evidence, smoothed = _smoothed(seen * mass, mass, drift)
    np.testing.assert_allclose(smoothed, expected, atol=1e-9)
    assert evidence == pytest.approx(gain)


def test_a_day_without_prompts_at_told_hours_teaches_nothing():
    mean, variance = np.array([0.2]), np.array([0.3])
    gain, after, spread = trust._update(mean, variance, np.zeros(1), np.zeros(1))
    assert (gain[0], after[0], spread[0]) == (0.0, 0.2, 0.3)
