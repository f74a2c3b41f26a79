"""Repository of the log of schedules: who or what changed one, and when."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from engine.records import LogEntry
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow


def add_entries(tx: WriteTx, entries: Iterable[LogEntry]) -> None:
    """Store entries; they are never changed afterwards."""
    rows = [_row(entry) for entry in entries]
    if rows:
        tx.conn.execute(insert(tables.ScheduleLog), rows)


def entries_of(
    tx: ReadTx, patient_id: UUID, *, kinds: Sequence[str] | None = None
) -> list[LogEntry]:
    """Return what was logged of a patient's schedule, oldest first."""
    log = tables.ScheduleLog
    query = select(log).where(log.patient_id == patient_id).order_by(log.seq)
    if kinds is not None:
        query = query.where(log.kind.in_(kinds))
    return [_entry(row) for row in tx.conn.execute(query)]


def _row(entry: LogEntry) -> dict[str, Any]:
    return {
        "patient_id": entry.patient_id,
        "prompt_id": entry.prompt_id,
        "at": entry.at,
        "by": entry.by,
        "kind": entry.kind,
        "detail": entry.detail,
    }


def _entry(row: AnyRow) -> LogEntry:
    return LogEntry(
        patient_id=row.patient_id,
        prompt_id=row.prompt_id,
        at=row.at,
        by=row.by,
        kind=row.kind,
        detail=row.detail,
    )
