"""Runs of a timing policy in a world, scored by the world's true probability."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.receptivity import Receptivity
from models.simulation.learners import AdaptivePolicy
from models.simulation.policy import (
    Asked,
    BernoulliPolicy,
    FixedPolicy,
    OraclePolicy,
    Policy,
    Setting,
    UniformPolicy,
)
from models.simulation.regressions import PersonPolicy, PooledPolicy
from models.simulation.world import Floats, Ints, Marked, World

MakePolicy = Callable[[Setting, World], Policy]

POLICIES: Mapping[str, MakePolicy] = MappingProxyType(
    {
        "uniform": lambda setting, _: UniformPolicy(setting),
        "fixed": lambda setting, _: FixedPolicy(setting),
        "bernoulli": lambda setting, _: BernoulliPolicy(setting),
        "pooled": lambda setting, _: PooledPolicy(setting),
        "person": lambda setting, _: PersonPolicy(setting),
        "population": lambda setting, _: AdaptivePolicy(
            setting, Receptivity(rank=0), declared=False
        ),
        "adaptive": lambda setting, _: AdaptivePolicy(setting, Receptivity()),
        "oracle": lambda setting, world: OraclePolicy(setting, world.oracle),
    }
)
"""By name; only the oracle reads the world it is given."""


@dataclass(frozen=True)
class Run:
    """What a policy reached: mean true probabilities, and the smallest propensity it ever gave.

    rate_by_week: one value a week (the last may be a part of one); rate: over all prompts.
    good_by_week: the same of prompts answered at a good moment, in a world that knows of those.
    """

    rate_by_week: tuple[float, ...]
    rate: float
    min_propensity: float
    good_by_week: tuple[float, ...] = ()


def simulate(
    world: World,
    policy: str | MakePolicy,
    *,
    days: int,
    seed: int,
    epsilon: float = 0.1,
    within_minutes: float | None = None,
) -> Run:
    """Return what the policy reaches in the world over `days` days; the world is used up.

    policy: a name in POLICIES, or what makes one. seed drives the draw of slots and the policy's
    own chance. Policies learn from answers, or with `within_minutes` from answers within that
    delay; rates are means of the true probability of an answer either way.
    Raises ValueError for an unknown policy, days below 1 or epsilon outside 0..1.
    """
    if days < 1:
        raise ValueError(f"days: must be at least 1, got {days}")
    chooser = _policy(world, policy, epsilon, seed)
    rng = np.random.default_rng([seed, 2])
    means: list[float] = []
    goods: list[float] = []
    smallest = 1.0
    for day in range(days):
        kind, total, good = world.day_type(day), 0.0, 0.0
        for block, where in enumerate(world.blocks):
            law = chooser.propensities(day, block)
            smallest = min(smallest, float(law.min()))
            slot = _draw(law, rng)
            answered, delay, probability = world.respond(day, block, slot)
            label = answered if within_minutes is None else answered & (delay <= within_minutes)
            hour = world.slot_hours[where][slot]
            mark, moment = _marked(world, day, block, slot, answered)
            chooser.learn(Asked(day, block, slot, hour, kind, label, delay, law, mark))
            total += float(probability.mean())
            good += float((probability * moment).mean())
        means.append(total / len(world.blocks))
        goods.append(good / len(world.blocks))
        chooser.end_day()
    known = isinstance(world, Marked)
    return Run(_by_week(means), float(np.mean(means)), smallest, _by_week(goods) if known else ())


def _by_week(values: list[float]) -> tuple[float, ...]:
    return tuple(float(np.mean(values[at : at + 7])) for at in range(0, len(values), 7))


def _marked(
    world: World, day: int, block: int, slot: Ints, answered: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return marks and true chances (n,) of a good moment, no marks where a world has none."""
    if isinstance(world, Marked):
        return world.mark(day, block, slot, answered)
    return np.full(answered.size, np.nan), np.zeros(answered.size)


def _policy(world: World, policy: str | MakePolicy, epsilon: float, seed: int) -> Policy:
    """Return the policy, ready to run."""
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon: must be between 0 and 1, got {epsilon}")
    if isinstance(policy, str):
        if policy not in POLICIES:
            raise ValueError(f"policy: must be one of {', '.join(POLICIES)}, got {policy!r}")
        policy = POLICIES[policy]
    setting = Setting(
        persons=world.day_type(0).size,
        slot_hours=world.slot_hours,
        blocks=world.blocks,
        day_type=world.day_type,
        declared=world.declared,
        epsilon=epsilon,
        rng=np.random.default_rng([seed, 3]),
    )
    return policy(setting, world)


def _draw(propensities: Floats, rng: np.random.Generator) -> Ints:
    """Return one slot (n,) a row, drawn with these propensities."""
    edges = np.asarray(np.cumsum(propensities, axis=1), dtype=np.float64)
    edges[:, -1] = 1.0  # rounding must not leave a gap at the top
    return np.asarray((rng.random(len(edges))[:, None] >= edges).sum(axis=1), dtype=np.int64)
