"""Planning the days ahead, moving with the patient, changing a protocol."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.batches import batches
from engine.commands.basis import Basis, bases_of, basis_for, locked_basis, protocol_of
from engine.commands.replanning import WELCOME, replan, stored, windows_of
from engine.commands.zone_data import follow_tzdata
from engine.errors import StaleVersion
from engine.localtime import UnknownZone, zone
from engine.planning import DayPlan, PlannedWindow
from engine.prompt import UNSENT, State
from engine.protocol import dump_protocol, parse_protocol
from engine.records import Enrolment, LogEntry, LogKind, ProtocolVersion, StoredWindow
from engine.store import Database, ReadTx, WriteTx, people, schedule_log, schedules, windows

__all__ = [
    "HORIZON",
    "WELCOME",
    "change_protocol",
    "move_to_zone",
    "plan_horizon",
    "plan_welcome",
    "preview",
    "protocol_for",
    "protocol_of",
]

_log = logging.getLogger(__name__)

HORIZON = timedelta(hours=48)
"""How far ahead windows are planned: what a phone may hold for when it is off line."""
PREVIEW_DAYS = 7
AT_ONCE = 200
"""How many enrolments are planned in one transaction; PostgreSQL ends one that idles too long."""
WELCOME_AFTER = timedelta(seconds=5)
WELCOME_EXPIRES = timedelta(hours=1)
WELCOME_AGAIN = timedelta(hours=24)
"""So long a first prompt speaks for further phones, as for those of codes given out on one day."""
_MAY_BE_OUT = frozenset({State.SENDING, State.ACCEPTED, State.UNKNOWN})
PLANNER = "planning"
"""Who the log names where no person changed a schedule."""


def plan_horizon(db: Database, *, now: datetime, horizon: timedelta = HORIZON) -> int:
    """Plan every enrolment's local days that begin before `now + horizon`; return new windows.

    Running it again adds nothing. Windows that are over already are left out. Where the zone data
    were replaced since the last time, what is planned already is put right first. A large clinic
    is planned in batches, each a transaction: what one has done stays done.
    """
    follow_tzdata(db, now=now)
    latest = (now + horizon + timedelta(hours=15)).date()
    with db.read() as tx:
        behind = schedules.enrolments_to_plan(tx, latest)
    wanting = [one for one in behind if _is_lost(one) or _is_behind(one, now, horizon)]
    return sum(_plan(db, some, now, horizon) for some in batches(wanting, AT_ONCE))


def _plan(db: Database, wanting: Sequence[Enrolment], now: datetime, horizon: timedelta) -> int:
    with db.write() as tx:
        schedules.lock_enrolments(tx, [one.id for one in wanting])
        homes = [_last_good_zone(tx, one, now) if _is_lost(one) else one for one in wanting]
        planning = [one for one in homes if one is not None]
        planned = [
            window
            for basis in bases_of(tx, planning)
            for window in _following_days(basis, now, horizon)
        ]
        added = windows.add_windows(tx, planned)
        schedules.set_planned_through(
            tx, {enrolment.id: _last_day(enrolment, now, horizon) for enrolment in planning}
        )
    return added


def _is_lost(enrolment: Enrolment) -> bool:
    """Return whether the zone data do not know, or no longer know, the patient's zone."""
    try:
        zone(enrolment.zone)
    except UnknownZone:
        return True
    return False


def _is_behind(enrolment: Enrolment, now: datetime, horizon: timedelta) -> bool:
    through = enrolment.planned_through
    return through is None or through < _last_day(enrolment, now, horizon)


def _last_day(enrolment: Enrolment, now: datetime, horizon: timedelta) -> date:
    return (now + horizon).astimezone(zone(enrolment.zone)).date()


def _following_days(basis: Basis, now: datetime, horizon: timedelta) -> Iterator[StoredWindow]:
    enrolment = basis.enrolment
    first = max(basis.day_of(now), enrolment.first_day)
    if enrolment.planned_through is not None:
        first = max(first, enrolment.planned_through + timedelta(days=1))
    days = (_last_day(enrolment, now, horizon) - first).days + 1
    yield from windows_of(basis, first, days, now)


def _last_good_zone(tx: WriteTx, enrolment: Enrolment, now: datetime) -> Enrolment | None:
    """Return the enrolment in the last zone of the patient's that is known; raises the alarm.

    None where there is none: then nothing can be planned, and never is UTC taken in its stead.
    """
    changes = schedule_log.entries_of(tx, enrolment.patient_id, kinds=[LogKind.ZONE])
    names = [name for change in changes for name in (change.detail["from"], change.detail["to"])]
    good = next((name for name in reversed(names) if not _is_lost(_in_zone(enrolment, name))), None)
    _log.error(
        "patient %s: unknown time zone %r; %s",
        enrolment.patient_id,
        enrolment.zone,
        f"{good} is kept" if good else "nothing is planned",
    )
    detail = {"zone": enrolment.zone, "kept": good}
    told = schedule_log.entries_of(tx, enrolment.patient_id, kinds=[LogKind.ZONE_UNKNOWN])
    if good is not None or not told or told[-1].detail != detail:
        _note(tx, enrolment.patient_id, LogKind.ZONE_UNKNOWN, detail, by=PLANNER, now=now)
    if good is None:
        return None
    people.set_zone(tx, enrolment.patient_id, good)
    return _in_zone(enrolment, good)


def _in_zone(enrolment: Enrolment, name: str) -> Enrolment:
    return replace(enrolment, zone=name)


def move_to_zone(
    tx: WriteTx, patient_id: UUID, zone_name: str, *, now: datetime, by: str = "phone"
) -> None:
    """Let the patient live in another zone from now on, and re-plan what is not sent."""
    before = people.zones_of(tx, [patient_id]).get(patient_id)
    enrolment = schedules.lock_enrolment_of(tx, patient_id)
    people.set_zone(tx, patient_id, zone_name)
    if before != zone_name:
        detail = {"from": before, "to": zone_name}
        _note(tx, patient_id, LogKind.ZONE, detail, by=by, now=now)
    if enrolment is not None:
        replan(tx, bases_of(tx, [_in_zone(enrolment, zone_name)])[0], now=now)


def plan_welcome(tx: WriteTx, patient_id: UUID, *, now: datetime) -> bool:
    """Plan a first prompt for a phone that can be reached now, to prove that prompts do reach it.

    It asks for the first thing the protocol asks for. Returns False, planning nothing, in quiet
    hours, on a pause day, for a patient without an enrolment, and where an earlier one of the
    last `WELCOME_AGAIN` may have reached a phone or still will. It is a question like any other
    and counts for the cap: several phones in a row must not bring several. Each of them can ask
    for a test notification.
    """
    enrolment = schedules.lock_enrolment_of(tx, patient_id)
    if enrolment is None:
        return False
    basis = bases_of(tx, [enrolment])[0]
    at = now + WELCOME_AFTER
    today = basis.day_of(at)
    if basis.is_quiet(now) or basis.rules.paused(today) or _is_greeted(tx, enrolment, today, now):
        return False
    window = PlannedWindow(
        assignment=WELCOME,
        content=basis.protocol.assignments[0].content,
        local_date=today,
        window=windows.count_on(tx, enrolment.id, WELCOME, today),
        start_at=at,
        end_at=at + WELCOME_EXPIRES,
        slots=(at,),
        timing="fixed",
        expires_after=WELCOME_EXPIRES,
        within=WELCOME_EXPIRES,
    )
    return windows.add_windows(tx, [stored(basis, window)]) == 1


def _is_greeted(tx: ReadTx, enrolment: Enrolment, today: date, now: datetime) -> bool:
    """Return whether a first prompt lately left for a phone, as far as is known, or still may."""
    lately = windows.windows_from(tx, enrolment.id, today - timedelta(days=2))
    return any(
        now < (one.end_at if one.state in UNSENT else one.start_at + WELCOME_AGAIN)
        for one in lately
        if one.assignment == WELCOME and one.state in UNSENT | _MAY_BE_OUT
    )


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

    The patient's own rules and milestones count as they do when it is published. Stores nothing.
    Raises ProtocolFaults and NotFound.
    """
    protocol = parse_protocol(document, known_content=known_content)
    with db.read() as tx:
        basis = replace(basis_for(tx, patient_id), protocol=protocol)
    coming = [basis.day_of(now) + timedelta(days=ahead) for ahead in range(1, days + 1)]
    return [(day, basis.plan(day)) for day in coming]


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
        basis = locked_basis(tx, patient_id)
        current = basis.version
        if current.version != expected_version:
            raise StaleVersion(expected_version, current.version)
        version = ProtocolVersion(
            protocol_id=current.protocol_id,
            version=current.version + 1,
            document=dump_protocol(protocol),
            created_by=by,
            created_at=now,
        )
        schedules.add_version(tx, version)
        _note(tx, patient_id, LogKind.PROTOCOL, {"version": version.version}, by=by, now=now)
        replan(tx, replace(basis, version=version, protocol=protocol), now=now)
    return version


def protocol_for(db: Database, patient_id: UUID) -> tuple[Enrolment, list[ProtocolVersion]]:
    """Return the patient's enrolment and all versions of its protocol, newest first."""
    with db.read() as tx:
        enrolment = basis_for(tx, patient_id).enrolment
        return enrolment, schedules.versions(tx, enrolment.protocol_id)


def _note(
    tx: WriteTx,
    patient_id: UUID,
    kind: LogKind,
    detail: Mapping[str, object],
    *,
    by: str,
    now: datetime,
) -> None:
    entry = LogEntry(patient_id=patient_id, at=now, by=by, kind=kind, detail=dict(detail))
    schedule_log.add_entries(tx, [entry])
