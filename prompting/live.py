"""The policy of a model that is being added to meanwhile."""

from contextlib import AbstractContextManager

from models.receptivity import Receptivity
from prompting.knowing import Knowledge
from prompting.policies import AdaptivePolicy, Floats, Law, SlotBatch, TimingPolicy


class LivePolicy:
    """Each law is of one state of the model, the one it names, whatever a learning thread does."""

    def __init__(
        self,
        known: Knowledge,
        guard: AbstractContextManager[object],
        epsilon: float,
        name: str,
        behind: TimingPolicy | None,
    ) -> None:
        self._known, self._guard = known, guard
        self.epsilon, self.name, self.behind = epsilon, name, behind

    @property
    def model(self) -> Receptivity:
        """The model of answers itself."""
        return self._known.model

    @property
    def version(self) -> str:
        """The state of this moment."""
        return self._known.version

    def law(self, batch: SlotBatch) -> Law:
        """Return the law of a batch, and the version that it was computed with."""
        with self._guard:
            return policy_of(self._known, self.epsilon, self.name).law(batch)

    def propensities(self, batch: SlotBatch) -> Floats:
        """Return the probabilities (n, k) of the law."""
        return self.law(batch).propensities


def policy_of(known: Knowledge, epsilon: float, name: str) -> AdaptivePolicy:
    """Return the policy that goes by what is known at this moment."""
    return AdaptivePolicy(known.heads, known.version, epsilon, name)
