"""Repository of draws: each stored once, with the instants that follow from it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from engine.prompt import State
from engine.records import Decision
from engine.store import tables
from engine.store.database import ReadTx, WriteTx


def add_decisions(
    tx: WriteTx, decisions: Sequence[Decision], expires_at: dict[UUID, datetime]
) -> None:
    """Store draws and set the prompts' due and expiry instants, all in one transaction."""
    if not decisions:
        return
    tx.conn.execute(insert(tables.Decision), [_decision_row(decision) for decision in decisions])
    prompts = tables.Prompt
    tx.conn.execute(
        update(tables.Prompt)
        .where(prompts.id == bindparam("key"), prompts.decided_at.is_(None))
        .values(
            decided_at=bindparam("at"), due_at=bindparam("due"), expires_at=bindparam("expires")
        ),
        [
            {
                "key": decision.prompt_id,
                "at": decision.decided_at,
                "due": decision.slots[decision.chosen],
                "expires": expires_at[decision.prompt_id],
            }
            for decision in decisions
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
    decisions = tables.Decision
    row = tx.conn.execute(
        select(decisions)
        .join(tables.Prompt, tables.Prompt.id == decisions.prompt_id)
        .where(decisions.prompt_id == prompt_id, tables.Prompt.patient_id == patient_id)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    values["slots"] = tuple(datetime.fromtimestamp(slot, UTC) for slot in row.slots)
    values["available"] = tuple(row.available)
    values["propensities"] = tuple(row.propensities)
    return Decision(**values)


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
        "features": decision.features,
    }
