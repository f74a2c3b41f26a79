"""Repository of what devices last told and pulled: their zone, and the schedule they hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from engine.records import HeldSchedule
from engine.store import tables
from engine.store.database import ReadTx, WriteTx

_devices = tables.Device


def note_zone(tx: WriteTx, device_id: UUID, zone: str, *, now: datetime) -> None:
    """Note where a device says it is."""
    tx.conn.execute(update(_devices).where(_devices.id == device_id).values(zone=zone, zone_at=now))


def note_schedule(
    tx: WriteTx, device_id: UUID, *, version: int, rules_version: int, now: datetime
) -> None:
    """Note which schedule a device has pulled."""
    tx.conn.execute(
        update(_devices)
        .where(_devices.id == device_id)
        .values(schedule_at=now, schedule_version=version, schedule_rules_version=rules_version)
    )


def held(tx: ReadTx, patient_id: UUID) -> list[HeldSchedule]:
    """Return what each of the patient's devices in use last told and holds, newest device first."""
    rows = tx.conn.execute(
        select(_devices)
        .where(_devices.patient_id == patient_id, _devices.retired_at.is_(None))
        .order_by(_devices.created_at.desc(), _devices.id)
    )
    return [
        HeldSchedule(
            device_id=row.id,
            platform=row.platform,
            zone=row.zone,
            zone_at=row.zone_at,
            schedule_at=row.schedule_at,
            version=row.schedule_version,
            rules_version=row.schedule_rules_version,
        )
        for row in rows
    ]
