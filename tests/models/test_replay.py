from dataclasses import replace

import numpy as np
import pytest
from replay_studies import study, without_clock
from threadpoolctl import threadpool_limits

from models.evaluation.replay import pooled, replay
from models.evaluation.replay_data import Prompts, first
from models.evaluation.replay_models import Part, forecast
from models.evaluation.replay_scores import NOTHING


def shuffled(prompts: Prompts, seed: int) -> Prompts:
    """Return the prompts with outcomes dealt out anew among everybody."""
    order = np.random.default_rng(seed).permutation(prompts.person.size)
    return replace(prompts, answered=prompts.answered[order], delay=prompts.delay[order])


def cut(prompts: Prompts, keep: np.ndarray) -> Prompts:
    """Return some of the prompts, persons numbered anew."""
    fields = {name: getattr(prompts, name)[keep] for name in Prompts.__dataclass_fields__}
    fields["person"] = np.unique(fields["person"], return_inverse=True)[1].reshape(-1)
    return Prompts(**fields)


def test_shuffled_outcomes_leave_nothing_to_foretell_and_nothing_to_gain():
    areas, lifts = [], []
    for seed in range(3):
        found = replay(shuffled(study(seed, persons=60, days=20, rhythm=2.0), seed), None)
        areas.append(found.auc_history)
        lifts.append(found.lift)
        assert not found.suspect
        assert found.brier_skill < 0.01
    for figures, nought, near in ((areas, 0.5, 0.02), (lifts, 0.0, 2.0)):
        assert np.mean([one.value for one in figures]) == pytest.approx(nought, abs=near)
        assert all(abs(one.value - nought) < 4 * one.error for one in figures)


def test_rhythms_of_persons_are_found_and_told_apart_from_the_population():
    found = replay(study(1, persons=80, days=40, rhythm=2.5), None)
    assert found.lift.value > 5.0
    assert found.lift.value > 4.0 * found.lift.error
    assert found.lift.value > found.lift_population.value + 2.0


def test_persons_without_rhythms_are_foretold_by_history_but_not_by_time():
    found = replay(study(2, persons=80, days=30), None)
    assert found.auc_history.value > 0.7
    assert found.auc_context.value < 0.55
    assert 0.85 < found.calibration_slope.value < 1.15
    assert found.brier_skill > 0.1
    assert abs(found.lift.value) < 3.0 * found.lift.error


def test_held_out_outcomes_reach_neither_model_nor_calibration():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(20), 20)
    X = rng.normal(size=(person.size, 3))
    y = (X[:, 0] + rng.normal(size=person.size) > 0).astype(float)
    train = first(person, 0.6)
    other = np.where(train, y, 1 - y)
    with threadpool_limits(limits=1):
        one, two = (forecast(X, Part(person, outcome, train)) for outcome in (y, other))
    np.testing.assert_array_equal(one, two)


def test_answers_within_minutes_need_delays():
    made = without_clock(study(0, persons=5))
    with pytest.raises(ValueError, match="delay: is empty"):
        replay(made, 15.0)


def test_answers_of_unknown_delay_are_left_out_and_told():
    made = study(0, persons=10, days=10)
    lost = np.flatnonzero(made.answered == 1)[:7]
    found = replay(replace(made, delay=np.where(np.isin(np.arange(made.delay.size), lost), np.nan,
                                                made.delay)), 15.0)  # fmt: skip
    assert any(sign.code == "outcome-unknown" and "7 answers" in sign.text for sign in found.signs)


def test_without_a_clock_there_is_history_but_no_lift():
    found = replay(without_clock(study(3)), None)
    assert found.auc_history.value > 0.6
    assert (found.lift, found.exact) == (NOTHING, False)


@pytest.mark.parametrize("answered", [0.0, 1.0])
def test_constant_outcomes_give_no_figures_and_no_error(answered):
    made = study(0, persons=6, days=5)
    found = replay(replace(made, answered=np.full(made.day.size, answered)), None)
    assert (found.auc_history, found.lift, found.calibration_slope) == (NOTHING, NOTHING, NOTHING)
    assert "outcome-constant" in {sign.code for sign in found.signs}


def test_one_person_has_figures_without_errors():
    found = replay(study(0, persons=1, days=60, rhythm=2.0), None)
    assert found.persons == 1
    assert found.auc_history.value is not None
    assert found.auc_history.error is found.lift.error is None


def test_persons_with_one_prompt_are_learned_from_only():
    made = study(0, persons=12, days=6)
    found = replay(cut(made, np.r_[0:1, 30:31, 60 : made.person.size]), None)
    assert found.persons == 10
    alone = replay(cut(made, np.arange(0, made.person.size, 30)), None)
    assert (alone.n, alone.rate, alone.auc_history) == (0, None, NOTHING)


def test_gaps_in_every_column_are_borne():
    made = study(4, persons=15, days=12)
    rng = np.random.default_rng(4)
    holes = {
        name: np.where(rng.random(made.hour.size) < 0.3, np.nan, getattr(made, name))
        for name in ("at", "hour", "weekday", "day", "beep", "delay")
    }
    for within in (None, 15.0):
        found = replay(replace(made, **holes), within)
        assert found.auc_history.value > 0.5
        assert found.lift.error > 0


def test_pooling_leaves_studies_without_exact_clocks_out_of_the_lift_only():
    studies = [replay(study(seed, persons=20, days=10), None) for seed in range(2)]
    both = [*studies, replay(without_clock(study(9, persons=20, days=10)), None)]
    whole, timed = pooled(both), pooled(studies)
    assert (whole.studies, whole.lift_studies) == (3, 2)
    assert whole.lift == timed.lift
    assert whole.auc_history.value == pytest.approx(
        np.mean([one.auc_history.value for one in both])
    )
    nothing = pooled([])
    assert (nothing.auc_history, nothing.lift, nothing.brier_skill) == (NOTHING, NOTHING, None)


def test_three_prompts_in_all_give_no_figures_and_no_error():
    found = replay(cut(study(0, persons=1, days=1), np.arange(3)), 15.0)
    assert (found.n, found.auc_history) == (1, NOTHING)


def test_one_hour_for_all_is_no_clock():
    made = study(3, persons=10, days=10)
    found = replay(replace(made, hour=np.full(made.hour.size, 12.0)), None)
    assert (found.lift, found.exact) == (NOTHING, False)
