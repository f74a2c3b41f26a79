"""Runs of a timing policy in a world, scored by the world's true probability."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.propensity import epsilon_greedy, uniform
from models.receptivity import Receptivity
from models.simulation.world import Floats, Ints, World

PolicyName = Literal["uniform", "adaptive", "pooled", "oracle"]
WARM_UP_DAYS = 7
POLICIES: tuple[PolicyName, ...] = ("uniform", "adaptive", "pooled", "oracle")


@dataclass(frozen=True)
class Run:
    """What a policy reached: mean true probabilities, and the smallest propensity it ever gave.

    rate_by_week: one value a week (the last may be a part of one); rate: over all prompts.
    """

    rate_by_week: tuple[float, ...]
    rate: float
    min_propensity: float


@dataclass(frozen=True)
class Asked:
    """One block's prompts and outcomes, everything a policy may learn from; arrays (n,)."""

    day: int
    hour: Floats
    day_type: Ints
    label: NDArray[np.bool_]


class Policy(Protocol):
    """A timing policy under test."""

    def propensities(self, day: int, block: int) -> Floats:
        """Return (n, k) propensities of the block's slots."""
        ...

    def learn(self, asked: Asked) -> None:
        """Take in one block's outcomes."""
        ...

    def end_day(self) -> None:
        """Do the nightly work."""
        ...


class UniformPolicy:
    """Every slot of a block equally likely."""

    def __init__(self, world: World) -> None:
        self._world = world

    def propensities(self, day: int, block: int) -> Floats:
        """Return equal propensities."""
        return uniform(_all_slots(self._world, block))

    def learn(self, asked: Asked) -> None:
        """Ignore the outcomes."""

    def end_day(self) -> None:
        """Do nothing."""


class OraclePolicy(UniformPolicy):
    """The slot with the best systematic probability, always: a ceiling nobody can reach."""

    def propensities(self, day: int, block: int) -> Floats:
        """Return 1 for the best slot and 0 elsewhere."""
        best = self._world.oracle(day, block)
        chosen = np.zeros(_all_slots(self._world, block).shape)
        chosen[np.arange(best.size), best] = 1.0
        return chosen


class AdaptivePolicy(UniformPolicy):
    """Receptivity with an update after each block and a refit each night, epsilon-greedy.

    The first week is uniform: a curve learned from a few days sends everybody to the same wrong
    hour, which costs more than it teaches.
    """

    def __init__(self, world: World, epsilon: float, model: Receptivity) -> None:
        super().__init__(world)
        self._epsilon, self._model = epsilon, model
        self._persons = np.arange(world.day_type(0).size).astype(np.str_)
        self._past: list[Asked] = []
        self._model.fit(np.empty((0, 2)), np.empty(0), person=np.empty(0, dtype=np.str_))

    def propensities(self, day: int, block: int) -> Floats:
        """Return 1 - epsilon on the slot the model likes best, epsilon spread uniformly."""
        available = _all_slots(self._world, block)
        if day < WARM_UP_DAYS:
            return uniform(available)
        hours = np.broadcast_to(self._world.slot_hours[self._world.blocks[block]], available.shape)
        score = self._model.slot_scores(hours, self._world.day_type(day), self._persons)
        return epsilon_greedy(score, available, self._epsilon)

    def learn(self, asked: Asked) -> None:
        """Add the outcomes to the persons' counts."""
        self._past.append(asked)
        X = np.column_stack([asked.hour, asked.day_type])
        self._model.partial_fit(X, asked.label, person=self._persons)

    def end_day(self) -> None:
        """Refit population curve and prior on everything so far."""
        past = self._past
        hour = np.concatenate([asked.hour for asked in past])
        kind = np.concatenate([asked.day_type for asked in past])
        label = np.concatenate([asked.label for asked in past])
        day = np.repeat([asked.day for asked in past], self._persons.size)
        self._model.fit(
            np.column_stack([hour, kind]), label, person=np.tile(self._persons, len(past)), day=day
        )


def simulate(
    world: World,
    policy: PolicyName,
    *,
    days: int,
    seed: int,
    epsilon: float = 0.1,
    within_minutes: float | None = None,
) -> Run:
    """Return what the policy reaches in the world over `days` days; the world is used up.

    seed drives the draw of slots only. Policies learn from answers, or with `within_minutes` from
    answers within that delay; rates are means of the true probability of an answer either way.
    Raises ValueError for an unknown policy, days below 1 or epsilon outside 0..1.
    """
    if days < 1:
        raise ValueError(f"days: must be at least 1, got {days}")
    chooser = _policy(world, policy, epsilon)
    rng = np.random.default_rng([seed, 2])
    means: list[float] = []
    smallest = 1.0
    for day in range(days):
        kind, total = world.day_type(day), 0.0
        for block, where in enumerate(world.blocks):
            propensities = chooser.propensities(day, block)
            smallest = min(smallest, float(propensities.min()))
            slot = _draw(propensities, rng)
            answered, delay, probability = world.respond(day, block, slot)
            label = answered if within_minutes is None else answered & (delay <= within_minutes)
            chooser.learn(Asked(day, world.slot_hours[where][slot], kind, label))
            total += float(probability.mean())
        means.append(total / len(world.blocks))
        chooser.end_day()
    weeks = tuple(float(np.mean(means[at : at + 7])) for at in range(0, days, 7))
    return Run(weeks, float(np.mean(means)), smallest)


def _policy(world: World, policy: str, epsilon: float) -> Policy:
    """Return the named policy, ready to run."""
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon: must be between 0 and 1, got {epsilon}")
    if policy == "uniform":
        return UniformPolicy(world)
    if policy == "oracle":
        return OraclePolicy(world)
    if policy == "adaptive":
        return AdaptivePolicy(world, epsilon, Receptivity())
    if policy == "pooled":
        return AdaptivePolicy(world, epsilon, Receptivity(rank=0))
    raise ValueError(f"policy: must be one of {', '.join(POLICIES)}, got {policy!r}")


def _all_slots(world: World, block: int) -> NDArray[np.bool_]:
    """Return an (n, k) availability in which every slot of the block may be used."""
    k = world.slot_hours[world.blocks[block]].size
    return np.ones((world.day_type(0).size, k), dtype=np.bool_)


def _draw(propensities: Floats, rng: np.random.Generator) -> Ints:
    """Return one slot (n,) a row, drawn with these propensities."""
    edges = np.asarray(np.cumsum(propensities, axis=1), dtype=np.float64)
    edges[:, -1] = 1.0  # rounding must not leave a gap at the top
    return np.asarray((rng.random(len(edges))[:, None] >= edges).sum(axis=1), dtype=np.int64)
