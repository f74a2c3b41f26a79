"""Whole runs of simulated worlds, as arrays."""

from dataclasses import dataclass

import numpy as np

PERSONS, DAYS = 1000, 42


@dataclass(frozen=True)
class Played:
    """answered, delay and probability, each (days, blocks, n)."""

    answered: np.ndarray
    delay: np.ndarray
    probability: np.ndarray


def play(world, choose, days=DAYS):
    """Outcomes of a run in which choose(day, block) picks the slots."""
    rows = [
        [world.respond(day, block, choose(day, block)) for block in range(len(world.blocks))]
        for day in range(days)
    ]
    return Played(*(np.array([[out[i] for out in day] for day in rows]) for i in range(3)))


def play_uniform(make, persons=PERSONS, days=DAYS, seed=1):
    """A run with slots at random."""
    rng = np.random.default_rng(9)
    return play(make(persons, days, seed), lambda day, block: rng.integers(0, 7, persons), days)


def play_knowing(make, persons=PERSONS, days=DAYS, seed=1):
    """A run with the systematically best slots."""
    world = make(persons, days, seed)
    return play(world, world.oracle, days)


def flat(label):
    """(person, day, time of day, outcome) of labels (days, blocks, n), one entry a prompt."""
    day, block, person = (axis.ravel() for axis in np.indices(label.shape))
    return person, day, block, label.ravel()
