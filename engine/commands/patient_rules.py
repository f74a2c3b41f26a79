"""What patients set for themselves: own quiet hours, pause days, a lower cap, things left out."""

from datetime import datetime
from uuid import UUID

from engine.commands.basis import basis_for, locked_basis
from engine.commands.replanning import replan
from engine.errors import StaleVersion
from engine.records import LogEntry, LogKind, RulesVersion
from engine.rules import PatientRules, parse_rules
from engine.store import Database, rules, schedule_log


def set_rules(
    db: Database,
    patient_id: UUID,
    document: object,
    *,
    by: str,
    expected_version: int,
    now: datetime,
) -> RulesVersion:
    """Store the patient's own rules as a new version and re-plan what is not sent; return it.

    `by` is "patient" or the therapist's name. They only narrow: nothing in them can add a prompt.
    `expected_version` is the one the change was made from, 0 if none was set. Raises FieldsRefused
    with each fault's path, StaleVersion, and NotFound.
    """
    with db.write() as tx:
        basis = locked_basis(tx, patient_id)
        wanted = parse_rules(
            document, assignments=[assignment.id for assignment in basis.protocol.assignments]
        )
        current = rules.current_version(tx, patient_id)
        if current != expected_version:
            raise StaleVersion(expected_version, current)
        version = RulesVersion(
            patient_id=patient_id,
            version=current + 1,
            document=wanted.model_dump(mode="json", by_alias=True, exclude_none=True),
            set_by=by,
            set_at=now,
        )
        rules.add_rules(tx, version)
        detail = {"version": version.version}
        entry = LogEntry(patient_id=patient_id, at=now, by=by, kind=LogKind.RULES, detail=detail)
        schedule_log.add_entries(tx, [entry])
        replan(tx, basis.with_rules(wanted), now=now)
    return version


def rules_for(db: Database, patient_id: UUID) -> tuple[PatientRules, int]:
    """Return the patient's own rules and the number of their version, 0 where none was set.

    Raises NotFound.
    """
    with db.read() as tx:
        basis = basis_for(tx, patient_id)
        return basis.rules, rules.current_version(tx, patient_id)
