"""What devices hold: the windows of the coming two days, for when they are off line."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.commands.basis import basis_for
from engine.prompt import UNSENT
from engine.records import Device, HeldSchedule, StoredWindow
from engine.store import Database, held, rules, windows

HOURS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingWindow:
    """A window to come: `due_at` once it is drawn, and the first instant too late for it."""

    id: UUID
    assignment: str
    content_id: str
    start_at: datetime
    end_at: datetime
    due_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A device's share of the schedule, and which versions it comes from."""

    version: int
    rules_version: int
    until: datetime
    windows: tuple[ComingWindow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSchedule:
    """What a device holds, and whether that is the schedule as it stands."""

    held: HeldSchedule
    is_current: bool


def upcoming(db: Database, device: Device, *, now: datetime, hours: int = HOURS) -> Coming:
    """Return the windows of the next hours, oldest first, and note that the device holds them.

    Whether a prompt comes at all may be left to chance until it is drawn. Raises NotFound.
    """
    until = now + timedelta(hours=hours)
    with db.write() as tx:
        basis = basis_for(tx, device.patient_id)
        rules_version = rules.current_version(tx, device.patient_id)
        found = windows.windows_from(tx, basis.enrolment.id, now.date() - timedelta(days=2))
        held.note_schedule(
            tx, device.id, version=basis.version.version, rules_version=rules_version, now=now
        )
    coming = [_coming(window) for window in found if _is_to_come(window)]
    return Coming(
        version=basis.version.version,
        rules_version=rules_version,
        until=until,
        windows=tuple(
            sorted(
                (one for one in coming if one.start_at < until and one.expires_at > now),
                key=lambda one: (one.start_at, one.assignment, one.id),
            )
        ),
    )


def held_by_devices(db: Database, patient_id: UUID) -> list[DeviceSchedule]:
    """Return for each of the patient's devices in use which schedule it holds. Raises NotFound."""
    with db.read() as tx:
        basis = basis_for(tx, patient_id)
        now_valid = (basis.version.version, rules.current_version(tx, patient_id))
        return [
            DeviceSchedule(held=one, is_current=(one.version, one.rules_version) == now_valid)
            for one in held.held(tx, patient_id)
        ]


def _is_to_come(window: StoredWindow) -> bool:
    return window.state in UNSENT


def _coming(window: StoredWindow) -> ComingWindow:
    last = window.due_at or window.slots[-1]
    return ComingWindow(
        id=window.id,
        assignment=window.assignment,
        content_id=window.content_id,
        start_at=window.start_at,
        end_at=window.end_at,
        due_at=window.due_at,
        expires_at=last + window.expires_after,
    )
