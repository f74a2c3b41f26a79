from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from models.simulation import ema
from models.simulation.catalogue import WORLDS, with_spacing_cost
from models.simulation.checked import CheckedWorld
from models.simulation.rhythms import HOURS, PER_BLOCK
from models.simulation.run import simulate
from models.simulation.spacing import RUSHED_HOURS, best_spaced


def worth(logit, slots, last, cost):
    """Return the sum of probabilities of one person prompted in these slots of the day."""
    total = 0.0
    for block, slot in enumerate(slots):
        at = block * PER_BLOCK + slot
        total += expit(logit[at] - cost * (HOURS[at] - last < RUSHED_HOURS))
        last = HOURS[at]
    return total


@pytest.mark.parametrize("seed", range(4))
def test_no_other_day_of_prompts_is_better_than_the_spaced_oracles(seed):
    rng = np.random.default_rng(seed)
    logit = np.repeat(rng.normal(0.0, 1.0, (3, 14)), 2, axis=1)  # best slots often touch
    chosen, last = [], np.full(3, -np.inf)
    for block in range(4):
        start = block * PER_BLOCK
        chosen.append(best_spaced(logit[:, start:], HOURS[start:], last, 1.2))
        last = HOURS[start + chosen[-1]]
    for who in range(3):
        own = worth(logit[who], [slot[who] for slot in chosen], -np.inf, 1.2)
        days = product(range(PER_BLOCK), repeat=4)
        assert own == pytest.approx(max(worth(logit[who], day, -np.inf, 1.2) for day in days))


def test_where_spacing_costs_nothing_both_oracles_are_one():
    world = with_spacing_cost(ema.make, 0.0)(50, 2, 1)
    for day in range(2):
        for block in range(4):
            best = world.oracle(day, block)
            assert np.array_equal(world.spaced_oracle(day, block), best)
            world.respond(day, block, best)


@pytest.mark.parametrize("name", WORLDS)
def test_the_cost_of_spacing_changes_nothing_else(name):
    usual, free = WORLDS[name](40, 3, 7), with_spacing_cost(WORLDS[name], 0.0)(40, 3, 7)
    far, near = np.full(40, 3), (np.full(40, 6), np.full(40, 0))
    assert np.array_equal(usual.respond(0, 0, far)[2], free.respond(0, 0, far)[2])
    assert np.array_equal(usual.respond(0, 1, near[0])[2], free.respond(0, 1, near[0])[2])
    rushed, unhurried = usual.respond(0, 2, near[1])[2], free.respond(0, 2, near[1])[2]
    reached = unhurried > 0.0
    assert (rushed[reached] < unhurried[reached]).all()


def test_the_cost_is_set_before_the_first_prompt_and_not_below_nothing():
    world = ema.make(5, 1, 1)
    with pytest.raises(ValueError, match="rushed_drop: must not be negative"):
        world.with_spacing_cost(-0.1)
    world.respond(0, 0, np.zeros(5, dtype=int))
    with pytest.raises(ValueError, match="world: was prompted already"):
        world.with_spacing_cost(0.0)


def test_a_world_of_ones_own_has_no_cost_to_be_set():
    def own(persons, days, seed):
        return CheckedWorld(ema.make(persons, days, seed), persons)

    with pytest.raises(ValueError, match="world: has no spacing cost to be set"):
        simulate(with_spacing_cost(own, 0.0)(3, 1, 1), "uniform", days=1, seed=1)
