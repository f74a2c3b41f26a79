"""Repository of protocols and enrolments."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, bindparam, cast, func, insert, select, tuple_, update
from sqlalchemy.orm import aliased

from engine.batches import batches
from engine.records import Enrolment, ProtocolVersion
from engine.store import tables
from engine.store.bulk import one_of
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_SOME = 1_000
_any = aliased(tables.ProtocolVersion)


def _newest(*columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 (a table or columns)
    table = tables.ProtocolVersion
    newest = select(func.max(_any.version)).where(_any.protocol_id == table.protocol_id)
    return select(*columns).where(
        one_of(table.protocol_id, "protocols"), table.version == newest.scalar_subquery()
    )


_NEWEST = _newest(
    tables.ProtocolVersion.protocol_id,
    cast(tables.ProtocolVersion.document, Text).label("document"),
)


def add_protocol(tx: WriteTx, protocol_id: UUID, name: str, *, now: datetime) -> None:
    """Store an empty line of versions."""
    tx.conn.execute(insert(tables.Protocol).values(id=protocol_id, name=name, created_at=now))


def add_version(tx: WriteTx, version: ProtocolVersion) -> None:
    """Store one immutable version."""
    tx.conn.execute(
        insert(tables.ProtocolVersion).values(
            protocol_id=version.protocol_id,
            version=version.version,
            document=version.document,
            created_by=version.created_by,
            created_at=version.created_at,
        )
    )


def current_version(tx: ReadTx, protocol_id: UUID) -> ProtocolVersion:
    """Return the newest version of a protocol."""
    versions = tables.ProtocolVersion
    row = tx.conn.execute(
        select(versions)
        .where(versions.protocol_id == protocol_id)
        .order_by(versions.version.desc())
        .limit(1)
    ).one()
    return _version(row)


def current_documents(tx: ReadTx, protocol_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the newest version of each protocol as it is stored, a JSON text."""
    rows = tx.conn.execute(_NEWEST, {"protocols": list(protocol_ids)}).all()
    return {row.protocol_id: row.document for row in rows}


def current_versions(tx: ReadTx, protocol_ids: Collection[UUID]) -> dict[UUID, ProtocolVersion]:
    """Return the newest version of each protocol."""
    newest = _newest(tables.ProtocolVersion)
    rows = tx.conn.execute(newest, {"protocols": list(protocol_ids)})
    return {row.protocol_id: _version(row) for row in rows}


_CURRENT = (
    select(tables.ProtocolVersion.protocol_id, func.max(tables.ProtocolVersion.version))
    .join(tables.Enrolment, tables.Enrolment.protocol_id == tables.ProtocolVersion.protocol_id)
    .where(tables.Enrolment.patient_id == bindparam("patient"), tables.Enrolment.ended_at.is_(None))
    .group_by(tables.ProtocolVersion.protocol_id)
)


def current_key(tx: ReadTx, patient_id: UUID) -> tuple[UUID, int] | None:
    """Return which version the patient is under, (protocol, version); None without enrolment."""
    row = tx.conn.execute(_CURRENT, {"patient": patient_id}).one_or_none()
    return (row[0], row[1]) if row else None


def versions_at(
    tx: ReadTx, keys: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], ProtocolVersion]:
    """Return the versions with these (protocol, version) keys."""
    table = tables.ProtocolVersion
    rows = tx.conn.execute(
        select(table).where(tuple_(table.protocol_id, table.version).in_(list(keys)))
    )
    return {(row.protocol_id, row.version): _version(row) for row in rows}


def versions(tx: ReadTx, protocol_id: UUID) -> list[ProtocolVersion]:
    """Return all versions, newest first: who changed what, and when."""
    table = tables.ProtocolVersion
    rows = tx.conn.execute(
        select(table).where(table.protocol_id == protocol_id).order_by(table.version.desc())
    )
    return [_version(row) for row in rows]


def add_enrolment(tx: WriteTx, enrolment: Enrolment, *, now: datetime) -> None:
    """Store an enrolment."""
    tx.conn.execute(
        insert(tables.Enrolment).values(
            id=enrolment.id,
            patient_id=enrolment.patient_id,
            protocol_id=enrolment.protocol_id,
            seed=enrolment.seed,
            control_share=enrolment.control_share,
            first_day=enrolment.first_day,
            planned_through=enrolment.planned_through,
            created_at=now,
        )
    )


def _enrolments() -> Select[*tuple[Any, ...]]:
    return (
        select(tables.Enrolment, tables.Patient.zone)
        .join(tables.Patient, tables.Patient.id == tables.Enrolment.patient_id)
        .where(tables.Enrolment.ended_at.is_(None))
    )


def enrolment_of(tx: ReadTx, patient_id: UUID) -> Enrolment | None:
    """Return the patient's running enrolment."""
    row = tx.conn.execute(
        _enrolments().where(tables.Enrolment.patient_id == patient_id)
    ).one_or_none()
    return _enrolment(row) if row else None


def enrolments_of(tx: ReadTx, patient_ids: Collection[UUID]) -> list[Enrolment]:
    """Return the running enrolments of these patients."""
    rows = tx.conn.execute(_enrolments().where(tables.Enrolment.patient_id.in_(list(patient_ids))))
    return [_enrolment(row) for row in rows]


def lock_enrolments(tx: WriteTx, enrolment_ids: Sequence[UUID]) -> None:
    """Wait until nobody else plans, draws or sends for these enrolments, and keep it so.

    On SQLite every write transaction is alone anyway. Locks are taken in one order, so two callers
    never wait for each other.
    """
    table = tables.Enrolment
    # In parts, since databases limit the values of a statement, but in one order over all.
    ids = sorted(enrolment_ids)
    for some in batches(ids, _SOME):
        tx.conn.execute(
            select(table.id)
            .where(table.id.in_(some))
            .order_by(table.id)
            .with_for_update(key_share=True)
        )


def lock_enrolment_of(tx: WriteTx, patient_id: UUID) -> Enrolment | None:
    """Return the patient's running enrolment as it stands once nobody else is at work on it."""
    found = enrolment_of(tx, patient_id)
    if found is None:
        return None
    lock_enrolments(tx, [found.id])
    return enrolment_of(tx, patient_id)


def running(tx: ReadTx) -> list[Enrolment]:
    """Return all running enrolments."""
    return [_enrolment(row) for row in tx.conn.execute(_enrolments())]


def enrolments_to_plan(tx: ReadTx, before: date) -> list[Enrolment]:
    """Return running enrolments that are not yet planned through `before`."""
    table = tables.Enrolment
    rows = tx.conn.execute(
        _enrolments().where((table.planned_through.is_(None)) | (table.planned_through < before))
    )
    return [_enrolment(row) for row in rows]


def set_planned_through(tx: WriteTx, days: dict[UUID, date]) -> None:
    """Note for each enrolment the last local day that is planned."""
    for enrolment_id, day in days.items():
        tx.conn.execute(
            update(tables.Enrolment)
            .where(tables.Enrolment.id == enrolment_id)
            .values(planned_through=day)
        )


def _enrolment(row: AnyRow) -> Enrolment:
    return Enrolment(
        id=row.id,
        patient_id=row.patient_id,
        zone=row.zone,
        protocol_id=row.protocol_id,
        seed=row.seed,
        control_share=row.control_share,
        first_day=row.first_day,
        planned_through=row.planned_through,
    )


def _version(row: AnyRow) -> ProtocolVersion:
    return ProtocolVersion(
        protocol_id=row.protocol_id,
        version=row.version,
        document=row.document,
        created_by=row.created_by,
        created_at=row.created_at,
    )
