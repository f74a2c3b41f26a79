"""Timing policies: each gives every slot of every window a probability, a batch at a time."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.propensity import epsilon_greedy, uniform
from models.receptivity import Receptivity

Floats = NDArray[np.float64]

UNIFORM = "uniform"
ADAPTIVE = "adaptive"
FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class SlotBatch:
    """n windows of up to k slots, as arrays; short windows are padded with unavailable slots.

    `hours` (n, k) local hour of day (decimal); `available` (n, k) bool, at least one a row;
    `day_type` (n,) 0 work day, 1 off; `person` n keys.
    """

    hours: Floats
    available: NDArray[np.bool_]
    day_type: NDArray[np.int64]
    person: Sequence[str]

    def rows(self, which: NDArray[np.bool_]) -> "SlotBatch":
        """Return the windows where `which` (n,) is true."""
        return SlotBatch(
            self.hours[which],
            self.available[which],
            self.day_type[which],
            [person for person, kept in zip(self.person, which, strict=True) if kept],
        )


class TimingPolicy(Protocol):
    """A law for choosing one slot in each window."""

    @property
    def name(self) -> str:
        """The policy's name, as stored with each decision."""
        ...

    @property
    def version(self) -> str:
        """Which model it rests on, as stored with each decision."""
        ...

    @property
    def epsilon(self) -> float:
        """The share that is drawn uniformly: no available slot falls below epsilon / k."""
        ...

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return (n, k) probabilities: rows sum to 1, unavailable slots get 0."""
        ...


@dataclass(frozen=True, slots=True)
class UniformPolicy:
    """Every available slot is as likely as any other."""

    name: str = UNIFORM
    version: str = "1"
    epsilon: float = 1.0

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return equal shares over the available slots."""
        return uniform(batch.available)


@dataclass(frozen=True, slots=True)
class AdaptivePolicy:
    """The best slot by the learned model, mixed with a uniform share `epsilon`.

    `guard` is held while the model is read, for a model that a learning thread adds to.
    """

    model: Receptivity
    version: str
    epsilon: float
    name: str = ADAPTIVE
    guard: AbstractContextManager[object] = field(default_factory=nullcontext)

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return epsilon-greedy probabilities under the model's slot scores."""
        person = np.asarray(batch.person, dtype=np.str_)
        with self.guard:
            scores = self.model.slot_scores(batch.hours, batch.day_type, person)
        return epsilon_greedy(scores, batch.available, self.epsilon)
