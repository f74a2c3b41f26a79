"""Repository of draws: each stored once, with the instants that follow from it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from engine.learning_records import StoredDecision
from engine.prompt import State
from engine.records import Decision
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

NOT_DRAWN = "no prompt drawn"
_prompts = tables.Prompt
_DRAWN: dict[str, Any] = {
    "decided_at": bindparam("at"),
    "due_at": bindparam("due"),
    "expires_at": bindparam("expires"),
}
_PROMPT = (
    update(_prompts)
    .where(_prompts.id == bindparam("key"), _prompts.decided_at.is_(None))
    .values(_DRAWN)
)
_WITHHOLD = _PROMPT.values(state=State.WITHHELD, reason=NOT_DRAWN, closed_at=bindparam("at"))


def add_decisions(
    tx: WriteTx, decisions: Sequence[Decision], expires_at: dict[UUID, datetime]
) -> None:
    """Store draws and set the prompts' due and expiry instants, all in one transaction.

    Where it was drawn that no prompt is to come, that is its end.
    """
    if not decisions:
        return
    tx.conn.execute(insert(tables.Decision), [_decision_row(decision) for decision in decisions])
    for change, drawn in (
        (_PROMPT, [decision for decision in decisions if decision.prompted]),
        (_WITHHOLD, [decision for decision in decisions if not decision.prompted]),
    ):
        if drawn:
            tx.conn.execute(
                change,
                [
                    {
                        "key": decision.prompt_id,
                        "at": decision.decided_at,
                        "due": decision.slots[decision.chosen],
                        "expires": expires_at[decision.prompt_id],
                    }
                    for decision in drawn
                ],
            )


def end_undecided(tx: WriteTx, reasons: dict[UUID, tuple[State, str]], *, now: datetime) -> None:
    """End windows for which no draw could be made, each with its reason."""
    for prompt_id, (state, reason) in reasons.items():
        tx.conn.execute(
            update(tables.Prompt)
            .where(tables.Prompt.id == prompt_id, tables.Prompt.state == State.PLANNED)
            .values(state=state, reason=reason, closed_at=now)
        )


def decision_of(tx: ReadTx, patient_id: UUID, prompt_id: UUID) -> Decision | None:
    """Return the draw behind one of the patient's prompts."""
    return next((drawn for drawn, _ in decisions_of(tx, patient_id, [prompt_id])), None)


def decisions_of(
    tx: ReadTx, patient_id: UUID, prompt_ids: Sequence[UUID]
) -> list[tuple[Decision, str]]:
    """Return the draws behind these prompts of the patient's, each with its assignment."""
    decisions = tables.Decision
    rows = tx.conn.execute(
        select(decisions, _prompts.assignment)
        .join(_prompts, _prompts.id == decisions.prompt_id)
        .where(decisions.prompt_id.in_(prompt_ids), _prompts.patient_id == patient_id)
    )
    return [(_decision(row), row.assignment) for row in rows]


def decided_since(tx: ReadTx, since: datetime | None) -> list[UUID]:
    """Return the prompts of all draws made at or after `since`, in the order of the draws."""
    decisions = tables.Decision
    query = select(decisions.prompt_id).order_by(decisions.decided_at, decisions.prompt_id)
    if since is not None:
        query = query.where(decisions.decided_at >= since)
    return list(tx.conn.execute(query).scalars())


def stored_decisions(tx: ReadTx, prompt_ids: Sequence[UUID]) -> list[StoredDecision]:
    """Return the draws of these prompts, in no order."""
    decisions, prompts = tables.Decision, tables.Prompt
    rows = tx.conn.execute(
        select(decisions, prompts.patient_id, prompts.timing, prompts.gap_seconds)
        .join(prompts, prompts.id == decisions.prompt_id)
        .where(decisions.prompt_id.in_(prompt_ids))
    )
    return [
        StoredDecision(
            decision=_decision(row),
            person=str(row.patient_id),
            timing=row.timing,
            gap=timedelta(seconds=row.gap_seconds),
        )
        for row in rows
    ]


def _decision(row: AnyRow) -> Decision:
    return Decision(
        prompt_id=row.prompt_id,
        decided_at=row.decided_at,
        policy=row.policy,
        policy_version=row.policy_version,
        arm=row.arm,
        arm_probability=row.arm_probability,
        epsilon=row.epsilon,
        seed=row.seed,
        slots=tuple(datetime.fromtimestamp(slot, UTC) for slot in row.slots),
        available=tuple(row.available),
        propensities=tuple(row.propensities),
        chosen=row.chosen,
        features=row.features,
        probability=row.probability,
        prompted=bool(row.prompted),
    )


def _decision_row(decision: Decision) -> dict[str, Any]:
    return {
        "prompt_id": decision.prompt_id,
        "decided_at": decision.decided_at,
        "policy": decision.policy,
        "policy_version": decision.policy_version,
        "arm": decision.arm,
        "arm_probability": decision.arm_probability,
        "epsilon": decision.epsilon,
        "seed": decision.seed,
        "slots": [int(slot.timestamp()) for slot in decision.slots],
        "available": list(decision.available),
        "propensities": list(decision.propensities),
        "chosen": decision.chosen,
        "probability": decision.probability,
        "prompted": decision.prompted,
        "features": decision.features,
    }
