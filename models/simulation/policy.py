"""What a timing policy under test knows, gives and learns from, and policies that never learn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.allocation import budgeted, first_sent, mixed
from models.propensity import uniform
from models.simulation.world import Floats, Ints


@dataclass(frozen=True)
class Setting:
    """What a policy may know of a world before the first prompt.

    Neither probabilities nor the oracle are in it. epsilon: the share drawn uniformly; rng: the
    policy's own chance.
    """

    persons: int
    slot_hours: Floats
    blocks: Sequence[slice]
    day_type: Callable[[int], Ints]
    declared: Mapping[str, Floats] | None
    epsilon: float
    rng: np.random.Generator

    def hours(self, block: int) -> Floats:
        """Return the hours (k,) of the block's slots."""
        return self.slot_hours[self.blocks[block]]

    def everybody(self, law: Floats) -> Floats:
        """Return (n, k) propensities: the same law (k,) for each person."""
        return np.asarray(np.tile(law, (self.persons, 1)), dtype=np.float64)


@dataclass(frozen=True)
class Asked:
    """One block's prompts and outcomes, everything a policy may learn from; arrays (n,).

    propensity: (n, k) as the policy gave them; label: whether answered (in time); delay: minutes,
    NaN where unanswered; mark: 1 for a good moment, 0 for another, NaN where nobody said.
    """

    day: int
    block: int
    slot: Ints
    hour: Floats
    day_type: Ints
    label: NDArray[np.bool_]
    delay: Floats
    propensity: Floats
    mark: Floats


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


class Unlearned:
    """The part of a policy that never learns."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def learn(self, asked: Asked) -> None:
        """Ignore the outcomes."""

    def end_day(self) -> None:
        """Do nothing."""


class UniformPolicy(Unlearned):
    """Every slot of a block equally likely."""

    def propensities(self, day: int, block: int) -> Floats:
        """Return equal propensities."""
        k = self._setting.hours(block).size
        return uniform(np.ones((self._setting.persons, k), dtype=np.bool_))


class FixedPolicy(Unlearned):
    """The middle slot of each block, but for the uniform share: set times, as most studies use."""

    def propensities(self, day: int, block: int) -> Floats:
        """Return 1 - epsilon on the middle slot, epsilon spread uniformly."""
        k = self._setting.hours(block).size
        law = np.zeros(k)
        law[k // 2] = 1.0
        return self._setting.everybody(mixed(law, self._setting.epsilon))


class BernoulliPolicy(Unlearned):
    """Micro-randomised: send or not at each slot in turn, within a budget of one a block.

    The chance at a slot is what is left of the budget over the slots that are left, clipped to
    .1 and .8 (Dempsey et al. 2020). A world prompts once in each block, so what would end unsent
    falls to the last slot. In blocks of up to ten slots no clip but the last then binds, and the
    law is the uniform one: a check of the machinery rather than a rival.
    """

    LOWER, UPPER = 0.1, 0.8

    def propensities(self, day: int, block: int) -> Floats:
        """Return the law of the first slot at which a prompt is sent."""
        k = self._setting.hours(block).size
        law = first_sent(budgeted(k, 1, self.LOWER, self.UPPER)[1])
        whole = law[:-1].copy()
        whole[-1] += law[-1]
        return self._setting.everybody(mixed(whole, self._setting.epsilon))


class OraclePolicy(Unlearned):
    """The slot with the best systematic probability, always: the yardstick of lift.

    Given the oracle of a world; it never explores.
    """

    def __init__(self, setting: Setting, oracle: Callable[[int, int], Ints]) -> None:
        super().__init__(setting)
        self._oracle = oracle

    def propensities(self, day: int, block: int) -> Floats:
        """Return 1 for the best slot and 0 elsewhere."""
        best = self._oracle(day, block)
        chosen = np.zeros((self._setting.persons, self._setting.hours(block).size))
        chosen[np.arange(best.size), best] = 1.0
        return chosen
