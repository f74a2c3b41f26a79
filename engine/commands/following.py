"""Prompts that follow what happens: planned in the transaction that takes the event in.

A prompt has the identity (enrolment, assignment, local date, count so far), and an answer or a
report is taken in once, so nothing is followed twice. What is not followed, although its condition
was met, is logged with the reason.
"""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from engine.assignment import Assignment
from engine.commands.basis import Basis, bases_of, locked_basis, protocol_of
from engine.commands.replanning import stored
from engine.events import (
    Happening,
    Missed,
    Stage,
    followers,
    stage_on,
    waits_for_answers,
    waits_for_silence,
)
from engine.planned import (
    LEFT_OUT,
    PAUSED,
    QUIET,
    TOO_MANY,
    TOO_MANY_OF_IT,
    PlannedWindow,
)
from engine.records import EVENT, PATIENT_INITIATED, LogEntry, LogKind, StoredWindow
from engine.store import (
    Database,
    WriteTx,
    events,
    places,
    schedule_log,
    schedules,
    windows,
)
from engine.triggers import DEFAULT_WITHIN, EventTrigger

COOLDOWN = "cooldown"
TOO_LATE = "known too late"
BY = "event"
BATCH = 500
_MOST_KEPT = 100_000
_listening: dict[tuple[UUID, int], bool] = {}
"""Whether anything in a version (protocol, number) depends on answers."""


def listening(tx: WriteTx, patient_id: UUID) -> Basis | None:
    """Return the locked basis if anything in the patient's protocol depends on answers.

    Every answer asks this, so what was found out of a version, which never changes, is kept.
    """
    key = schedules.current_key(tx, patient_id)
    if key is None:
        return None
    if key not in _listening:
        if len(_listening) >= _MOST_KEPT:
            _listening.clear()
        version = schedules.versions_at(tx, [key])[key]
        _listening[key] = waits_for_answers(protocol_of(version))
    return locked_basis(tx, patient_id) if _listening[key] else None


def follow(
    tx: WriteTx,
    basis: Basis,
    happening: Happening,
    *,
    at: datetime,
    now: datetime,
    cause_id: UUID | None = None,
) -> list[UUID]:
    """Plan a prompt for each assignment that waits for this; return their ids.

    `at` is when it happened, `cause_id` the prompt that was answered or missed. The enrolment is
    locked by the caller.
    """
    planned = []
    for assignment, trigger in followers(basis.protocol, happening):
        due_at = max(at + trigger.delay, now)
        stage = _stage(basis, assignment, basis.day_of(due_at))
        if stage is None:
            continue  # it is not that assignment's time of the course
        reason = _why_not(tx, basis, assignment, trigger, at=at, due_at=due_at, now=now)
        if reason is None:
            window = _window(tx, basis, assignment, stage, due_at, cause_id)
            windows.add_windows(tx, [window])
            planned.append(window.id)
        else:
            _note(tx, basis, assignment, reason, due_at, cause_id, now)
    return planned


def notice_missed(db: Database, *, now: datetime) -> int:
    """Take in prompts that ran out unanswered, each once; return how many prompts follow.

    Of a prompt that may never have arrived the silence says nothing, nor of one for which the
    patient was not free.
    """
    planned = 0
    while True:
        with db.read() as tx:
            found = events.run_out(tx, now=now, limit=BATCH)
        if not found:
            return planned
        with db.write() as tx:
            planned += _take_in(tx, found, now)


def _take_in(tx: WriteTx, found: list[tuple[UUID, UUID]], now: datetime) -> int:
    enrolments = schedules.enrolments_of(tx, {patient_id for _, patient_id in found})
    schedules.lock_enrolments(tx, [one.id for one in enrolments])
    missed = events.notice_missed(tx, [prompt_id for prompt_id, _ in found], now=now)
    bases = {
        basis.enrolment.id: basis
        for basis in bases_of(tx, enrolments)
        if waits_for_silence(basis.protocol)
    }
    if not bases:
        return 0
    planned = 0
    for window in windows.windows_by_id(tx, list(missed)).values():
        basis = bases.get(window.enrolment_id)
        if basis is None or window.timing == PATIENT_INITIATED:
            continue
        silence = Missed(window.assignment)
        planned += len(
            follow(tx, basis, silence, at=missed[window.id], now=now, cause_id=window.id)
        )
    return planned


def _stage(basis: Basis, assignment: Assignment, day: date) -> Stage | None:
    return stage_on(
        basis.protocol,
        assignment,
        day,
        first_day=basis.enrolment.first_day,
        milestones=basis.milestones,
    )


def _why_not(
    tx: WriteTx,
    basis: Basis,
    assignment: Assignment,
    trigger: EventTrigger,
    *,
    at: datetime,
    due_at: datetime,
    now: datetime,
) -> str | None:
    """Return the reason that keeps a prompt from following, None if there is none."""
    day = basis.day_of(due_at)
    if assignment.id in basis.rules.without:
        return LEFT_OUT
    if basis.rules.paused(day):
        return PAUSED
    if at + trigger.delay + assignment.expires_after <= now:
        return TOO_LATE
    if basis.is_quiet(due_at):
        return QUIET
    last_at = events.last_followed_at(tx, basis.enrolment.id, assignment.id)
    if last_at is not None and abs(due_at - last_at) < trigger.cooldown:
        return COOLDOWN
    caps = [cap for cap in (trigger.per_day, assignment.per_day) if cap is not None]
    if caps and events.followed_on(tx, basis.enrolment.id, assignment.id, day) >= min(caps):
        return TOO_MANY_OF_IT
    return TOO_MANY if _is_full(tx, basis, assignment, day) else None


def _is_full(tx: WriteTx, basis: Basis, assignment: Assignment, day: date) -> bool:
    """Return whether the day's places are taken by what was drawn already or has precedence."""
    cap = basis.rules.capped(basis.protocol.limits)
    if cap is None:
        return False
    found = places.places(tx, [basis.enrolment.id], [day])
    before = [
        place
        for place in found.get((basis.enrolment.id, day), [])
        if place.settled or place.priority < assignment.priority
    ]
    return len(before) >= cap


def _window(
    tx: WriteTx,
    basis: Basis,
    assignment: Assignment,
    stage: Stage,
    due_at: datetime,
    cause_id: UUID | None,
) -> StoredWindow:
    day = basis.day_of(due_at)
    window = PlannedWindow(
        assignment=assignment.id,
        content=assignment.content,
        local_date=day,
        window=windows.count_on(tx, basis.enrolment.id, assignment.id, day),
        start_at=due_at,
        end_at=due_at + assignment.expires_after,
        slots=(due_at,),
        timing="fixed",
        expires_after=assignment.expires_after,
        within=DEFAULT_WITHIN,
        probability=stage.share,
        priority=assignment.priority,
        reminders=assignment.reminders,
        phase=stage.phase,
    )
    return replace(stored(basis, window, cause_id=cause_id), timing=EVENT)


def _note(
    tx: WriteTx,
    basis: Basis,
    assignment: Assignment,
    reason: str,
    due_at: datetime,
    cause_id: UUID | None,
    now: datetime,
) -> None:
    entry = LogEntry(
        patient_id=basis.enrolment.patient_id,
        prompt_id=cause_id,
        at=now,
        by=BY,
        kind=LogKind.NOT_FOLLOWED,
        detail={"assignment": assignment.id, "reason": reason, "due_at": due_at.isoformat()},
    )
    schedule_log.add_entries(tx, [entry])
