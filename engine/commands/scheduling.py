"""Planning the days ahead, changing a protocol, and showing what a change would do."""

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from engine.errors import NotFound, StaleVersion
from engine.localtime import in_quiet_hours, zone
from engine.planning import DayPlan, PlannedWindow, plan_day, plan_days, prompt_id
from engine.prompt import UNSENT, State
from engine.protocol import StudyProtocol, dump_protocol, parse_protocol
from engine.records import Enrolment, ProtocolVersion, StoredWindow
from engine.store import Database, ReadTx, WriteTx, people, schedules, windows

HORIZON = timedelta(hours=48)
"""How far ahead windows are planned: what a phone may hold for when it is off line."""
PREVIEW_DAYS = 7
WELCOME = "welcome"
"""Assignment of the first prompt of a newly enrolled phone."""
WELCOME_AFTER = timedelta(seconds=5)
WELCOME_EXPIRES = timedelta(hours=1)


@lru_cache(maxsize=4096)
def _parsed(document: str) -> StudyProtocol:
    return parse_protocol(json.loads(document))


def protocol_of(version: ProtocolVersion) -> StudyProtocol:
    """Return the parsed protocol of a stored version (kept in memory: versions never change)."""
    return _parsed(json.dumps(version.document, sort_keys=True))


def plan_horizon(db: Database, *, now: datetime, horizon: timedelta = HORIZON) -> int:
    """Plan every enrolment's local days that begin before `now + horizon`; return new windows.

    Running it again adds nothing. Windows that are over already are left out.
    """
    latest = (now + horizon + timedelta(hours=15)).date()
    with db.read() as tx:
        waiting = [
            e for e in schedules.enrolments_to_plan(tx, latest) if _is_behind(e, now, horizon)
        ]
    if not waiting:
        return 0
    with db.write() as tx:
        schedules.lock_enrolments(tx, [enrolment.id for enrolment in waiting])
        planned = [
            window for enrolment in waiting for window in _new_windows(tx, enrolment, now, horizon)
        ]
        added = windows.add_windows(tx, planned)
        schedules.set_planned_through(
            tx, {enrolment.id: _last_day(enrolment, now, horizon) for enrolment in waiting}
        )
    return added


def _is_behind(enrolment: Enrolment, now: datetime, horizon: timedelta) -> bool:
    through = enrolment.planned_through
    return through is None or through < _last_day(enrolment, now, horizon)


def _last_day(enrolment: Enrolment, now: datetime, horizon: timedelta) -> date:
    return (now + horizon).astimezone(zone(enrolment.zone)).date()


def _today(enrolment: Enrolment, now: datetime) -> date:
    return now.astimezone(zone(enrolment.zone)).date()


def _new_windows(
    tx: ReadTx, enrolment: Enrolment, now: datetime, horizon: timedelta
) -> Iterable[StoredWindow]:
    version = schedules.current_version(tx, enrolment.protocol_id)
    first = max(_today(enrolment, now), enrolment.first_day)
    if enrolment.planned_through is not None:
        first = max(first, enrolment.planned_through + timedelta(days=1))
    days = (_last_day(enrolment, now, horizon) - first).days + 1
    return _windows(enrolment, version, first, days, now)


def _windows(
    enrolment: Enrolment, version: ProtocolVersion, first: date, days: int, now: datetime
) -> list[StoredWindow]:
    tz = zone(enrolment.zone)
    protocol = protocol_of(version)
    plans = (
        plan_day(protocol, first + timedelta(days=ahead), tz, first_day=enrolment.first_day)
        for ahead in range(days)
    )
    return [
        _stored(enrolment, version, window)
        for plan in plans
        for window in plan.windows
        if window.slots[-1] > now
    ]


def _stored(enrolment: Enrolment, version: ProtocolVersion, window: PlannedWindow) -> StoredWindow:
    return StoredWindow(
        id=prompt_id(enrolment.id, window.assignment, window.local_date, window.window),
        enrolment_id=enrolment.id,
        patient_id=enrolment.patient_id,
        protocol_id=version.protocol_id,
        protocol_version=version.version,
        zone=enrolment.zone,
        assignment=window.assignment,
        content_id=window.content,
        local_date=window.local_date,
        window=window.window,
        start_at=window.start_at,
        end_at=window.end_at,
        slots=window.slots,
        timing=window.timing,
        objective=window.objective,
        representative=window.representative,
        within=window.within,
        expires_after=window.expires_after,
        state=State.PLANNED,
        decided_at=None,
        due_at=window.slots[0] if len(window.slots) == 1 else None,
        seed=enrolment.seed,
        control_share=enrolment.control_share,
    )


def move_to_zone(tx: WriteTx, patient_id: UUID, zone_name: str, *, now: datetime) -> None:
    """Let the patient live in another zone from now on, and re-plan what is not sent."""
    people.set_zone(tx, patient_id, zone_name)
    enrolment = schedules.lock_enrolment_of(tx, patient_id)
    if enrolment is not None:
        _replan(tx, enrolment, schedules.current_version(tx, enrolment.protocol_id), now)


def plan_welcome(tx: WriteTx, patient_id: UUID, *, now: datetime) -> bool:
    """Plan a first prompt for a phone just enrolled, to prove that prompts reach it.

    It asks for the first thing the protocol asks for. Returns False, planning nothing, in quiet
    hours and for a patient without an enrolment.
    """
    enrolment = schedules.lock_enrolment_of(tx, patient_id)
    if enrolment is None:
        return False
    version = schedules.current_version(tx, enrolment.protocol_id)
    protocol = protocol_of(version)
    if in_quiet_hours(now, zone(enrolment.zone), protocol.quiet_hours):
        return False
    at = now + WELCOME_AFTER
    today = _today(enrolment, at)
    window = PlannedWindow(
        assignment=WELCOME,
        content=protocol.assignments[0].content,
        local_date=today,
        window=windows.count_on(tx, enrolment.id, WELCOME, today),
        start_at=at,
        end_at=at + WELCOME_EXPIRES,
        slots=(at,),
        timing="fixed",
        expires_after=WELCOME_EXPIRES,
        within=WELCOME_EXPIRES,
    )
    return windows.add_windows(tx, [_stored(enrolment, version, window)]) == 1


def preview(
    db: Database,
    patient_id: UUID,
    document: object,
    *,
    known_content: Collection[str],
    now: datetime,
    days: int = PREVIEW_DAYS,
) -> list[tuple[date, DayPlan]]:
    """Return each coming local day and what `document` would plan for it, by the same function.

    Stores nothing. Raises ProtocolFaults and NotFound.
    """
    protocol = parse_protocol(document, known_content=known_content)
    with db.read() as tx:
        enrolment = _enrolment(tx, patient_id)
    first = _today(enrolment, now) + timedelta(days=1)
    plans = plan_days(protocol, first, days, zone(enrolment.zone), enrolment.first_day)
    return [(first + timedelta(days=ahead), plan) for ahead, plan in enumerate(plans)]


def change_protocol(
    db: Database,
    patient_id: UUID,
    document: object,
    *,
    expected_version: int,
    known_content: Collection[str],
    by: str,
    now: datetime,
) -> ProtocolVersion:
    """Store a new version and re-plan what is not sent yet; return the version.

    Prompts that were sent never come again. A prompt whose slot is drawn already keeps its draw
    if the new protocol still allows that instant, else it is cancelled. Raises ProtocolFaults,
    NotFound, and StaleVersion when another version was saved since `expected_version`.
    """
    protocol = parse_protocol(document, known_content=known_content)
    with db.write() as tx:
        enrolment = schedules.lock_enrolment_of(tx, patient_id)
        if enrolment is None:
            raise NotFound("patient")
        current = schedules.current_version(tx, enrolment.protocol_id)
        if current.version != expected_version:
            raise StaleVersion(expected_version, current.version)
        version = ProtocolVersion(
            protocol_id=enrolment.protocol_id,
            version=current.version + 1,
            document=dump_protocol(protocol),
            created_by=by,
            created_at=now,
        )
        schedules.add_version(tx, version)
        _replan(tx, enrolment, version, now)
    return version


def _replan(tx: WriteTx, enrolment: Enrolment, version: ProtocolVersion, now: datetime) -> None:
    if enrolment.planned_through is None:
        return
    today = max(_today(enrolment, now), enrolment.first_day)
    days = (enrolment.planned_through - today).days + 1
    wanted = {w.id: w for w in _windows(enrolment, version, today, days, now)}
    standing = _standing(tx, enrolment, today, now)
    undecided = [w for w in standing if w.decided_at is None and w.state == State.PLANNED]
    changed = [w.id for w in undecided if not _same(w, wanted.get(w.id))]
    windows.drop_undecided(tx, changed)
    drawn = [w for w in standing if w.decided_at and w.state in UNSENT]
    refused = [w.id for w in drawn if not _still_allowed(w, wanted.get(w.id), version)]
    windows.cancel_unsent(tx, refused, "the schedule was changed", now=now)
    windows.add_windows(tx, wanted.values())


def _standing(tx: ReadTx, enrolment: Enrolment, today: date, now: datetime) -> list[StoredWindow]:
    """Return the windows that a new plan replaces: today's and later ones.

    A day may be over by the new zone while windows of it are still to come by the old one.
    """
    return [
        window
        for window in windows.windows_from(tx, enrolment.id, today - timedelta(days=1))
        if window.assignment != WELCOME and (window.local_date >= today or window.start_at > now)
    ]


def _same(stored: StoredWindow, wanted: StoredWindow | None) -> bool:
    if wanted is None:
        return False
    as_written = replace(wanted, protocol_version=stored.protocol_version)
    return stored == as_written


def _still_allowed(
    drawn: StoredWindow, wanted: StoredWindow | None, version: ProtocolVersion
) -> bool:
    if wanted is None or drawn.due_at is None or drawn.content_id != wanted.content_id:
        return False
    quiet = protocol_of(version).quiet_hours
    inside = wanted.start_at <= drawn.due_at < wanted.end_at or drawn.due_at in wanted.slots
    return inside and not in_quiet_hours(drawn.due_at, zone(wanted.zone), quiet)


def _enrolment(tx: ReadTx, patient_id: UUID) -> Enrolment:
    enrolment = schedules.enrolment_of(tx, patient_id)
    if enrolment is None:
        raise NotFound("patient")
    return enrolment


def protocol_for(db: Database, patient_id: UUID) -> tuple[Enrolment, list[ProtocolVersion]]:
    """Return the patient's enrolment and all versions of its protocol, newest first."""
    with db.read() as tx:
        enrolment = _enrolment(tx, patient_id)
        return enrolment, schedules.versions(tx, enrolment.protocol_id)
