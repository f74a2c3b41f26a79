import numpy as np
import pytest

from models.simulation import ema
from models.simulation.checked import CheckedWorld
from models.simulation.compare import compare, mean
from models.simulation.good_moments import Moments, with_good_moments
from models.simulation.objectives import OBJECTIVES, best_moments, gains, good
from models.simulation.run import simulate
from models.simulation.tables import objective_table

WORLD = with_good_moments(ema.make)


def played(world, days):
    """Return marks, chances of a good moment and answers of a world prompted in middle slots."""
    slot = np.full(world.day_type(0).size, 3)
    rows = []
    for day in range(days):
        for block in range(4):
            answered, _, _ = world.respond(day, block, slot)
            rows.append((*world.mark(day, block, slot, answered), answered))
    return (np.concatenate(column) for column in zip(*rows, strict=True))


def test_marks_come_with_answers_only_at_their_share_and_are_true():
    marks, chance, answered = played(WORLD(300, 5, 3), 5)
    marked = ~np.isnan(marks)
    assert not marked[~answered].any()
    assert marked[answered].mean() == pytest.approx(0.5, abs=0.03)
    assert marks[marked].mean() == pytest.approx(chance[marked].mean(), abs=0.03)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_good_moments_go_with_readiness_only_as_far_as_they_are_told_to(correlation):
    plain = ema.make(400, 1, 2)
    world = with_good_moments(ema.make, Moments(correlation=correlation, person_sd=0.0))(400, 1, 2)
    good_logit = np.log(world.goodness(0) / (1.0 - world.goodness(0)))
    found = [np.corrcoef(*rows)[0, 1] for rows in zip(good_logit, plain.systematic(0), strict=True)]
    assert np.mean(found) == pytest.approx(correlation, abs=0.08)


def test_good_moments_change_nothing_of_what_is_answered():
    usual = simulate(ema.make(30, 7, 4), "pooled", days=7, seed=4)
    with_marks = simulate(WORLD(30, 7, 4), "pooled", days=7, seed=4)
    assert with_marks.rate_by_week == usual.rate_by_week
    assert usual.good_by_week == ()
    assert 0.0 < with_marks.good_by_week[0] < with_marks.rate_by_week[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"correlation": 1.1}, "correlation: must be between 0 and 1"),
        ({"mark_share": -0.1}, "mark_share: must be between 0 and 1"),
        ({"curve_sd": -1.0}, "curve_sd: must not be negative"),
    ],
)
def test_moments_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Moments(**wrong)


def test_only_built_in_worlds_know_good_moments():
    def own(persons, days, seed):
        return CheckedWorld(ema.make(persons, days, seed), persons)

    with pytest.raises(ValueError, match="world: only built-in worlds can have good moments"):
        with_good_moments(own)(3, 1, 1)
    with pytest.raises(ValueError, match="world: knows nothing of good moments"):
        simulate(ema.make(3, 1, 1), best_moments, days=1, seed=1)


@pytest.fixture(scope="module")
def found():
    sharp = with_good_moments(ema.make, Moments(correlation=0.0, curve_sd=2.0, mark_share=1.0))
    return compare(sharp, OBJECTIVES, seeds=(1, 2), persons=60, days=14)


def test_timing_for_relevance_gains_good_moments_and_costs_answers(found):
    assert good(found, "relevance", "adaptive")[:, 1:].mean() > 0.005
    assert mean(found.lift("relevance", "adaptive")[:, -1]).value < 0.0


def test_nothing_gains_more_good_moments_than_who_knows_them(found):
    best = good(found, "best-moments")[:, -1].mean()
    assert best > good(found, "relevance")[:, -1].mean() > 0.0
    assert best > good(found, "oracle")[:, -1].mean()


def test_gains_stand_in_the_table_with_their_intervals(found):
    table = objective_table({"ema": found})
    assert "| ema | relevance | +" in table
    assert "| uniform |" not in table
    row = gains(found)["adaptive"]
    assert row["good_over_answered"].value == row["answers_over_answered"].value == 0.0
    assert row["good_over_uniform"].low < row["good_over_uniform"].value
