import numpy as np
import pytest

from models.simulation import ema
from models.simulation.run import POLICIES, simulate
from models.simulation.world import World

PERSONS, DAYS = 800, 42


def play(world: World, choose, days=DAYS):
    """Outcomes of a whole run: answered, delay and probability, each (days, blocks, n)."""
    rows = [
        [world.respond(day, block, choose(day, block)) for block in range(len(world.blocks))]
        for day in range(days)
    ]
    return tuple(np.array([[out[i] for out in day] for day in rows]) for i in range(3))


@pytest.fixture(scope="module")
def uniform():
    rng = np.random.default_rng(9)
    return play(ema.make(PERSONS, DAYS, 1), lambda day, block: rng.integers(0, 7, PERSONS))


@pytest.fixture(scope="module")
def knowing():
    world = ema.make(PERSONS, DAYS, 1)
    return play(world, world.oracle)


def test_the_answer_rate_is_that_of_public_data(uniform):
    answered, _, probability = uniform
    assert 0.76 <= answered.mean() <= 0.85
    assert answered.mean() == pytest.approx(probability.mean(), abs=0.005)


def test_persons_differ_as_much_as_in_public_data(uniform):
    assert uniform[0].mean(axis=(0, 1)).std() == pytest.approx(0.12, abs=0.02)


def test_an_answer_follows_an_answer_more_often_than_a_miss(uniform):
    series = uniform[0].reshape(-1, PERSONS)
    before, after = series[:-1], series[1:]
    assert after[before].mean() == pytest.approx(0.85, abs=0.02)
    assert after[~before].mean() == pytest.approx(0.64, abs=0.035)


def test_answering_fades(uniform):
    weekly = uniform[2].reshape(6, -1).mean(axis=1)
    assert (np.diff(weekly) < 0).all()


def test_a_knower_of_systematic_curves_gains_about_four_points(uniform, knowing):
    lift = knowing[2][-7:].mean() - uniform[2][-7:].mean()
    assert lift == pytest.approx(0.040, abs=0.008)


def test_a_prompt_answer_leaves_more_to_gain_than_any_answer(uniform, knowing):
    soon = [np.where(answered, delay, np.inf) <= 15 for answered, delay, _ in (uniform, knowing)]
    quick = soon[1].mean() - soon[0].mean()
    assert quick > 1.3 * (knowing[0].mean() - uniform[0].mean())


def test_delays_are_minutes_before_expiry_and_only_for_answers(uniform):
    answered, delay, _ = uniform
    assert (np.isnan(delay) == ~answered).all()
    assert np.nanmin(delay) > 0.0
    assert np.nanmax(delay) <= 60.0
    assert 4.0 < np.nanmedian(delay) < 15.0


def test_a_world_is_a_function_of_its_arguments():
    first, second, other = (ema.make(20, 3, seed) for seed in (7, 7, 8))
    runs = [play(w, lambda d, b: np.full(20, d + b), 3) for w in (first, second, other)]
    np.testing.assert_array_equal(runs[0][2], runs[1][2])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert not np.array_equal(runs[0][2], runs[2][2])


def test_luck_and_phones_do_not_depend_on_the_slots_chosen():
    early = play(ema.make(300, 5, 1), lambda d, b: np.zeros(300, dtype=int), 5)
    late = play(ema.make(300, 5, 1), lambda d, b: np.full(300, 6), 5)
    np.testing.assert_array_equal(early[2] == 0.0, late[2] == 0.0)
    # Who is more likely to answer later, and answered early, must answer later too.
    surer = late[2] >= early[2]
    assert (late[0] >= early[0])[surer].all()


def test_silent_dropouts_stay_silent(uniform):
    gone = uniform[2][-1].max(axis=0) == 0.0
    assert 0.02 < gone.mean() < 0.12


def test_declared_hours_are_given_for_all_and_work_only_for_those_who_work():
    declared = ema.make(1000, 1, 1).declared
    assert sorted(declared) == ["bed", "wake", "work_end", "work_start"]
    assert np.isfinite(declared["wake"]).all()
    assert 0.25 < np.isnan(declared["work_start"]).mean() < 0.35
    assert np.nanmedian(declared["work_end"] - declared["work_start"]) == 8.0


def test_blocks_cover_the_slots_once():
    world = ema.make(1, 1, 1)
    covered = np.concatenate([np.arange(28)[block] for block in world.blocks])
    assert covered.tolist() == list(range(28))
    assert (world.slot_hours[0], world.slot_hours[-1]) == (8.0, 21.5)
    assert set(world.day_type(5)) | set(world.day_type(2)) <= {0, 1}


@pytest.mark.parametrize("turn", [(0, 1), (1, 0), (-1, 0)])
def test_a_world_prompted_out_of_order_complains(turn):
    with pytest.raises(ValueError, match="day, block: expected"):
        ema.make(2, 2, 1).respond(*turn, np.zeros(2, dtype=int))


def test_a_world_cannot_be_prompted_twice_or_beyond_its_end():
    world = ema.make(2, 1, 1)
    play(world, lambda d, b: np.zeros(2, dtype=int), 1)
    with pytest.raises(ValueError, match="day, block"):
        world.respond(0, 3, np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match="day, block"):
        world.respond(1, 0, np.zeros(2, dtype=int))


@pytest.mark.parametrize("slot", [[7, 0], [-1, 0], [0]])
def test_a_slot_outside_the_block_is_refused(slot):
    with pytest.raises(ValueError, match="slot: must be"):
        ema.make(2, 1, 1).respond(0, 0, np.array(slot))


@pytest.mark.parametrize(("policy", "floor"), [("uniform", 1 / 7), ("adaptive", 0.1 / 7)])
def test_the_smallest_propensity_is_the_promised_floor(policy, floor):
    run = simulate(ema.make(30, 10, 1), policy, days=10, seed=1, epsilon=0.1)
    assert run.min_propensity == pytest.approx(floor)
    assert len(run.rate_by_week) == 2
    assert run.rate == pytest.approx((7 * run.rate_by_week[0] + 3 * run.rate_by_week[1]) / 10)


def test_adapting_is_better_than_uniform_and_worse_than_knowing():
    rates = {policy: simulate(ema.make(200, 28, 2), policy, days=28, seed=2) for policy in POLICIES}
    last = {policy: run.rate_by_week[-1] for policy, run in rates.items()}
    assert last["uniform"] < last["adaptive"] < last["oracle"]
    # More than this share of a knower's lift within four weeks would be a leak.
    share = (last["adaptive"] - last["uniform"]) / (last["oracle"] - last["uniform"])
    assert 0.05 < share < 0.6


def test_the_first_week_of_adapting_is_uniform():
    adaptive = simulate(ema.make(40, 14, 3), "adaptive", days=14, seed=4)
    uniform = simulate(ema.make(40, 14, 3), "uniform", days=14, seed=4)
    assert adaptive.rate_by_week[0] == uniform.rate_by_week[0]
    assert adaptive.rate_by_week[1] != uniform.rate_by_week[1]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_runs(policy):
    run = simulate(ema.make(12, 9, 3), policy, days=9, seed=4)
    assert all(0.0 < rate < 1.0 for rate in run.rate_by_week)


def test_runs_repeat_exactly():
    runs = [simulate(ema.make(25, 10, 3), "adaptive", days=10, seed=4) for _ in range(2)]
    assert runs[0] == runs[1]


def test_epsilon_one_makes_adaptive_draw_like_uniform():
    adaptive = simulate(ema.make(40, 9, 3), "adaptive", days=9, seed=4, epsilon=1.0)
    uniform = simulate(ema.make(40, 9, 3), "uniform", days=9, seed=4)
    assert adaptive.rate == pytest.approx(uniform.rate, abs=1e-12)


def test_learning_from_quick_answers_changes_what_is_learned():
    answered, quick = (
        simulate(ema.make(60, 14, 3), "adaptive", days=14, seed=4, within_minutes=within)
        for within in (None, 15.0)
    )
    assert answered.rate_by_week != quick.rate_by_week


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"policy": "best"}, "policy: must be one of uniform, adaptive, pooled, oracle"),
        ({"days": 0}, "days: must be at least 1"),
        ({"epsilon": 1.5}, "epsilon: must be between 0 and 1"),
    ],
)
def test_a_bad_argument_is_named(change, message):
    arguments = {"policy": "uniform", "days": 1, "seed": 1} | change
    with pytest.raises(ValueError, match=message):
        simulate(ema.make(2, 1, 1), **arguments)


def test_a_world_without_persons_is_refused():
    with pytest.raises(ValueError, match="persons, days: must be at least 1"):
        ema.make(0, 1, 1)
