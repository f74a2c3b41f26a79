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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from engine.learning_records import Artifact, Hours, LearningEvent, LearningKind
from engine.store import Database, artifacts, learning
from engine.store.declared import declared_hours
from models.artifact import ArtifactError, dumps, version_of
from models.receptivity import Receptivity
from prompting.closing import close_outcomes
from prompting.heads import HEADS
from prompting.knowing import Knowledge
from prompting.live import LivePolicy
from prompting.policies import (
    ADAPTIVE,
    CANNOT,
    UNIFORM,
    UNTRAINED,
    CurvePolicy,
    TimingPolicy,
    UniformPolicy,
)
from prompting.promotion import MOST, Verdict, judge, recent_since
from prompting.refitting import refitted
from prompting.standing import CANDIDATES, newest_models, now_known
from prompting.streaming import Fitted, fit_stored

log = logging.getLogger(__name__)

Fit = Callable[[Database, Mapping[str, Hours]], Fitted]
"""Fits a model to the outcomes in store, given the hours that persons declared."""


class Learner:
    """Holds the model that decides now. Safe to use from several threads."""

    def __init__(
        self,
        db: Database,
        *,
        epsilon: float,
        refit_hour_utc: int,
        policy: str = ADAPTIVE,
        fit: Fit = fit_stored,
    ) -> None:
        self._db = db
        self._fit = fit
        self._epsilon = epsilon
        self._refit_hour = refit_hour_utc
        self._name = policy
        self._lock = threading.RLock()
        self._known: Knowledge | None = None
        self._curve: Artifact | None = None
        self._newest: dict[str, str | None] = {}
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
        return close_outcomes(self._db, now=now)

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

        An hour that passed while no worker ran is made up for.
        """
        with self._db.read() as tx:
            last = artifacts.newest_at(tx)
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
        for head in HEADS:
            self._refit_beside(head, now)
        self._follow()
        if artifact.promoted:
            log.info("model %s fitted and taken", artifact.version)
        else:
            log.warning("model %s kept back: %s", artifact.version, "; ".join(verdict.reasons))
        return artifact.promoted

    def _fitted(self, now: datetime) -> tuple[Artifact, Verdict]:
        """Return a new model as an artifact, and whether it may decide."""
        with self._db.read() as tx:
            through = learning.last_seq(tx)
            since = recent_since(learning.last_day(tx))
            declared = {str(key): hours for key, hours in declared_hours(tx).items()}
            recent = learning.judged(tx, since_day=since, limit=MOST)
        fitted = self._fit(self._db, declared)
        model = fitted.model
        blob = dumps(model, {"outcomes": fitted.outcomes, "learned_through": through})
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

    def _refit_beside(self, head: str, now: datetime) -> None:
        """Fit the model of a head beside anew, once there is enough to learn from."""
        about = HEADS[head].about
        try:
            made = refitted(self._db, head, now=now)
        except CANNOT as error:
            log.exception("no model of %s could be fitted; the one before stays", about)
            detail = {"head": head, "reason": str(error)}
            self._note(LearningKind.FIT_FAILED, None, detail, now)
            return
        if made is None:
            return
        artifact, detail = made
        kind = LearningKind.PROMOTED if artifact.promoted else LearningKind.KEPT_BACK
        with self._db.write() as tx:
            artifacts.add_artifact(tx, artifact)
        self._note(kind, artifact.version, detail, now)
        if not artifact.promoted:
            reasons = "; ".join(detail["reasons"])
            log.warning("model of %s %s kept back: %s", about, artifact.version, reasons)

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
            newest = newest_models(tx)
        if newest != self._newest:
            self._load()

    def _load(self) -> None:
        with self._db.read() as tx:
            newest = newest_models(tx)
            candidates = artifacts.promoted(tx, limit=CANDIDATES)
            known = now_known(tx, candidates)
        with self._lock:
            self._newest = newest
            self._known = known
            self._curve = next((one for one in candidates if _is_curve(one.curve)), None)

    def _note(
        self, kind: LearningKind, version: str | None, detail: dict[str, Any], now: datetime
    ) -> None:
        with self._db.write() as tx:
            event = LearningEvent(at=now, kind=kind, version=version, detail=detail)
            artifacts.add_event(tx, event)


def _is_curve(curve: Sequence[float] | None) -> bool:
    """Return whether these are finite logits of the 96 half hours."""
    values = np.asarray(() if curve is None else curve, dtype=np.float64)
    return values.shape == (96,) and bool(np.isfinite(values).all())
