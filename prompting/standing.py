"""The model that decides, as everybody but the learner reads it: kept, and brought up to date."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from engine.learning_records import ANSWERED, Artifact
from engine.store import Database, ReadTx, artifacts, learning
from engine.store.declared import declared_hours
from models.artifact import ArtifactError
from models.reachability import Reach, reach
from prompting.heads import HEADS
from prompting.knowing import Knowledge

log = logging.getLogger(__name__)
_Taken = TypeVar("_Taken")

CANDIDATES = 5
"""How many artifacts are tried, newest first, before doing without."""
WORK, OFF = 0, 1
"""Types of day, as models know them."""


class Standing:
    """The model that decides now, for reading. Safe to use from several threads.

    Loading a model takes time and memory, so one is kept; what became known since is taken in
    before each reading, as the learner does.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._newest: dict[str, str | None] = {}
        self._known: Knowledge | None = None

    def curves(self, patient_id: UUID) -> tuple[Reach, Reach] | None:
        """Return when the patient can be reached on work days and on off days, as of now.

        None while there is no model. Of someone without answers it is the population's curve.
        """
        key = str(patient_id)
        with self._lock:
            with self._db.read() as tx:
                known = self._follow(tx)
                hours = declared_hours(tx, {patient_id}).get(patient_id)
            if known is None:
                return None
            own = (
                None if hours is None else {key: [float("nan") if h is None else h for h in hours]}
            )
            work, off = (reach(known.model, key, kind, declared=own) for kind in (WORK, OFF))
        return work, off

    def heads(self) -> set[str]:
        """Return the heads that a draw made now could rest on; none while there is no model.

        Answers are among them even where their model cannot be read: its curve is left.
        """
        with self._lock:
            with self._db.read() as tx:
                known = self._follow(tx)
            found = set() if known is None else {*known.beside}
            return found if self._newest[ANSWERED] is None else found | {ANSWERED}

    def _follow(self, tx: ReadTx) -> Knowledge | None:
        """Return what is known now: the newest sound model, and all outcomes since."""
        newest = newest_models(tx)
        if newest != self._newest:
            self._known = now_known(tx, artifacts.promoted(tx, limit=CANDIDATES))
            self._newest = newest
        elif self._known is not None:
            self._known.take_in(learning.first_outcomes_after(tx, self._known.through))
        return self._known


def newest_models(tx: ReadTx) -> dict[str, str | None]:
    """Return the version of the newest model of each head that may decide."""
    return {head: artifacts.newest_version(tx, head) for head in (ANSWERED, *HEADS)}


def now_known(tx: ReadTx, candidates: Sequence[Artifact]) -> Knowledge | None:
    """Return what is known by the first sound one of these artifacts and all outcomes since."""
    known = _first_sound(candidates, Knowledge)
    if known is None:
        return None
    known.take_in(learning.first_outcomes_after(tx, known.through))
    for head in HEADS:
        _first_sound(artifacts.promoted(tx, limit=CANDIDATES, head=head), known.add)
    return known


def _first_sound(
    candidates: Sequence[Artifact], take: Callable[[Artifact], _Taken]
) -> _Taken | None:
    """Return what the first of these artifacts is taken as that can be read, None if none can."""
    for artifact in candidates:
        try:
            return take(artifact)
        except ArtifactError as error:
            log.error("artifact %s is unusable: %s", artifact.version, error)  # noqa: TRY400
    return None
