from itertools import combinations

import numpy as np
import pytest
from scipy.stats import t as student

from models.simulation import ema, shift_work, true_prior
from models.simulation.checked import CheckedWorld
from models.simulation.compare import (
    ABLATION,
    RIVALS,
    SPACED,
    Comparison,
    compare,
    mean,
    ratio,
    spaced_oracle,
    with_spaced,
)
from models.simulation.run import POLICIES, Run, simulate
from models.simulation.tables import tables
from models.simulation.true_prior import handed, learn_truth


def runs(*weeks):
    return tuple(Run(tuple(rates), float(np.mean(rates)), 0.01) for rates in weeks)


COMPARISON = Comparison(
    seeds=(1, 2),
    runs={
        "uniform": runs([0.50, 0.40], [0.52, 0.44]),
        "adaptive": runs([0.50, 0.44], [0.53, 0.46]),
        "pooled": runs([0.51, 0.42], [0.52, 0.45]),
        "oracle": runs([0.60, 0.50], [0.62, 0.54]),
    },
)


def test_a_share_is_lift_over_the_oracles_lift():
    assert COMPARISON.share("adaptive", 1).value == pytest.approx(0.3)
    assert COMPARISON.share("uniform", 1).value == 0.0
    assert COMPARISON.share("oracle", 0).value == pytest.approx(1.0)
    assert COMPARISON.relative("pooled", "adaptive", 1).value == pytest.approx(0.5)


def test_differences_are_paired():
    gain = COMPARISON.advantage("adaptive", "pooled", 1)
    assert gain.value == pytest.approx(0.015)
    half = student.ppf(0.975, 1) * 0.005
    assert (gain.low, gain.high) == pytest.approx((0.015 - half, 0.015 + half))
    assert COMPARISON.advantage("adaptive", "uniform").value == pytest.approx(0.0175)


def test_one_seed_gives_a_value_and_no_interval():
    alone = mean(np.array([0.1]))
    assert alone.value == 0.1
    assert np.isnan([alone.low, alone.high]).all()


def test_a_ratio_of_nothing_is_no_number():
    assert np.isnan(ratio(np.ones(3), np.zeros(3)).value)


@pytest.mark.slow
def test_intervals_of_ratios_hold_what_they_promise():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(2000):
        whole = rng.normal(4.0, 0.4, 10)
        part = 0.35 * whole + rng.normal(0.0, 0.3, 10)
        found = ratio(part, whole)
        inside += found.low <= 0.35 <= found.high
    assert inside / 2000 == pytest.approx(0.95, abs=0.02)


def test_a_comparison_runs_each_policy_for_each_seed_beside_uniform_and_oracle():
    seen = []

    def progress(todo):
        for one in todo:
            seen.append(one)
            yield one

    found = compare(
        ema.make, ["fixed", "pooled"], seeds=(3, 5), persons=20, days=14, progress=progress
    )
    assert seen == [(n, s) for s in (3, 5) for n in ("uniform", "fixed", "pooled", "oracle")]
    assert found.names == ("fixed", "pooled")
    assert found.weeks == 2
    assert found.rates("fixed").shape == (2, 2)


def test_all_that_learn_are_compared_unless_told_otherwise():
    assert set(RIVALS) == {"fixed", "pooled", "person", "population", "adaptive"}


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_seeds_must_be_given_each_once(seeds):
    with pytest.raises(ValueError, match="seeds: must be at least one, each once"):
        compare(ema.make, seeds=seeds, persons=5, days=7)


def test_tables_hold_every_figure_with_its_interval():
    text = tables({"ema": COMPARISON})
    assert "| ema | adaptive | 0.05 (" in text
    assert "| 0.0100 |" in text
    assert "| ema | pooled | +0.75 (" in text
    assert text.count("| ema |") == 5
    assert "| ema | oracle |" in text
    assert "| 0.30 (" in text.splitlines()[-1]  # ours of the oracle's lift
    widths = {line.count("|") for line in text.splitlines() if line}
    assert widths == {6}


def test_a_learner_handed_the_truth_uses_it_from_the_first_day_on():
    truth = learn_truth(ema.make, days=8, persons=300)
    assert len(truth) == 8
    policies = {"true-prior": handed(truth), "adaptive": POLICIES["adaptive"]}
    found = compare(ema.make, policies, seeds=(1,), persons=30, days=8)
    run, own = found.runs["true-prior"][0], found.runs["adaptive"][0]
    assert run.min_propensity == pytest.approx(0.1 / 7)
    assert run.rate_by_week[0] != own.rate_by_week[0]


def test_minding_the_prompt_before_beats_the_plain_oracle():
    found = compare(ema.make, {SPACED: spaced_oracle}, seeds=(1, 2), persons=200, days=7)
    assert found.share(SPACED, 0).value > 1.1


def test_a_world_that_does_not_tell_has_no_spaced_oracle():
    world = CheckedWorld(ema.make(3, 1, 1), 3)
    with pytest.raises(ValueError, match="world: has no spaced_oracle"):
        simulate(world, spaced_oracle, days=1, seed=1)


def test_the_true_prior_is_compared_with_ours_as_it_is(monkeypatch):
    monkeypatch.setattr(true_prior, "learn_truth", lambda make, days, epsilon: [])
    assert [*true_prior.with_prior(ema.make, days=7, epsilon=0.1)] == ["adaptive", "true-prior"]


def test_a_better_oracle_stands_beside_policies_where_the_world_tells_it():
    assert [*with_spaced(ABLATION, ema.make)] == [*ABLATION, SPACED]
    assert [*with_spaced(ABLATION, lambda n, d, s: CheckedWorld(ema.make(n, d, s), n))] == [
        *ABLATION
    ]


def test_each_part_that_is_taken_away_changes_what_is_done():
    found = compare(shift_work.make, ABLATION, seeds=(1,), persons=20, days=8)
    rates = {name: found.runs[name][0].rate_by_week for name in ABLATION}
    same = {("adaptive", "adaptive, no change detection")}  # nobody can have changed so early
    for one, other in combinations(rates, 2):
        assert (rates[one] == rates[other]) <= ((other, one) in same or (one, other) in same)
