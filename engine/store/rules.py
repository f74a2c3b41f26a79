"""Repository of the rules patients set for themselves; each change is a new version."""

import json
from collections.abc import Collection
from functools import lru_cache
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import aliased

from engine.records import RulesVersion
from engine.rules import NO_RULES, PatientRules
from engine.store import tables
from engine.store.bulk import one_of
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow


@lru_cache(maxsize=4096)
def _parsed(document: str) -> PatientRules:
    return PatientRules.model_validate_json(document)


_table = tables.PatientRules
_any = aliased(_table)
_newest = select(func.max(_any.version)).where(_any.patient_id == _table.patient_id)
_CURRENT = select(_table.patient_id, _table.document).where(
    one_of(_table.patient_id, "patients"), _table.version == _newest.scalar_subquery()
)


def rules_of(tx: ReadTx, patient_ids: Collection[UUID]) -> dict[UUID, PatientRules]:
    """Return the rules that hold now for each of these patients; no rules where none were set."""
    rows = tx.conn.execute(_CURRENT, {"patients": list(patient_ids)})
    found = {row.patient_id: _parsed(json.dumps(row.document, sort_keys=True)) for row in rows}
    return {patient_id: found.get(patient_id, NO_RULES) for patient_id in patient_ids}


def add_rules(tx: WriteTx, version: RulesVersion) -> None:
    """Store one immutable version."""
    tx.conn.execute(
        insert(tables.PatientRules).values(
            patient_id=version.patient_id,
            version=version.version,
            document=version.document,
            set_by=version.set_by,
            set_at=version.set_at,
        )
    )


def rules_versions(tx: ReadTx, patient_id: UUID) -> list[RulesVersion]:
    """Return all versions of a patient's rules, newest first: who set what, and when."""
    table = tables.PatientRules
    rows = tx.conn.execute(
        select(table).where(table.patient_id == patient_id).order_by(table.version.desc())
    )
    return [_version(row) for row in rows]


def current_version(tx: ReadTx, patient_id: UUID) -> int:
    """Return the number of the version that holds now, 0 where none was set."""
    table = tables.PatientRules
    return tx.conn.execute(
        select(func.coalesce(func.max(table.version), 0)).where(table.patient_id == patient_id)
    ).scalar_one()


def _version(row: AnyRow) -> RulesVersion:
    return RulesVersion(
        patient_id=row.patient_id,
        version=row.version,
        document=row.document,
        set_by=row.set_by,
        set_at=row.set_at,
    )
