"""The heads beside the one of answers: what each is learned from, weighed by, and read as."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.learning_records import COMPLETED, RELEVANCE, Hours, Sign
from engine.store import ReadTx, marks
from models.artifact import ArtifactError, loads
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.fitting import exercises, fit_completed, fit_relevance


@dataclass(frozen=True, slots=True)
class Head:
    """A model that is learned from signs, anew each night.

    `about` says in words what it predicts, `model` is the class of its artifacts, and signs of the
    kind `weighed_by` are held out to weigh it. `signs` reads all there are at an instant; `fit`
    returns None for too few.
    """

    about: str
    model: type[Receptivity]
    weighed_by: str
    signs: Callable[[ReadTx, datetime], list[Sign]]
    fit: Callable[[Sequence[Sign], Mapping[str, Hours]], Receptivity | None]


HEADS: Mapping[str, Head] = {
    RELEVANCE: Head(
        "good moments",
        Relevance,
        marks.MARK,
        lambda tx, now: marks.signs(tx, exercises=exercises(), now=now),
        fit_relevance,
    ),
    COMPLETED: Head(
        "exercises done",
        Receptivity,
        marks.EXERCISE,
        lambda tx, now: marks.exercise_signs(tx, exercises=exercises(), now=now),
        fit_completed,
    ),
}
"""By the name that artifacts bear, in the order in which versions of policies name those."""


def read(blob: bytes, head: str) -> Receptivity:
    """Return the model of this head. Raises ArtifactError where the blob is no such model."""
    wanted = HEADS[head].model
    model = loads(blob)[0]
    if type(model) is not wanted:
        raise ArtifactError(f"class: must be {wanted.__name__}, got {type(model).__name__}")
    return model
