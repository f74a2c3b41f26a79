"""The nightly model of good moments: fitted, and weighed against the one that stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.learning_records import RELEVANCE, Artifact, Hours, Sign
from engine.store import Database, artifacts, marks
from engine.store.declared import declared_hours
from models.artifact import ArtifactError, dumps, loads, version_of
from models.relevance import Relevance
from prompting.fitting import exercises, fit_relevance
from prompting.promotion import held_out_marks, judge_marks
from prompting.standing import CANDIDATES


def refitted_relevance(db: Database, *, now: datetime) -> tuple[Artifact, dict[str, Any]] | None:
    """Return a new model of good moments and what the log is to say of it; None for too few signs.

    Its `promoted` says whether it may decide. Raises what fitting a model raises.
    """
    with db.read() as tx:
        signs = marks.signs(tx, exercises=exercises(), now=now)
        declared = {str(key): hours for key, hours in declared_hours(tx).items()}
        standing = artifacts.promoted(tx, limit=CANDIDATES, head=RELEVANCE)
    return _fitted(signs, declared, standing, now)


def _fitted(
    signs: Sequence[Sign],
    declared: Mapping[str, Hours],
    standing: Sequence[Artifact],
    now: datetime,
) -> tuple[Artifact, dict[str, Any]] | None:
    kept = held_out_marks(signs, now=now)
    apart = {one.prompt_id for one in kept}
    used = [one for one in signs if one.prompt_id is None or one.prompt_id not in apart]
    model = fit_relevance(used, declared)
    if model is None:
        return None
    blob = dumps(model, {"signs": len(used)})
    made = _relevance(blob)  # judged as it will be read
    verdict = judge_marks(made, _first_sound(standing), kept, declared)
    artifact = Artifact(
        version=version_of(blob),
        created_at=now,
        learned_through=0,
        blob=blob,
        head=RELEVANCE,
        promoted=verdict.promoted,
    )
    return artifact, {"head": RELEVANCE, "signs": len(used)} | verdict.detail()


def _relevance(blob: bytes) -> Relevance:
    model = loads(blob)[0]
    if not isinstance(model, Relevance):
        raise ArtifactError(f"class: must be Relevance, got {type(model).__name__}")
    return model


def _first_sound(candidates: Sequence[Artifact]) -> Relevance | None:
    for artifact in candidates:
        try:
            return _relevance(artifact.blob)
        except ArtifactError:
            continue
    return None
