"""What patients report by themselves, such as "smoked": stored once, and followed up."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.commands.answering import corrected
from engine.commands.basis import basis_for, locked_basis
from engine.commands.following import follow
from engine.errors import FieldFault, FieldsRefused
from engine.events import Reported, reports_of
from engine.records import Device, PatientReport
from engine.store import Database, events
from engine.triggers import IDENTIFIER


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIn:
    """A report as the phone sent it; `id` is made by the phone and stays the same on retries."""

    id: UUID
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportTaken:
    """What became of a report: whether it was new, and how many prompts will follow it."""

    new: bool
    prompts: int


def reportable(db: Database, device: Device) -> tuple[str, ...]:
    """Return the names of what the patient may report now. Raises NotFound."""
    with db.read() as tx:
        return reports_of(basis_for(tx, device.patient_id).protocol)


def report_event(
    db: Database, device: Device, report: ReportIn, *, device_now: datetime | None, now: datetime
) -> ReportTaken:
    """Store a report once, and plan what follows it in the same transaction.

    A name the protocol does not wait for, as of a version before, is stored and not followed.
    Raises FieldsRefused for what is no name, Conflict if the id came before with another report,
    and NotFound without an enrolment.
    """
    if not re.fullmatch(IDENTIFIER, report.name):
        raise FieldsRefused(FieldFault("name", 'must be a name such as "smoked", at most 80'))
    at = corrected(report.at, device_now, now=now)
    with db.write() as tx:
        basis = locked_basis(tx, device.patient_id)
        new = events.add_report(
            tx,
            PatientReport(
                id=report.id,
                patient_id=device.patient_id,
                device_id=device.id,
                name=report.name,
                happened_at=at,
                device_at=report.at,
                received_at=now,
            ),
        )
        planned = follow(tx, basis, Reported(report.name), at=at, now=now) if new else []
    return ReportTaken(new, len(planned))
