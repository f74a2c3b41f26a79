"""Repository of prompts that met their patient not free."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select

from engine.store import tables
from engine.store.database import ReadTx, WriteTx


def reason_of(tx: ReadTx, prompt_id: UUID) -> str | None:
    """Return why the patient was not free for this prompt, None if they did not say so."""
    table = tables.Unavailability
    return tx.conn.execute(
        select(table.reason).where(table.prompt_id == prompt_id)
    ).scalar_one_or_none()


def add_unavailability(
    tx: WriteTx,
    prompt_id: UUID,
    *,
    patient_id: UUID,
    device_id: UUID,
    reason: str,
    now: datetime,
) -> None:
    """Store that the patient was not free; one reason a prompt."""
    tx.conn.execute(
        insert(tables.Unavailability).values(
            prompt_id=prompt_id,
            patient_id=patient_id,
            device_id=device_id,
            reason=reason,
            told_at=now,
        )
    )
