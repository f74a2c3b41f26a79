"""Recomputing stored decisions from their records, artifacts and seeds: there is no difference.

Each adaptive decision names the state of the model it was made with: an artifact, the last outcome
taken in since, and the artifacts of the heads beside. Artifacts are kept, outcomes keep what they
were first, and the record holds everything else that bore on the decision; so arm, propensities,
slot and whether to prompt can be worked out again, and must come out the same to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from engine.batches import batches
from engine.draws import draw, happens
from engine.learning_records import ANSWERED, Artifact, Outcome, StoredDecision
from engine.preview import SEND, SLOT
from engine.store import Database, ReadTx, artifacts, decisions, learning
from engine.stratified import next_law
from models.artifact import ArtifactError
from prompting.drawing import SET_TIMES, STRATIFIED
from prompting.features import Around, padded
from prompting.knowing import Knowledge
from prompting.live import policy_of
from prompting.policies import (
    ADAPTIVE,
    CANNOT,
    FIXED,
    UNIFORM,
    UNTRAINED,
    CurvePolicy,
    SlotBatch,
    TimingPolicy,
    UniformPolicy,
)

PAGE = 500
"""Decisions read at a time; fewer than any database's most parameters of a statement."""
RESTS_ON_NOTHING = frozenset({UNTRAINED, UNIFORM, "1"})
"""Versions of laws that no model bears on."""
CURVE = "curve"

Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a decision that comes out otherwise, or cannot be recomputed, and how."""

    prompt_id: UUID
    part: str
    stored: str
    recomputed: str


@dataclass(slots=True)
class Replayed:
    """How many decisions were recomputed, from how many states of the model, and what differs.

    `older` are decisions of a release that did not record all that bears on them: of these only
    the draws are recomputed, from the propensities on record.
    """

    decisions: int = 0
    states: int = 0
    older: int = 0
    differences: list[Difference] = field(default_factory=list)


class _States:
    """Makes states of the model again, each from the one before where that leads there."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: Knowledge | None = None

    def policy(self, name: str, version: str, epsilon: float) -> TimingPolicy:
        """Return the policy of this name and version. Raises ArtifactError and LookupError."""
        if version in RESTS_ON_NOTHING:
            return UniformPolicy(name=name, version=version)
        answers, *beside = version.split("~")
        artifact, plus, through = answers.partition("+")
        if not plus:
            return self._curve(name, version, epsilon)
        known = self._state(artifact, int(through))
        known.keep(beside)
        with self._db.read() as tx:
            for one in set(beside).difference(known.beside.values()):
                known.add(_artifact(tx, one))
        return policy_of(known, epsilon, name)

    def _curve(self, name: str, version: str, epsilon: float) -> TimingPolicy:
        with self._db.read() as tx:
            found = _artifact(tx, version.removesuffix(f"/{CURVE}"))
        if found.curve is None:
            raise LookupError(f"no artifact {version}")
        return CurvePolicy(found.curve, version, epsilon, name)

    def _state(self, version: str, through: int) -> Knowledge:
        known = self._known
        with self._db.read() as tx:
            if known is None or known.artifact != version or known.through > through:
                known = self._known = Knowledge(_artifact(tx, version))
            known.take_in(_between(tx, known.through, through))
        if known.through != through:
            raise LookupError(f"no outcome {through}")
        return known


def replay(db: Database, *, since: datetime | None = None) -> Replayed:
    """Return what comes of recomputing all decisions made at or after `since`."""
    found = Replayed()
    states = _States(db)
    with db.read() as tx:
        ids = decisions.decided_since(tx, since)
    for some in batches(ids, PAGE):
        with db.read() as tx:
            page = decisions.stored_decisions(tx, some)
        page.sort(key=lambda one: (one.decision.decided_at, one.decision.prompt_id))
        _replay(page, states, found)
    return found


def _artifact(tx: ReadTx, version: str) -> Artifact:
    found = artifacts.of_version(tx, version)
    if found is None:
        raise LookupError(f"no artifact {version}")
    return found


def _between(tx: ReadTx, after: int, through: int) -> list[Outcome]:
    if through <= after:
        return []
    fresh = learning.first_outcomes_after(tx, after, limit=through - after)
    return [one for one in fresh if one.seq <= through]


def _replay(page: Sequence[StoredDecision], states: _States, found: Replayed) -> None:
    """Recompute a page and add what comes of it."""
    found.decisions += len(page)
    laws = {**_own_laws(page), **_learned_laws(page, states, found)}
    for one in page:
        stored, law = one.decision, laws.get(one.decision.prompt_id)
        if law is not None and law != stored.propensities:
            _differ(found, one, "propensities", stored.propensities, law)
        parts = {
            "arm": (stored.arm, _arm(one)),
            "slot": (
                stored.chosen,
                draw(stored.seed, stored.prompt_id, SLOT, law or stored.propensities),
            ),
            "prompted": (
                stored.prompted,
                happens(stored.seed, stored.prompt_id, SEND, stored.probability),
            ),
        }
        for part, (was, now) in parts.items():
            if was != now:
                _differ(found, one, part, was, now)


def _differ(found: Replayed, one: StoredDecision, part: str, stored: object, now: object) -> None:
    difference = Difference(one.decision.prompt_id, part, str(stored), str(now))
    found.differences.append(difference)


def _arm(one: StoredDecision) -> str:
    """Return the arm as drawn again."""
    stored = one.decision
    if one.timing in SET_TIMES:
        return FIXED
    if one.timing != ADAPTIVE:
        return UNIFORM
    share = stored.arm_probability
    if stored.arm == ADAPTIVE:
        share = 1.0 - share
    index = draw(stored.seed, stored.prompt_id, "arm", [share, 1.0 - share])
    return UNIFORM if index == 0 else ADAPTIVE


def _own_laws(page: Sequence[StoredDecision]) -> dict[UUID, Row]:
    """Return the laws that follow from the record alone: uniform, and several in one window."""
    laws: dict[UUID, Row] = {}
    plain = [one for one in page if one.decision.arm != ADAPTIVE]
    for one in page:
        stored = one.decision
        if stored.policy == STRATIFIED:
            remaining = int(stored.features["remaining"])
            law = next_law(stored.slots, stored.available, remaining, one.gap, None)
            laws[stored.prompt_id] = tuple(law)
    plain = [one for one in plain if one.decision.policy != STRATIFIED]
    if plain:
        laws |= _rows(plain, UniformPolicy(), _batch(plain))
    return laws


def _learned_laws(
    page: Sequence[StoredDecision], states: _States, found: Replayed
) -> dict[UUID, Row]:
    """Return the laws that rest on a model, one state after the other."""
    groups: dict[tuple[str, str, float], list[StoredDecision]] = {}
    for one in page:
        stored = one.decision
        if stored.arm != ADAPTIVE or stored.policy == STRATIFIED:
            continue
        if stored.policy_version not in RESTS_ON_NOTHING and "objective" not in stored.features:
            found.older += 1
            continue
        key = (stored.policy, stored.policy_version, stored.epsilon)
        groups.setdefault(key, []).append(one)
    laws: dict[UUID, Row] = {}
    for key in sorted(groups, key=_order):
        found.states += key[1] not in RESTS_ON_NOTHING
        try:
            laws |= _rows(groups[key], states.policy(*key), _batch(groups[key]))
        except (ArtifactError, *CANNOT) as error:
            for one in groups[key]:
                _differ(found, one, "model", key[1], error)
    return laws


def _order(key: tuple[str, str, float]) -> tuple[str, int]:
    artifact, _, through = key[1].partition("~")[0].partition("+")
    return artifact, int(through or 0)


def _batch(group: Sequence[StoredDecision]) -> SlotBatch:
    """Return the windows of these decisions as they were, from their records."""
    features = [one.decision.features for one in group]
    return padded(
        [
            one.get("hours", [0.0] * len(row.decision.slots))
            for one, row in zip(features, group, strict=True)
        ],
        [one.decision.available for one in group],
        day_types=[int(one.get("day_type", 0)) for one in features],
        persons=[one.person for one in group],
        objectives=[str(one.get("objective", ANSWERED)) for one in features],
        around=[_around(one) for one in features],
    )


def _around(features: dict[str, object]) -> Around:
    declared, last_hour = features.get("declared"), features.get("last_hour")
    hours = None
    if isinstance(declared, list):
        wake, bed, start, end = declared
        hours = (wake, bed, start, end)
    return Around(hours, float(last_hour) if isinstance(last_hour, int | float) else None)


def _rows(
    group: Sequence[StoredDecision], policy: TimingPolicy, batch: SlotBatch
) -> dict[UUID, Row]:
    table = policy.propensities(batch)
    return {
        one.decision.prompt_id: tuple(float(share) for share in row[: len(one.decision.slots)])
        for one, row in zip(group, table, strict=True)
    }
