"""Policies side by side in the same worlds: shares of the oracle's lift, with intervals over seeds.

Runs with the same seed are paired: the same persons, days and luck. All intervals are at 95 % and
treat seeds as independent repetitions of a whole study.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.stats import t as student

from models.history import History
from models.receptivity import RANGES, Receptivity
from models.simulation.learners import AdaptivePolicy
from models.simulation.policy import OraclePolicy, Policy, Setting
from models.simulation.run import POLICIES, MakePolicy, Run, simulate
from models.simulation.world import Floats, Ints, MakeWorld, World
from models.trust import Trust

FLOOR, CEILING = "uniform", "oracle"


class _Credulous(Receptivity):
    """The estimator as it was before it doubted declared hours."""

    def _trust(self, history: History, logit: Floats, told: Floats) -> Trust:
        """Return full trust, whatever the outcomes say."""
        return Trust.full(history)


RIVALS = tuple(name for name in POLICIES if name not in (FLOOR, CEILING, "bernoulli"))
"""What is compared unless told otherwise; Bernoulli is uniform under a budget of one a block."""
ABLATION: Mapping[str, MakePolicy] = MappingProxyType(
    {
        "population, no spacing": lambda setting, _: AdaptivePolicy(
            setting, Receptivity(rank=0), declared=False, spacing=False
        ),
        "population": POLICIES["population"],
        "+ declared": lambda setting, _: AdaptivePolicy(setting, Receptivity(rank=0)),
        "+ declared, never doubted": lambda setting, _: AdaptivePolicy(setting, _Credulous(rank=0)),
        "+ person, not declared": lambda setting, _: AdaptivePolicy(
            setting, Receptivity(), declared=False
        ),
        "adaptive, never doubting": lambda setting, _: AdaptivePolicy(setting, _Credulous()),
        "adaptive, no change detection": lambda setting, _: AdaptivePolicy(
            setting, Receptivity(alarm=RANGES["alarm"][1])
        ),
        "adaptive, forgetting .985": lambda setting, _: AdaptivePolicy(
            setting, Receptivity(forgetting=0.985)
        ),
        "adaptive": POLICIES["adaptive"],
    }
)
"""Our learner with parts taken away or changed; the last is as it is used."""
SPACED, TRUE_PRIOR = "spaced-oracle", "true-prior"
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; the bounds are NaN with fewer than two seeds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Runs of several policies in one world, one for each seed, in the same order of seeds."""

    seeds: tuple[int, ...]
    runs: Mapping[str, tuple[Run, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the policies between uniform and oracle."""
        return tuple(name for name in self.runs if name not in (FLOOR, CEILING))

    @property
    def weeks(self) -> int:
        """Return the number of weeks of a run."""
        return len(self.runs[FLOOR][0].rate_by_week)

    def rates(self, name: str) -> Floats:
        """Return the rates (seeds, weeks) of a policy."""
        return np.array([run.rate_by_week for run in self.runs[name]])

    def lift(self, name: str, over: str = FLOOR) -> Floats:
        """Return rate differences (seeds, weeks) of two policies, paired by seed."""
        return np.asarray(self.rates(name) - self.rates(over), dtype=np.float64)

    def share(self, name: str, week: int) -> Estimate:
        """Return the policy's share of the oracle's lift over uniform in a week (from 0)."""
        return ratio(self.lift(name)[:, week], self.lift(CEILING)[:, week])

    def advantage(self, name: str, other: str, week: int | None = None) -> Estimate:
        """Return the paired rate difference of two policies, over all days or in one week."""
        if week is not None:
            return mean(self.lift(name, other)[:, week])
        ours, theirs = (np.array([run.rate for run in self.runs[one]]) for one in (name, other))
        return mean(np.asarray(ours - theirs, dtype=np.float64))

    def relative(self, name: str, other: str, week: int) -> Estimate:
        """Return one policy's lift over uniform as a share of another's in a week."""
        return ratio(self.lift(name)[:, week], self.lift(other)[:, week])


def compare(
    make: MakeWorld,
    policies: Sequence[str] | Mapping[str, MakePolicy] = RIVALS,
    *,
    seeds: Sequence[int],
    persons: int,
    days: int,
    epsilon: float = 0.1,
    progress: Callable[[Iterator[tuple[str, int]]], Iterator[tuple[str, int]]] = iter,
) -> Comparison:
    """Return paired runs of the policies, with uniform and the oracle beside them.

    policies: names in POLICIES, or makers by name. progress may wrap the runs (name, seed) to come.
    Raises ValueError as simulate does, and for no seeds or no whole week.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError("seeds: must be at least one, each once")
    named = policies if isinstance(policies, Mapping) else {name: name for name in policies}
    makers: dict[str, str | MakePolicy] = {FLOOR: FLOOR, **named, CEILING: CEILING}
    found: dict[str, list[Run]] = {name: [] for name in makers}
    for name, seed in progress((name, seed) for seed in seeds for name in makers):
        world = make(persons, days, seed)
        run = simulate(world, makers[name], days=days, seed=seed, epsilon=epsilon)
        found[name].append(run)
    return Comparison(tuple(seeds), {name: tuple(runs) for name, runs in found.items()})


@runtime_checkable
class Spaced(Protocol):
    """A world that also tells the best slot for one who minds the prompt before."""

    def spaced_oracle(self, day: int, block: int) -> Ints:
        """Return that slot (n,) within the block."""
        ...


def spaced_oracle(setting: Setting, world: World) -> Policy:
    """Return an oracle that also minds the prompt before.

    Raises ValueError for a world that does not tell.
    """
    if not isinstance(world, Spaced):
        raise ValueError("world: has no spaced_oracle(day, block)")
    return OraclePolicy(setting, world.spaced_oracle)


def with_spaced(policies: Mapping[str, MakePolicy], make: MakeWorld) -> dict[str, MakePolicy]:
    """Return the policies, and the oracle that minds spacing where the worlds tell it."""
    told = isinstance(make(1, 1, 0), Spaced)
    return {**policies, **({SPACED: spaced_oracle} if told else {})}


def mean(values: Floats) -> Estimate:
    """Return the mean of values (seeds,) with Student's interval."""
    centre = float(values.mean())
    return _interval(centre, values - centre)


def ratio(part: Floats, whole: Floats) -> Estimate:
    """Return the ratio of two means (seeds,) each, with the interval of the ratio estimator.

    Linearised: residuals part - ratio x whole over the mean of the whole (Cochran 1977, eq. 6.13).
    NaN if the whole is 0.
    """
    total = float(whole.mean())
    if total == 0.0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float(part.mean()) / total
    return _interval(value, (part - value * whole) / total)


def _interval(value: float, residual: Floats) -> Estimate:
    n = residual.size
    if n < 2:
        return Estimate(value, float("nan"), float("nan"))
    error = float(np.sqrt((residual**2).sum() / (n - 1) / n))
    half = float(student.ppf(0.5 + LEVEL / 2.0, n - 1)) * error
    return Estimate(value, value - half, value + half)
