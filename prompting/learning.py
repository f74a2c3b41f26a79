"""From answers and silences to the next model.

Every prompt of a window that left for sure ends in one outcome row: 1 if answered within the
assignment's time, 0 when that time has passed in silence. Of a prompt whose sending ended unknown
the silence says nothing, so it teaches nothing. The model in memory takes outcomes in as they are
known; once a day it is fitted anew from all of them and stored as an artifact, which decides from
then on unless it is worse than the one before. After a restart the newest sound artifact is
loaded and the outcomes since are taken in again: nothing else is saved.
"""

import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from engine.learning_records import Artifact, Hours, LearningEvent, LearningKind, Outcome
from engine.prompt import State
from engine.store import Database, artifacts, learning
from engine.store.declared import declared_hours
from models.artifact import ArtifactError, dumps, version_of
from models.receptivity import WARM_UP_DAYS, Receptivity
from prompting.features import day_type, declared_array, local_hour
from prompting.knowing import Knowledge, arrays
from prompting.policies import (
    ADAPTIVE,
    CANNOT,
    FIXED,
    UNIFORM,
    UNTRAINED,
    AdaptivePolicy,
    CurvePolicy,
    Law,
    SlotBatch,
    TimingPolicy,
    UniformPolicy,
)
from prompting.promotion import MOST, Verdict, for_fitting, judge, recent_since

log = logging.getLogger(__name__)

CLOSE_BATCH = 5_000
WARM_UP = timedelta(days=WARM_UP_DAYS)
"""How long a new clinic is prompted at random times before the first model is fitted."""
CANDIDATES = 5
"""How many artifacts are tried, newest first, before doing without."""


class Learner:
    """Holds the model that decides now. Safe to use from several threads."""

    def __init__(
        self, db: Database, *, epsilon: float, refit_hour_utc: int, policy: str = ADAPTIVE
    ) -> None:
        self._db = db
        self._epsilon = epsilon
        self._refit_hour = refit_hour_utc
        self._name = policy
        self._lock = threading.RLock()
        self._known: Knowledge | None = None
        self._curve: Artifact | None = None
        self._newest: str | None = None
        self._load()

    def policy(self) -> TimingPolicy:
        """Return the policy as learned so far; uniform while nothing is learned.

        Its version names the artifact and the last outcome taken in since.
        """
        if self._name == UNIFORM:
            return UniformPolicy(name=ADAPTIVE, version=UNIFORM)
        with self._lock:
            last: TimingPolicy = UniformPolicy(name=self._name, version=UNTRAINED)
            if self._curve is not None and self._curve.curve is not None:
                version = f"{self._curve.version}/curve"
                last = CurvePolicy(
                    self._curve.curve, version, self._epsilon, name=self._name, behind=last
                )
            if self._known is None:
                return last
            return LivePolicy(self._known, self._lock, self._epsilon, self._name, last)

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
        with self._lock:
            known = self._known
            if known is None:
                return 0  # the first fit will read them all; before it nothing can be added to
            with self._db.read() as tx:
                fresh = learning.first_outcomes_after(tx, known.through)
            known.take_in(fresh)
        return len(fresh)

    def refit_if_due(self, *, now: datetime) -> bool:
        """Refit if the refit hour has come round since the last time; return whether it had.

        An hour that passed while no worker ran is made up for. A new clinic gathers outcomes at
        random times for `WARM_UP` first, if that is any.
        """
        with self._db.read() as tx:
            last = artifacts.newest_at(tx)
            first = learning.first_outcome_at(tx)
        if WARM_UP and (first is None or now - first < WARM_UP):
            return False
        if last is not None and last >= self._last_refit_hour(now):
            return False
        return self.refit(now=now)

    def _last_refit_hour(self, now: datetime) -> datetime:
        today = now.replace(hour=self._refit_hour, minute=0, second=0, microsecond=0)
        return today if today <= now else today - timedelta(days=1)

    def refit(self, *, now: datetime) -> bool:
        """Fit a new model to all outcomes and store it; return whether it decides from now on.

        Without any outcome it is what common sense makes of declared hours.
        """
        self.close_outcomes(now=now)
        try:
            artifact, verdict = self._fitted(now)
        except CANNOT as error:
            log.exception("no model could be fitted; the one before stays")
            self._note(LearningKind.FIT_FAILED, None, {"reason": str(error)}, now)
            return False
        kind = LearningKind.PROMOTED if artifact.promoted else LearningKind.KEPT_BACK
        with self._db.write() as tx:
            artifacts.add_artifact(tx, artifact)
        self._note(kind, artifact.version, verdict.detail(), now)
        if artifact.promoted:
            self._load()
            log.info("model %s fitted and taken", artifact.version)
        else:
            log.warning("model %s kept back: %s", artifact.version, "; ".join(verdict.reasons))
        return artifact.promoted

    def _fitted(self, now: datetime) -> tuple[Artifact, Verdict]:
        """Return a new model as an artifact, and whether it may decide."""
        with self._db.read() as tx:
            outcomes = learning.outcomes_after(tx, 0)
            through = learning.last_seq(tx)
            declared = {str(key): hours for key, hours in declared_hours(tx).items()}
            recent = learning.judged(tx, since_day=recent_since(outcomes), limit=MOST)
        chosen = for_fitting(outcomes)
        model = fit(chosen, declared)
        blob = dumps(model, {"outcomes": len(chosen), "learned_through": through})
        artifact = Artifact(
            version=version_of(blob),
            created_at=now,
            learned_through=through,
            blob=blob,
            curve=tuple(float(value) for value in model.population_),
        )
        made = Knowledge(artifact).model  # judged as it will be read
        standing = self._standing()
        verdict = judge(made, standing, recent, epsilon=self._epsilon)
        if not verdict.promoted:
            artifact = replace(artifact, promoted=False)
        return artifact, verdict

    def _standing(self) -> Receptivity | None:
        """Return the model that decides now as it was fitted, without what it took in since."""
        with self._db.read() as tx:
            for artifact in artifacts.promoted(tx, limit=CANDIDATES):
                try:
                    return Knowledge(artifact).model
                except ArtifactError:
                    continue
        return None

    def _follow(self) -> None:
        """Load the newest artifact if another worker has made one since."""
        with self._db.read() as tx:
            newest = artifacts.newest_version(tx)
        if newest is not None and newest != self._newest:
            self._load()

    def _load(self) -> None:
        with self._db.read() as tx:
            candidates = artifacts.promoted(tx, limit=CANDIDATES)
            known = _first_sound(candidates)
            if known is not None:
                known.take_in(learning.first_outcomes_after(tx, known.through))
        with self._lock:
            self._newest = candidates[0].version if candidates else None
            self._known = known
            self._curve = next((one for one in candidates if _is_curve(one.curve)), None)

    def _note(
        self, kind: LearningKind, version: str | None, detail: dict[str, Any], now: datetime
    ) -> None:
        with self._db.write() as tx:
            event = LearningEvent(at=now, kind=kind, version=version, detail=detail)
            artifacts.add_event(tx, event)


class LivePolicy:
    """The policy of a model that a learning thread adds to: each law is of one state of it."""

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
        """The model itself."""
        return self._known.model

    @property
    def version(self) -> str:
        """The state of this moment."""
        return self._known.version

    def law(self, batch: SlotBatch) -> Law:
        """Return the law of a batch, and the version that it was computed with."""
        with self._guard:
            return self._now().law(batch)

    def propensities(self, batch: SlotBatch) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the probabilities (n, k) of the law."""
        with self._guard:
            return self._now().propensities(batch)

    def _now(self) -> AdaptivePolicy:
        return AdaptivePolicy(self._known.model, self._known.version, self.epsilon, self.name)


def standing(db: Database) -> Receptivity | None:
    """Return the model that decides, with all that became known since; None where there is none."""
    with db.read() as tx:
        known = _first_sound(artifacts.promoted(tx, limit=CANDIDATES))
        if known is not None:
            known.take_in(learning.first_outcomes_after(tx, known.through))
    return None if known is None else known.model


def fit(outcomes: Sequence[Outcome], declared: dict[str, Hours]) -> Receptivity:
    """Return a model of these outcomes, given the hours that persons declared."""
    X, y, person, day = arrays(outcomes)
    own = declared_array([declared.get(one.person) for one in outcomes])
    return Receptivity().fit(X, y, person=person, day=day, declared=own)


def _first_sound(candidates: Sequence[Artifact]) -> Knowledge | None:
    for artifact in candidates:
        try:
            return Knowledge(artifact)
        except ArtifactError as error:
            log.error("artifact %s is unusable: %s", artifact.version, error)  # noqa: TRY400
    return None


def _is_curve(curve: Sequence[float] | None) -> bool:
    """Return whether these are finite logits of the 96 half hours."""
    values = np.asarray(() if curve is None else curve, dtype=np.float64)
    return values.shape == (96,) and bool(np.isfinite(values).all())


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
        "last_hour": prompt["features"].get("last_hour"),
        "day_type": day_type(prompt["local_date"]),
        "day": prompt["local_date"].toordinal(),
        "arm": prompt["arm"],
        "y": y,
    }
