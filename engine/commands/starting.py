"""Content that patients start by themselves, whenever they like."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from engine.assignment import Assignment
from engine.commands.basis import Basis, basis_for, locked_basis
from engine.commands.replanning import stored
from engine.errors import Conflict, NotFound
from engine.events import Stage, stage_on
from engine.planned import PlannedWindow
from engine.records import PATIENT_INITIATED, Device, OpenPrompt
from engine.store import Database, ReadTx, answers, windows
from engine.triggers import DEFAULT_WITHIN, PatientInitiatedTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Startable:
    """Something the patient may start now; `left` is how often today, None without a cap."""

    assignment: str
    content_id: str
    left: int | None


def startable(db: Database, device: Device, *, now: datetime) -> list[Startable]:
    """Return what the patient may start by themselves today, in the protocol's order.

    Raises NotFound without an enrolment.
    """
    with db.read() as tx:
        basis = basis_for(tx, device.patient_id)
        today = basis.day_of(now)
        return [
            Startable(
                assignment=assignment.id,
                content_id=assignment.content,
                left=_left(tx, basis, assignment, today),
            )
            for assignment in basis.protocol.assignments
            if _stage(basis, assignment, today) is not None
        ]


def start(db: Database, device: Device, assignment_id: str, *, now: datetime) -> OpenPrompt:
    """Open a prompt that the patient asked for; return it, ready to be answered.

    It is not pushed and takes no place of the day. One that is open still is returned again.
    Raises NotFound if there is no such thing to start, Conflict when the day's number is used up.
    """
    with db.write() as tx:
        basis = locked_basis(tx, device.patient_id)
        today = basis.day_of(now)
        assignment = next((a for a in basis.protocol.assignments if a.id == assignment_id), None)
        stage = None if assignment is None else _stage(basis, assignment, today)
        if assignment is None or stage is None:
            raise NotFound("thing to start")
        begun = answers.open_started(tx, device.patient_id, assignment.id, now=now)
        if begun is not None:
            return begun
        if _left(tx, basis, assignment, today) == 0:
            raise Conflict(
                f"{assignment.id}: started {_cap(assignment)} times today already, "
                "which is as often as the protocol has it"
            )
        number = windows.count_on(tx, basis.enrolment.id, assignment.id, today)
        expires_at = now + assignment.expires_after
        window = PlannedWindow(
            assignment=assignment.id,
            content=assignment.content,
            local_date=today,
            window=number,
            start_at=now,
            end_at=expires_at,
            slots=(now,),
            timing="fixed",
            expires_after=assignment.expires_after,
            within=DEFAULT_WITHIN,
            priority=assignment.priority,
            phase=stage.phase,
        )
        started = replace(stored(basis, window), timing=PATIENT_INITIATED)
        windows.add_started(tx, started, expires_at=expires_at)
    return OpenPrompt(
        id=started.id, content_id=assignment.content, sent_at=now, expires_at=expires_at
    )


def _stage(basis: Basis, assignment: Assignment, today: date) -> Stage | None:
    """Return where the course stands for something startable, None if it is not startable."""
    if not isinstance(assignment.trigger, PatientInitiatedTrigger):
        return None
    return stage_on(
        basis.protocol,
        assignment,
        today,
        first_day=basis.enrolment.first_day,
        milestones=basis.milestones,
    )


def _cap(assignment: Assignment) -> int | None:
    trigger = assignment.trigger
    own = trigger.per_day if isinstance(trigger, PatientInitiatedTrigger) else None
    return min((cap for cap in (own, assignment.per_day) if cap is not None), default=None)


def _left(tx: ReadTx, basis: Basis, assignment: Assignment, today: date) -> int | None:
    cap = _cap(assignment)
    if cap is None:
        return None
    return max(cap - windows.count_on(tx, basis.enrolment.id, assignment.id, today), 0)
