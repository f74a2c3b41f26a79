"""Repository of enrolment codes and devices."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from engine.delivery_records import Phone, Whereabouts
from engine.records import Device
from engine.store import tables
from engine.store.bulk import one_of
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_BY_CREDENTIAL = select(tables.Device).where(
    tables.Device.credential_sha256 == bindparam("credential"), tables.Device.retired_at.is_(None)
)
# Two statements, each by its own list of keys: for a join PostgreSQL may read the whole of a table
# it has not analysed yet.
_ZONES = select(tables.Patient.id, tables.Patient.zone).where(one_of(tables.Patient.id, "patients"))
_IN_USE = (
    select(
        tables.Device.patient_id,
        tables.Device.id,
        tables.Device.zone,
        tables.Device.push_token,
        tables.Device.deduplicates,
    )
    .where(
        one_of(tables.Device.patient_id, "patients"),
        tables.Device.retired_at.is_(None),
        tables.Device.token_dead_at.is_(None),
    )
    .order_by(tables.Device.created_at.desc(), tables.Device.id)
)
_REACHABLE = (
    select(tables.Device)
    .where(
        one_of(tables.Device.patient_id, "patients"),
        tables.Device.retired_at.is_(None),
        tables.Device.token_dead_at.is_(None),
        tables.Device.push_token.is_not(None),
    )
    .order_by(tables.Device.created_at, tables.Device.id.desc())
)
DROP_REPEATS = frozenset({"android", "web"})
"""Platforms whose app drops a push it has had, unless it says otherwise."""


def add_code(
    tx: WriteTx,
    code_sha256: str,
    *,
    patient_id: UUID,
    created_by: UUID | None,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store a one-time code; older unused codes of the patient end now."""
    codes = tables.EnrolmentCode
    tx.conn.execute(
        update(codes)
        .where(codes.patient_id == patient_id, codes.used_at.is_(None), codes.expires_at > now)
        .values(expires_at=now)
    )
    tx.conn.execute(
        insert(codes).values(
            code_sha256=code_sha256,
            patient_id=patient_id,
            created_by=created_by,
            created_at=now,
            expires_at=expires_at,
        )
    )


def use_code(tx: WriteTx, code_sha256: str, *, now: datetime) -> UUID | None:
    """Use up a code and return its patient; None if unknown, expired or used already.

    One UPDATE decides, so of any number of devices that try at once exactly one wins.
    """
    codes = tables.EnrolmentCode
    return tx.conn.execute(
        update(codes)
        .where(codes.code_sha256 == code_sha256, codes.used_at.is_(None), codes.expires_at > now)
        .values(used_at=now)
        .returning(codes.patient_id)
    ).scalar_one_or_none()


def add_device(tx: WriteTx, device: Device, credential_sha256: str, *, now: datetime) -> None:
    """Store a device under the hash of its credential."""
    tx.conn.execute(
        insert(tables.Device).values(
            id=device.id,
            patient_id=device.patient_id,
            credential_sha256=credential_sha256,
            platform=device.platform,
            zone=device.zone,
            push_token=device.push_token,
            deduplicates=device.deduplicates,
            created_at=now,
            seen_at=now,
        )
    )


def device_by_credential(tx: ReadTx, credential_sha256: str) -> Device | None:
    """Return the device this credential belongs to, unless it was signed out."""
    row = tx.conn.execute(_BY_CREDENTIAL, {"credential": credential_sha256}).one_or_none()
    return _device(row) if row else None


def set_push_token(tx: WriteTx, device_id: UUID, push_token: str | None) -> None:
    """Store a new push token; any other device that held it loses it."""
    devices = tables.Device
    if push_token is not None:
        tx.conn.execute(
            update(devices).where(devices.push_token == push_token).values(push_token=None)
        )
    tx.conn.execute(
        update(devices)
        .where(devices.id == device_id)
        .values(push_token=push_token, token_dead_at=None)
    )


def retire_device(tx: WriteTx, device_id: UUID, *, now: datetime) -> None:
    """Sign a device out for good."""
    tx.conn.execute(
        update(tables.Device)
        .where(tables.Device.id == device_id)
        .values(retired_at=now, push_token=None)
    )


def reachable_devices(tx: ReadTx, patient_ids: list[UUID]) -> dict[UUID, Device]:
    """Return for each patient the newest device with a living push token."""
    rows = tx.conn.execute(_REACHABLE, {"patients": patient_ids})
    return {row.patient_id: _device(row) for row in rows}  # the newest comes last


def whereabouts(tx: ReadTx, patient_ids: Sequence[UUID]) -> dict[UUID, Whereabouts]:
    """Return each patient's zone and devices in use: not signed out, token not dead."""
    given = {"patients": list(patient_ids)}
    found = {
        patient_id: Whereabouts(zone=confirmed, phones=[])
        for patient_id, confirmed in tx.conn.execute(_ZONES, given).all()
    }
    for patient_id, *phone in tx.conn.execute(_IN_USE, given).all():
        found[patient_id].phones.append(Phone._make(phone))
    return found


def _device(row: AnyRow) -> Device:
    return Device(
        id=row.id,
        patient_id=row.patient_id,
        platform=row.platform,
        zone=row.zone,
        push_token=row.push_token,
        deduplicates=row.deduplicates,
        seen_at=row.seen_at,
    )
