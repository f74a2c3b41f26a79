"""Repository of the hours patients say they keep; the newest version of each counts."""

from collections.abc import Collection
from datetime import datetime, time
from uuid import UUID

from sqlalchemy import func, insert, select

from engine.learning_records import DeclaredHours, DeclaredVersion, Hours
from engine.store import tables
from engine.store.database import ReadTx, WriteTx

_table = tables.DeclaredHours
_COLUMNS = (_table.wake, _table.bed, _table.work_start, _table.work_end)


def declared_hours(tx: ReadTx, patient_ids: Collection[UUID] | None = None) -> dict[UUID, Hours]:
    """Return the hours of those who declared any; of all patients without ids."""
    newest = select(_table.patient_id, func.max(_table.version).label("version"))
    if patient_ids is not None:
        newest = newest.where(_table.patient_id.in_(patient_ids))
    last = newest.group_by(_table.patient_id).subquery()
    rows = tx.conn.execute(
        select(_table.patient_id, *_COLUMNS).join(
            last, (last.c.patient_id == _table.patient_id) & (last.c.version == _table.version)
        )
    )
    found: dict[UUID, Hours] = {}
    for patient_id, *hours in rows:
        if any(hour is not None for hour in hours):
            found[patient_id] = (hours[0], hours[1], hours[2], hours[3])
    return found


def newest_declared(tx: ReadTx, patient_id: UUID) -> DeclaredVersion | None:
    """Return what the patient declared last, though it be nothing; None if never asked."""
    row = tx.conn.execute(
        select(_table)
        .where(_table.patient_id == patient_id)
        .order_by(_table.version.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    hours = DeclaredHours(
        wake=_clock(row.wake),
        bed=_clock(row.bed),
        work_start=_clock(row.work_start),
        work_end=_clock(row.work_end),
    )
    return DeclaredVersion(
        version=row.version,
        hours=hours,
        declared_by=row.declared_by,
        declared_at=row.declared_at,
    )


def add_declared(
    tx: WriteTx, patient_id: UUID, hours: DeclaredHours, *, by: str, now: datetime
) -> int:
    """Store what a patient declared as the next version, and return that."""
    newest = tx.conn.execute(
        select(func.coalesce(func.max(_table.version), 0)).where(_table.patient_id == patient_id)
    ).scalar_one()
    tx.conn.execute(
        insert(_table).values(
            patient_id=patient_id,
            version=newest + 1,
            wake=_decimal(hours.wake),
            bed=_decimal(hours.bed),
            work_start=_decimal(hours.work_start),
            work_end=_decimal(hours.work_end),
            declared_by=by,
            declared_at=now,
        )
    )
    return int(newest) + 1


def _decimal(at: time | None) -> float | None:
    return None if at is None else at.hour + at.minute / 60.0 + at.second / 3600.0


def _clock(hour: float | None) -> time | None:
    if hour is None:
        return None
    seconds = round(hour * 3600)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)
