"""The nightly model of a head beside the one of answers: fitted, and weighed against its elder."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.learning_records import Artifact, Hours, Sign
from engine.store import Database, artifacts
from engine.store.declared import declared_hours
from models.artifact import ArtifactError, dumps, version_of
from models.receptivity import Receptivity
from prompting.heads import HEADS, read
from prompting.promotion import held_out_signs, judge_signs
from prompting.standing import CANDIDATES


def refitted(db: Database, head: str, *, now: datetime) -> tuple[Artifact, dict[str, Any]] | None:
    """Return a new model of this head and what the log is to say of it; None for too few signs.

    Its `promoted` says whether it may decide. Raises what fitting a model raises.
    """
    with db.read() as tx:
        signs = HEADS[head].signs(tx, now)
        declared = {str(key): hours for key, hours in declared_hours(tx).items()}
        standing = artifacts.promoted(tx, limit=CANDIDATES, head=head)
    return _fitted(head, signs, declared, standing, now)


def _fitted(
    head: str,
    signs: Sequence[Sign],
    declared: Mapping[str, Hours],
    standing: Sequence[Artifact],
    now: datetime,
) -> tuple[Artifact, dict[str, Any]] | None:
    kept = held_out_signs(signs, HEADS[head].weighed_by, now=now)
    apart = {(one.kind, one.prompt_id) for one in kept}
    used = [one for one in signs if (one.kind, one.prompt_id) not in apart]
    model = HEADS[head].fit(used, declared)
    if model is None:
        return None
    blob = dumps(model, {"signs": len(used)})
    made = read(blob, head)  # judged as it will be read
    verdict = judge_signs(made, _first_sound(standing), kept, declared)
    artifact = Artifact(
        version=version_of(blob),
        created_at=now,
        learned_through=0,
        blob=blob,
        head=head,
        promoted=verdict.promoted,
    )
    return artifact, {"head": head, "signs": len(used)} | verdict.detail()


def _first_sound(candidates: Sequence[Artifact]) -> Receptivity | None:
    for artifact in candidates:
        try:
            return read(artifact.blob, artifact.head)
        except ArtifactError:
            continue
    return None
