"""What the model in memory knows: an artifact, and the outcomes taken in since it was made.

It is a function of these two and of nothing else: not of how the outcomes were cut into batches,
nor of restarts on the way. So any earlier state can be made again, to the last bit of its sums.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.learning_records import Artifact, Outcome
from models.artifact import loads
from models.objective import Heads
from models.receptivity import Receptivity
from prompting.features import number_array
from prompting.heads import HEADS, read

HALF_HOURS = 2


class Knowledge:
    """A model that takes in outcomes, and knows up to which; and the heads beside it.

    `beside` are the versions of their artifacts, by head.
    """

    def __init__(self, artifact: Artifact) -> None:
        """Read the artifact. Raises ArtifactError where its blob is no usable model."""
        self.model: Receptivity = loads(artifact.blob)[0]
        self.artifact = artifact.version
        self.through = artifact.learned_through
        self.beside: dict[str, str] = {}
        self._models: dict[str, Receptivity] = {}

    @property
    def heads(self) -> Heads:
        """The model of answers and those beside it."""
        return Heads(self.model, **self._models)

    @property
    def version(self) -> str:
        """Return what names this state: the artifact, and the last outcome taken in since.

        The artifacts of the heads beside it follow, as far as there are any.
        """
        beside = (self.beside[head] for head in HEADS if head in self.beside)
        return "~".join([f"{self.artifact}+{self.through}", *beside])

    def add(self, artifact: Artifact) -> None:
        """Know what a head beside knows too. Raises ArtifactError where the blob is none."""
        self._models[artifact.head] = read(artifact.blob, artifact.head)
        self.beside[artifact.head] = artifact.version

    def keep(self, versions: Collection[str]) -> None:
        """Forget the heads beside whose artifacts are not among these."""
        for head, version in [*self.beside.items()]:
            if version not in versions:
                del self.beside[head], self._models[head]

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
