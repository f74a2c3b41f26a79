"""From answers and silences to the next model.

Every prompt of a window that left for sure ends in one outcome row: 1 if answered within the
assignment's time, 0 when that time has passed in silence. Of a prompt whose sending ended unknown
the silence says nothing, so it teaches nothing. The model in memory takes outcomes in as they are
known; once a day it is fitted anew from all of them and stored as an artifact. After a restart the
newest sound artifact is loaded and the outcomes since are taken in again: nothing else is saved.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.prompt import State
from engine.records import Artifact, Outcome
from engine.store import Database, learning
from models.artifact import ArtifactError, dumps, loads, version_of
from models.receptivity import Receptivity
from prompting.features import day_type, local_hour
from prompting.policies import ADAPTIVE, FIXED, AdaptivePolicy, TimingPolicy, UniformPolicy

log = logging.getLogger(__name__)

CLOSE_BATCH = 5_000
WARM_UP = timedelta(days=7)
"""How long a new clinic is prompted at random times before the first model is fitted."""
CANDIDATES = 5
"""How many artifacts are tried, newest first, before doing without."""


class Learner:
    """Holds the model that decides now. Safe to use from several threads."""

    def __init__(self, db: Database, *, epsilon: float, refit_hour_utc: int) -> None:
        self._db = db
        self._epsilon = epsilon
        self._refit_hour = refit_hour_utc
        self._lock = threading.RLock()
        self._model: Receptivity | None = None
        self._version = "none"
        self._through = 0
        self._newest: str | None = None
        self._load()

    def policy(self) -> TimingPolicy:
        """Return the adaptive policy as learned so far; uniform while nothing is learned.

        Its version names the artifact and the last outcome taken in since.
        """
        with self._lock:
            if self._model is None:
                return UniformPolicy(name=ADAPTIVE, version="untrained")
            version = f"{self._version}+{self._through}"
            return AdaptivePolicy(self._model, version, self._epsilon, guard=self._lock)

    def close_outcomes(self, *, now: datetime) -> int:
        """Turn prompts that were answered, or whose time is up, into outcomes; return how many."""
        with self._db.write() as tx:
            known = []
            done = []
            for prompt in learning.unclosed(tx, limit=CLOSE_BATCH):
                y = _label(prompt, now)
                if y is None:
                    continue
                done.append(prompt["id"])
                if prompt["arm"] != FIXED and prompt["state"] == State.ACCEPTED:
                    known.append(_outcome_row(prompt, y))
            added = learning.add_outcomes(tx, known, now=now) if known else 0
            learning.close(tx, done, now=now)
        return added

    def update(self, *, now: datetime) -> int:
        """Close outcomes and take new ones into the model; return how many were new to it."""
        self.close_outcomes(now=now)
        self._follow()
        if self._model is None:
            return 0  # the first fit will read them all; before it there is nothing to add to
        with self._db.read() as tx:
            fresh = learning.outcomes_after(tx, self._through)
        if fresh:
            self._take_in(fresh)
        return len(fresh)

    def refit_if_due(self, *, now: datetime) -> bool:
        """Refit if the refit hour has come round since the last time; return whether it had.

        An hour that passed while no worker ran is made up for. A new clinic gathers outcomes at
        random times for `WARM_UP` first: a curve from a few days misleads more than it helps.
        """
        with self._db.read() as tx:
            last = learning.newest_artifact_at(tx)
            first = learning.first_outcome_at(tx)
        if first is None or now - first < WARM_UP:
            return False
        if last is not None and last >= self._last_refit_hour(now):
            return False
        return self.refit(now=now)

    def _last_refit_hour(self, now: datetime) -> datetime:
        today = now.replace(hour=self._refit_hour, minute=0, second=0, microsecond=0)
        return today if today <= now else today - timedelta(days=1)

    def refit(self, *, now: datetime) -> bool:
        """Fit a new model to all outcomes and store it; False where there is nothing to learn."""
        self.close_outcomes(now=now)
        with self._db.read() as tx:
            outcomes = learning.outcomes_after(tx, 0)
        if not outcomes:
            return False
        X, y, person, day = arrays(outcomes)
        model = Receptivity().fit(X, y, person=person, day=day)
        through = outcomes[-1].seq
        blob = dumps(model, {"outcomes": len(outcomes), "learned_through": through})
        artifact = Artifact(
            version=version_of(blob), created_at=now, learned_through=through, blob=blob
        )
        with self._db.write() as tx:
            learning.add_artifact(tx, artifact)
        with self._lock:
            self._model, self._version, self._through = model, artifact.version, through
            self._newest = artifact.version
        log.info("model %s fitted to %d outcomes", artifact.version, len(outcomes))
        return True

    def _take_in(self, outcomes: Sequence[Outcome]) -> None:
        X, y, person, day = arrays(outcomes)
        with self._lock:
            if self._model is None:
                return
            self._model.partial_fit(X, y, person=person, day=day)
            self._through = outcomes[-1].seq

    def _follow(self) -> None:
        """Load the newest artifact if another worker has made one since."""
        with self._db.read() as tx:
            newest = learning.newest_version(tx)
        if newest is not None and newest != self._newest:
            self._load()

    def _load(self) -> None:
        with self._db.read() as tx:
            candidates = learning.artifacts(tx, limit=CANDIDATES)
        if candidates:
            self._newest = candidates[0].version
        for artifact in candidates:
            try:
                model, _ = loads(artifact.blob)
            except ArtifactError as error:
                log.error("artifact %s is unusable: %s", artifact.version, error)  # noqa: TRY400
                continue
            with self._db.read() as tx:
                fresh = learning.outcomes_after(tx, artifact.learned_through)
            with self._lock:
                self._model, self._version = model, artifact.version
                self._through = artifact.learned_through
                if fresh:
                    self._take_in(fresh)
            return


def arrays(
    outcomes: Sequence[Outcome],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_], NDArray[np.int64]]:
    """Return X (n, 2: hour, day type), y (n,), person (n,) and day (n,) of the outcomes."""
    X = np.array([(o.hour, o.day_type) for o in outcomes], dtype=np.float64)
    y = np.array([o.y for o in outcomes], dtype=np.int64)
    person = np.array([o.person for o in outcomes], dtype=np.str_)
    day = np.array([o.day for o in outcomes], dtype=np.int64)
    return X, y, person, day


def _label(prompt: dict[str, Any], now: datetime) -> int | None:
    """Return 1 for an answer in time, 0 once that time has passed, None while it is open."""
    sent_at: datetime = prompt["sent_at"]
    answered_at: datetime | None = prompt["answered_at"]
    within: timedelta = prompt["within"]
    if answered_at is not None:
        return int(answered_at - sent_at <= within)
    return 0 if now - sent_at > within else None


def _outcome_row(prompt: dict[str, Any], y: int) -> dict[str, Any]:
    return {
        "prompt_id": prompt["id"],
        "person": str(prompt["patient_id"]),
        "hour": local_hour(prompt["due_at"], prompt["zone"]),
        "day_type": day_type(prompt["local_date"]),
        "day": prompt["local_date"].toordinal(),
        "arm": prompt["arm"],
        "y": y,
    }
