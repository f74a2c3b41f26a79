"""What a patient's schedule rests on: enrolment, protocol version, own rules, milestones."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.batches import batches
from engine.errors import NotFound
from engine.localtime import in_quiet_hours, zone
from engine.planning import DayPlan, plan_day
from engine.protocol import StudyProtocol
from engine.records import Enrolment, ProtocolVersion
from engine.rules import PatientRules
from engine.store import ReadTx, WriteTx, events, schedules
from engine.store.rules import rules_of
from engine.triggers import ENROLMENT

_SOME = 1_000
"""How many enrolments are looked up at once: databases limit the values of a statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """All that decides which windows a patient has on which local date."""

    enrolment: Enrolment
    version: ProtocolVersion
    protocol: StudyProtocol
    rules: PatientRules
    milestones: Mapping[str, date]

    @property
    def tz(self) -> ZoneInfo:
        """Return the zone the patient lives in. Raises UnknownZone."""
        return zone(self.enrolment.zone)

    def with_rules(self, rules: PatientRules) -> "Basis":
        """Return the basis with other rules of the patient's."""
        return replace(self, rules=rules)

    def with_milestones(self, milestones: Mapping[str, date]) -> "Basis":
        """Return the basis with other milestones."""
        return replace(self, milestones=milestones)

    def day_of(self, at: datetime) -> date:
        """Return the patient's local date at this instant."""
        return at.astimezone(self.tz).date()

    def plan(self, day: date) -> DayPlan:
        """Return what this local date has room for, and what not."""
        return plan_day(
            self.protocol,
            day,
            self.tz,
            first_day=self.enrolment.first_day,
            milestones=self.milestones,
            rules=self.rules,
        )

    def is_quiet(self, at: datetime) -> bool:
        """Return whether the protocol's quiet hours or the patient's own hold at this instant."""
        quiet = (*self.protocol.quiet_hours, *self.rules.quiet_hours)
        return in_quiet_hours(at, self.tz, quiet)

    def date_of(self, event: str) -> date | None:
        """Return the local date of an event of the course, None if it has not happened."""
        return self.enrolment.first_day if event == ENROLMENT else self.milestones.get(event)


@lru_cache(maxsize=4096)
def _parsed(document: str) -> StudyProtocol:
    # It was checked for contradictions when it was written, by the rules of that day.
    return StudyProtocol.model_validate(json.loads(document), by_alias=True, by_name=False)


def protocol_of(version: ProtocolVersion) -> StudyProtocol:
    """Return the parsed protocol of a stored version (kept in memory: versions never change)."""
    return _parsed(json.dumps(version.document, sort_keys=True))


def current_protocols(tx: ReadTx, protocol_ids: Collection[UUID]) -> dict[UUID, StudyProtocol]:
    """Return the protocols that hold now, parsed."""
    documents = schedules.current_documents(tx, protocol_ids)
    return {protocol_id: _parsed(document) for protocol_id, document in documents.items()}


def bases_of(tx: ReadTx, enrolments: Sequence[Enrolment]) -> list[Basis]:
    """Return what the schedule of each of these enrolments rests on now, in their order."""
    return [basis for some in batches(enrolments, _SOME) for basis in _bases(tx, some)]


def _bases(tx: ReadTx, enrolments: Sequence[Enrolment]) -> list[Basis]:
    versions = schedules.current_versions(tx, {one.protocol_id for one in enrolments})
    rules = rules_of(tx, {one.patient_id for one in enrolments})
    milestones = events.milestone_dates(tx, {one.id for one in enrolments})
    return [
        Basis(
            enrolment=one,
            version=versions[one.protocol_id],
            protocol=protocol_of(versions[one.protocol_id]),
            rules=rules[one.patient_id],
            milestones=milestones[one.id],
        )
        for one in enrolments
    ]


def basis_for(tx: ReadTx, patient_id: UUID) -> Basis:
    """Return what the patient's schedule rests on. Raises NotFound without an enrolment."""
    enrolment = schedules.enrolment_of(tx, patient_id)
    if enrolment is None:
        raise NotFound("patient")
    return bases_of(tx, [enrolment])[0]


def locked_basis(tx: WriteTx, patient_id: UUID) -> Basis:
    """Return the same once nobody else plans, draws or sends for the patient, and keep it so.

    Raises NotFound without an enrolment.
    """
    enrolment = schedules.lock_enrolment_of(tx, patient_id)
    if enrolment is None:
        raise NotFound("patient")
    return bases_of(tx, [enrolment])[0]
