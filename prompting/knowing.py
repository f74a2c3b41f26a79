"""What the model in memory knows: an artifact, and the outcomes taken in since it was made.

It is a function of these two and of nothing else: not of how the outcomes were cut into batches,
nor of restarts on the way. So any earlier state can be made again, to the last bit of its sums.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.learning_records import Artifact, Outcome
from models.artifact import ArtifactError, loads
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.features import number_array

HALF_HOURS = 2


class Knowledge:
    """A model that takes in outcomes, and knows up to which."""

    def __init__(self, artifact: Artifact) -> None:
        """Read the artifact. Raises ArtifactError where its blob is no usable model."""
        self.model: Receptivity = loads(artifact.blob)[0]
        self.artifact = artifact.version
        self.through = artifact.learned_through
        self.relevance: Relevance | None = None
        self.relevance_version: str | None = None

    @property
    def version(self) -> str:
        """Return what names this state: the artifact, and the last outcome taken in since.

        The artifact of good moments follows, where there is one.
        """
        answers = f"{self.artifact}+{self.through}"
        return answers if self.relevance is None else f"{answers}~{self.relevance_version}"

    def add_relevance(self, artifact: Artifact) -> None:
        """Know of good moments too. Raises ArtifactError where the blob is no model of them."""
        model = loads(artifact.blob)[0]
        if not isinstance(model, Relevance):
            raise ArtifactError(f"class: must be Relevance, got {type(model).__name__}")
        self.relevance, self.relevance_version = model, artifact.version

    def take_in(self, outcomes: Sequence[Outcome]) -> None:
        """Add the outcomes that follow, in order; those it had already are left out."""
        new = [outcome for outcome in outcomes if outcome.seq > self.through]
        for turn in _turns(new):
            X, y, person, _ = arrays(turn)
            last_hour = number_array([one.last_hour for one in turn])
            self.model.partial_fit(X, y, person=person, last_hour=last_hour)
        if new:
            self.through = new[-1].seq


def _turns(outcomes: Sequence[Outcome]) -> Iterator[list[Outcome]]:
    """Yield outcomes such that none has two of a person in one half hour.

    Sums of half precision round, so two outcomes added at once may not give what one after the
    other gives. Outcomes of different half hours do not meet.
    """
    turns: list[list[Outcome]] = []
    seen: dict[tuple[str, int, int], int] = {}
    for outcome in outcomes:
        place = (outcome.person, outcome.day_type, int(outcome.hour * HALF_HOURS + 1e-6))
        turn = seen.get(place, 0)
        seen[place] = turn + 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(outcome)
    yield from turns


def arrays(
    outcomes: Sequence[Outcome],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_], NDArray[np.int64]]:
    """Return X (n, 2: hour, day type), y (n,), person (n,) and day (n,) of the outcomes."""
    X = np.array([(o.hour, o.day_type) for o in outcomes], dtype=np.float64).reshape(-1, 2)
    y = np.array([o.y for o in outcomes], dtype=np.int64)
    person = np.array([o.person for o in outcomes], dtype=np.str_)
    day = np.array([o.day for o in outcomes], dtype=np.int64)
    return X, y, person, day
