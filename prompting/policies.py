"""Timing policies: each gives every slot of every window a probability, a batch at a time.

A policy that fails never stops prompting: `law_of` then takes the one behind it, and the last in
line is uniform.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.learning_records import ANSWERED, COMPLETED
from models.allocation import smooth_slots
from models.bins import cell_of
from models.objective import OBJECTIVES, Heads, Objective
from models.propensity import epsilon_greedy, uniform
from prompting.reasons import Reasons, reasons_for

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

UNIFORM = "uniform"
ADAPTIVE = "adaptive"
POOLED = "pooled"
PERSON = "person"
FIXED = "fixed"

GRID = 6
"""Decimals of a score (logit) that count. Less is no preference but rounding, which depends on
what a window is computed together with."""
STEEPNESS = 8.0
"""Of the pooled allocation, per logit: a slot a tenth of a logit better is twice as likely."""
CANNOT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a model that is broken in some way raises."""


@dataclass(frozen=True, slots=True)
class SlotBatch:
    """n windows of up to k slots, as arrays; short windows are padded with unavailable slots.

    `hours` (n, k) local hour of day (decimal); `available` (n, k) bool, at least one a row;
    `day_type` (n,) 0 work day, 1 off; `person` n keys; `declared` (n, 4) hours of waking, going
    to bed, start and end of work; `last_hour` (n,) of the prompt before on that day; NaN in both
    where there is none. `objective` n words, all `answered` if left out.
    """

    hours: Floats
    available: NDArray[np.bool_]
    day_type: NDArray[np.int64]
    person: Sequence[str]
    declared: Floats | None = None
    last_hour: Floats | None = None
    objective: Sequence[str] | None = None

    def rows(self, which: NDArray[np.bool_]) -> "SlotBatch":
        """Return the windows where `which` (n,) is true."""
        return SlotBatch(
            self.hours[which],
            self.available[which],
            self.day_type[which],
            _kept(self.person, which) or [],
            None if self.declared is None else self.declared[which],
            None if self.last_hour is None else self.last_hour[which],
            _kept(self.objective, which),
        )

    @property
    def keys(self) -> NDArray[np.str_]:
        """Return the persons' keys (n,)."""
        return np.asarray(self.person, dtype=np.str_)


@dataclass(frozen=True, slots=True)
class Law:
    """The law a batch is drawn by, with all that a decision's record says of it.

    `propensities` (n, k): rows sum to 1, unavailable slots get 0, and no other slot less than
    epsilon / (number of available slots). `heads` (n,): the objective that each window's slots were
    scored by, all `answered` if left out.
    """

    propensities: Floats
    name: str
    version: str
    epsilon: float
    reasons: Reasons | None = None
    heads: NDArray[np.str_] | None = None

    def rests_on(self, row: int) -> str:
        """Return the objective that the slots of this window were scored by."""
        return ANSWERED if self.heads is None else str(self.heads[row])


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

    @property
    def behind(self) -> "TimingPolicy | None":
        """The policy to take where this one fails; None for one that cannot."""
        ...

    def law(self, batch: SlotBatch) -> Law:
        """Return the law of a batch, and the version that it was computed with."""
        ...

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return the probabilities (n, k) of the law."""
        ...


@dataclass(frozen=True, slots=True)
class UniformPolicy:
    """Every available slot is as likely as any other."""

    name: str = UNIFORM
    version: str = "1"
    epsilon: float = 1.0
    behind: None = None

    def law(self, batch: SlotBatch) -> Law:
        """Return the uniform law."""
        return Law(self.propensities(batch), self.name, self.version, self.epsilon)

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return equal shares over the available slots."""
        return uniform(batch.available)


@dataclass(frozen=True, slots=True)
class CurvePolicy:
    """The best slot by a population curve alone, where the model it came from cannot be used.

    `curve`: (96,) logit of the half hours of a work day and of an off day.
    """

    curve: Sequence[float]
    version: str
    epsilon: float
    name: str = ADAPTIVE
    behind: TimingPolicy | None = None

    def law(self, batch: SlotBatch) -> Law:
        """Return the epsilon-greedy law."""
        return Law(self.propensities(batch), self.name, self.version, self.epsilon)

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return epsilon-greedy probabilities under the curve."""
        curve = np.asarray(self.curve, dtype=np.float64)
        scores = curve[cell_of(batch.hours, batch.day_type[:, None])]
        return epsilon_greedy(np.round(scores, GRID), batch.available, self.epsilon)


@dataclass(frozen=True, slots=True)
class AdaptivePolicy:
    """The best slot by the learned model, mixed with a uniform share `epsilon`.

    By name: `adaptive` trusts population, declared hours and person; `pooled` the population
    alone, and smoothly; `person` the person's own answers alone. Windows that `adaptive` times for
    another objective than answers are scored by its head, once there is one (`Heads`).
    """

    models: Heads
    version: str
    epsilon: float
    name: str = ADAPTIVE
    behind: TimingPolicy | None = None

    def law(self, batch: SlotBatch) -> Law:
        """Return the law, and why each slot is liked or not."""
        heads = self._heads(batch)
        scores = self._scores(batch, heads)
        reasons = self._reasons(batch, heads, scores) if self.name == ADAPTIVE else None
        chances = self._chances(batch, scores)
        return Law(chances, self.name, self.version, self.epsilon, reasons, heads)

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return probabilities under the model's slot scores."""
        return self._chances(batch, self._scores(batch, self._heads(batch)))

    def _chances(self, batch: SlotBatch, scores: Floats) -> Floats:
        if self.name == POOLED:
            share = smooth_slots(_hidden(scores, batch.available)[None], STEEPNESS)
            share = np.where(batch.available, share, 0.0)
            share /= share.sum(axis=1, keepdims=True)
            return (1.0 - self.epsilon) * share + self.epsilon * uniform(batch.available)
        return epsilon_greedy(np.round(scores, GRID), batch.available, self.epsilon)

    def _heads(self, batch: SlotBatch) -> NDArray[np.str_] | None:
        """Return the objective (n,) that each window is scored by, None for answers alone."""
        if self.name != ADAPTIVE or not {*(batch.objective or ())} - {ANSWERED}:
            return None
        by: dict[str, str] = {one: self.models.rests_on(one) for one in OBJECTIVES}
        return np.array([by.get(asked, ANSWERED) for asked in batch.objective or ()])

    def _scores(self, batch: SlotBatch, heads: NDArray[np.str_] | None) -> Floats:
        if self.name == POOLED:
            return self._shared(batch)
        scores = self._scored(batch, "answered")
        if self.name == PERSON:
            return scores - self._shared(batch)
        for objective, rows in _beside(heads):
            scores[rows] = self._scored(batch.rows(rows), objective)
        return scores

    def _scored(self, batch: SlotBatch, objective: Objective) -> Floats:
        """Return the scores (n, k) under one objective."""
        told = batch.declared is not None and not np.isnan(batch.declared).all()
        return self.models.slot_scores(
            objective,
            batch.hours,
            batch.day_type,
            batch.keys,
            declared=batch.declared if told else None,
            last_hour=batch.last_hour,
        )

    def _reasons(self, batch: SlotBatch, heads: NDArray[np.str_] | None, scores: Floats) -> Reasons:
        """Return the reasons by the head each window rests on; of `relevance` there are none."""
        reasons = reasons_for(self.models.answered, batch, scores)
        for objective, rows in _beside(heads):
            if objective == COMPLETED and self.models.completed is not None:
                own = reasons_for(self.models.completed, batch.rows(rows), scores[rows])
                reasons.put(rows, own)
        return reasons

    def _shared(self, batch: SlotBatch) -> Floats:
        """Return the scores (n, k) of a person of whom nothing is known."""
        nobody = np.full(len(batch.person), "", dtype=np.str_)
        return self.models.answered.slot_scores(batch.hours, batch.day_type, nobody)


def law_of(policy: TimingPolicy, batch: SlotBatch) -> Law:
    """Return the law of the first policy in line, from this one on, that gives a lawful one."""
    line: TimingPolicy | None = policy
    while line is not None:
        try:
            law = line.law(batch)
            check_lawful(law, batch)
        except CANNOT as error:
            log.error("policy %s %s failed: %s", line.name, line.version, error)  # noqa: TRY400
            line = line.behind
        else:
            return law
    return UniformPolicy(name=policy.name, version=UNTRAINED).law(batch)


UNTRAINED = "untrained"
"""Version of a law that rests on no model."""


def check_lawful(law: Law, batch: SlotBatch) -> None:
    """Raise ValueError unless the propensities are what a law promises."""
    given = law.propensities
    floor = law.epsilon * uniform(batch.available)
    if given.shape != floor.shape or not np.isfinite(given).all():
        raise ValueError("propensities: must be finite, one a slot")
    if (np.abs(given.sum(axis=1) - 1.0) > 1e-9).any():
        raise ValueError("propensities: must sum to 1 in each window")
    if (given < floor - 1e-12).any() or (given[~batch.available] != 0.0).any():
        raise ValueError("propensities: below the floor, or above 0 where there is no slot")


def _beside(
    heads: NDArray[np.str_] | None,
) -> Iterator[tuple[Objective, NDArray[np.bool_]]]:
    """Yield each other objective than answers that windows rest on, and which windows (n,) do."""
    for objective in OBJECTIVES if heads is not None else ():
        rows = np.asarray(heads == objective, dtype=np.bool_)
        if objective != ANSWERED and rows.any():
            yield objective, rows


def _kept(values: Sequence[str] | None, which: NDArray[np.bool_]) -> list[str] | None:
    if values is None:
        return None
    return [value for value, kept in zip(values, which, strict=True) if kept]


def _hidden(scores: Floats, available: NDArray[np.bool_]) -> Floats:
    """Return scores (n, k) relative to the best available slot, far below where unavailable."""
    best = np.where(available, scores, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(np.round(np.where(available, scores - best, -100.0), GRID))
