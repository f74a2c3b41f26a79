"""Our learner handed the population's truth: how much of what is missing is the prior's fault.

The truth is what the same learner knows of the population on the same day in a clinic of 4,000
other persons of the same world, prompted by the same policy: curve, spread of base rates and
covariance of deviations, all but free of sampling error. The systematic curve of the world itself
would be a worse prior: prompts close to each other are answered less, so what an hour is worth
depends on where a policy puts the others. No deployed system can have this prior; the share that
the honest learner reaches of its lift tells how well a real clinic does with its own data.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.receptivity import Receptivity
from models.simulation.compare import TRUE_PRIOR
from models.simulation.learners import AdaptivePolicy
from models.simulation.policy import Policy, Setting
from models.simulation.run import POLICIES, MakePolicy, simulate
from models.simulation.world import MakeWorld, World

SAMPLE = 4_000
SAMPLE_SEED = 987_654_321  # far from the seeds of runs
PRIOR = ("population", "basis", "scales", "effects", "means")

Truth = Sequence[dict[str, NDArray[np.generic]]]
"""The prior as arrays of Receptivity.to_arrays, one entry a night."""


class _Recorded(AdaptivePolicy):
    """The adaptive policy, keeping each night's prior."""

    def __init__(self, setting: Setting, model: Receptivity) -> None:
        super().__init__(setting, model)
        self.nights: list[dict[str, NDArray[np.generic]]] = []

    def end_day(self) -> None:
        """Refit as ever, and note what was learned of the population."""
        super().end_day()
        arrays = self._model.to_arrays()
        self.nights.append({name: arrays[name] for name in PRIOR})


class TruePriorPolicy(AdaptivePolicy):
    """The adaptive policy with its estimated prior replaced by the true one, from day 0 on."""

    def __init__(self, setting: Setting, truth: Truth) -> None:
        super().__init__(setting, Receptivity())
        self._truth, self._night = truth, 0
        self._hand_over()

    def end_day(self) -> None:
        """Refit levels as ever, then put the truth in the place of curve and covariance."""
        super().end_day()
        self._hand_over()
        self._night = min(self._night + 1, len(self._truth) - 1)

    def _hand_over(self) -> None:
        arrays = {**self._model.to_arrays(), **self._truth[self._night]}
        self._model = Receptivity.from_arrays(self._model.get_params(), arrays)


def learn_truth(
    make: MakeWorld, *, days: int, epsilon: float = 0.1, persons: int = SAMPLE
) -> Truth:
    """Return what the learner knows of the population after each day in a clinic this large."""
    kept: list[_Recorded] = []

    def policy(setting: Setting, _: World) -> Policy:
        kept.append(_Recorded(setting, Receptivity()))
        return kept[0]

    world = make(persons, days, SAMPLE_SEED)
    simulate(world, policy, days=days, seed=SAMPLE_SEED, epsilon=epsilon)
    return kept[0].nights


def handed(truth: Truth) -> MakePolicy:
    """Return a maker of the policy that is handed this truth."""
    return lambda setting, _: TruePriorPolicy(setting, truth)


def with_prior(make: MakeWorld, *, days: int, epsilon: float) -> dict[str, MakePolicy]:
    """Return our learner as it is, and handed the truth, for models.simulation.compare.compare."""
    truth = learn_truth(make, days=days, epsilon=epsilon)
    return {"adaptive": POLICIES["adaptive"], TRUE_PRIOR: handed(truth)}
