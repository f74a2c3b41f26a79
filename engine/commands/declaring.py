"""Hours that patients say they keep, asked at onboarding: what timing knows of them on day one."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from engine.errors import FieldFault, FieldsRefused, NotFound, StaleVersion
from engine.learning_records import DeclaredHours, DeclaredVersion, Hours
from engine.store import Database, declared, people, schedules

PAIRS = (("wake", "bed"), ("work_start", "work_end"))


def declare_hours(
    db: Database,
    patient_id: UUID,
    hours: DeclaredHours,
    *,
    by: str,
    now: datetime,
    expected_version: int | None = None,
) -> int:
    """Store what a patient declared as the next version, and return that; all None takes it back.

    Declaring what stands already changes nothing, so a call may be repeated. Decisions made from
    now on know of it; what is learned of such hours follows at the next fit. `expected_version` is
    the one the change was made from, 0 if there was none; left out, whatever stands is replaced.
    Raises NotFound, StaleVersion, and FieldsRefused where one end of a span is missing or both are
    the same.
    """
    faults = [fault for pair in PAIRS for fault in _faults(hours, *pair)]
    faults += [
        FieldFault(one.name, "must be a local time without a zone")
        for one in fields(hours)
        if getattr(getattr(hours, one.name), "tzinfo", None) is not None
    ]
    if faults:
        raise FieldsRefused(*faults)
    with db.write() as tx:
        if people.patient(tx, patient_id) is None:
            raise NotFound("patient")
        schedules.lock_enrolment_of(tx, patient_id)  # two changes at once come one after the other
        newest = declared.newest_declared(tx, patient_id)
        version, stands = (newest.version, newest.hours) if newest else (0, DeclaredHours())
        if stands == hours:
            return version
        if expected_version not in {None, version}:
            raise StaleVersion(expected_version or 0, version)
        return declared.add_declared(tx, patient_id, hours, by=by, now=now)


def declared_version(db: Database, patient_id: UUID) -> DeclaredVersion | None:
    """Return what the patient declared last, by whom and when; None if never."""
    with db.read() as tx:
        return declared.newest_declared(tx, patient_id)


def declared_by(db: Database, patient_id: UUID) -> Hours | None:
    """Return the decimal hours that the patient declared last, None where there are none."""
    with db.read() as tx:
        return declared.declared_hours(tx, {patient_id}).get(patient_id)


def _faults(hours: DeclaredHours, first: str, last: str) -> list[FieldFault]:
    start, end = getattr(hours, first), getattr(hours, last)
    if (start is None) != (end is None):
        missing = first if start is None else last
        other = last if start is None else first
        return [FieldFault(missing, f"must be given together with '{other}'")]
    if start is not None and start == end:
        return [FieldFault(last, f"must differ from '{first}'")]
    return []
