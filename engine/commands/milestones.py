"""Events of a course, such as the first session: phases, intervals and bursts hang on them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.commands.basis import basis_for, locked_basis
from engine.commands.replanning import replan
from engine.errors import FieldFault, FieldsRefused
from engine.protocol import StudyProtocol
from engine.records import LogEntry, LogKind, Milestone
from engine.store import Database, events, schedule_log
from engine.triggers import ENROLMENT, IntervalTrigger

FARTHEST = timedelta(days=366)
"""How far ahead an event may be entered, as a session that is booked; as far before the course."""


def record_milestone(
    db: Database, patient_id: UUID, name: str, on: date, *, by: str, now: datetime
) -> Milestone:
    """Store the local date on which an event of the course happened, and re-plan; return it.

    Told again, the date is put right. Raises FieldsRefused for a name that the protocol does not
    use or a date out of reach, and NotFound.
    """
    with db.write() as tx:
        basis = locked_basis(tx, patient_id)
        _check(basis.protocol, name, on, basis.enrolment.first_day, basis.day_of(now))
        milestone = Milestone(
            enrolment_id=basis.enrolment.id,
            name=name,
            local_date=on,
            recorded_by=by,
            recorded_at=now,
        )
        events.set_milestone(tx, milestone)
        detail = {"name": name, "date": on.isoformat()}
        if name in basis.milestones:
            detail["was"] = basis.milestones[name].isoformat()
        entry = LogEntry(
            patient_id=patient_id, at=now, by=by, kind=LogKind.MILESTONE, detail=detail
        )
        schedule_log.add_entries(tx, [entry])
        replan(tx, basis.with_milestones({**basis.milestones, name: on}), now=now)
    return milestone


def milestones_for(db: Database, patient_id: UUID) -> tuple[tuple[str, ...], list[Milestone]]:
    """Return the events the patient's protocol waits for, and those that were recorded, by date.

    Raises NotFound.
    """
    with db.read() as tx:
        basis = basis_for(tx, patient_id)
        return events_of(basis.protocol), events.milestones(tx, basis.enrolment.id)


def events_of(protocol: StudyProtocol) -> tuple[str, ...]:
    """Return the names of the events a protocol hangs something on, in its order."""
    return tuple(dict.fromkeys(_events(protocol)))


def _events(protocol: StudyProtocol) -> Iterator[str]:
    for phase in protocol.phases:
        if phase.until is not None:
            yield phase.until
    for assignment in protocol.assignments:
        anchors = [assignment.bursts.anchor] if assignment.bursts else []
        if isinstance(assignment.trigger, IntervalTrigger):
            anchors.append(assignment.trigger.anchor)
        yield from (anchor for anchor in anchors if anchor != ENROLMENT)


def _check(protocol: StudyProtocol, name: str, on: date, first_day: date, today: date) -> None:
    known = events_of(protocol)
    if name not in known:
        allowed = f"must be one of: {', '.join(known)}" if known else "this protocol waits for none"
        raise FieldsRefused(FieldFault("name", allowed))
    earliest, latest = first_day - FARTHEST, today + FARTHEST
    if not earliest <= on <= latest:
        raise FieldsRefused(FieldFault("date", f"must be from {earliest} to {latest}"))
