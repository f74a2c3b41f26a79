"""New zone data: putting right what was planned by the old, in one transaction.

Governments change their clocks at short notice. When the `tzdata` package is replaced, every
future instant that is not sent is worked out again from its local time; what moves is logged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.batches import batches
from engine.commands.basis import Basis, bases_of
from engine.commands.replanning import UNPLANNED, WELCOME, windows_of
from engine.localtime import tzdata_version, zone_names
from engine.records import Enrolment, LogEntry, LogKind, StoredWindow
from engine.repeats import reminders_of
from engine.store import Database, WriteTx, meta, repeats, schedule_log, schedules, windows

BY = "zone data"
GONE = "the clocks change: this time does not exist any more"
AT_ONCE = 100
"""How many enrolments are worked out between two looks into the database.

PostgreSQL ends a transaction that is idle for some seconds.
"""
_LONGEST_DAY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Move:
    """A window that is at other instants by the new zone data; `after` None if at none."""

    before: StoredWindow
    after: StoredWindow | None


def follow_tzdata(db: Database, *, now: datetime) -> int:
    """Re-derive all unsent instants if the zone data are others than last time; return the moves.

    What was sent is untouched, draws are kept: a drawn slot moves with its window. Running it
    again does nothing. Prompts after an event are so long after it, whatever the clocks do.
    """
    release = tzdata_version()
    with db.read() as tx:
        if meta.fact(tx, meta.TZDATA) == release:
            return 0
    with db.write() as tx:
        before = meta.fact(tx, meta.TZDATA)
        if before == release:
            return 0  # another worker was first
        moved = _rederive(tx, release, before, now)
        meta.note(tx, meta.TZDATA, release)
    return moved


def _rederive(tx: WriteTx, release: str, before: str | None, now: datetime) -> int:
    known = zone_names()
    enrolments = [one for one in schedules.running(tx) if one.zone in known]
    ids = [one.id for one in enrolments]
    schedules.lock_enrolments(tx, ids)
    first = now.date() - _LONGEST_DAY
    moves = [
        move for some in batches(enrolments, AT_ONCE) for move in _moves_among(tx, some, first, now)
    ]
    windows.drop_undecided(tx, [m.before.id for m in moves if m.before.decided_at is None])
    windows.add_windows(tx, [m.after for m in moves if m.after and m.before.decided_at is None])
    _move_drawn(tx, [m for m in moves if m.before.decided_at is not None], now)
    schedule_log.add_entries(tx, [_entry(move, before, release, now) for move in moves])
    windows.note_tzdata(tx, ids, release, first=first)
    return len(moves)


def _moves_among(
    tx: WriteTx, enrolments: Sequence[Enrolment], first: date, now: datetime
) -> list[_Move]:
    unsent = windows.unsent_windows(tx, [one.id for one in enrolments], first)
    return [
        move
        for basis in bases_of(tx, [one for one in enrolments if one.id in unsent])
        for move in _moves(basis, unsent[basis.enrolment.id], now)
    ]


def _moves(basis: Basis, unsent: list[StoredWindow], now: datetime) -> Iterator[_Move]:
    planned = [w for w in unsent if w.timing not in UNPLANNED and w.assignment != WELCOME]
    if not planned:
        return
    first = min(window.local_date for window in planned)
    days = (max(window.local_date for window in planned) - first).days + 1
    wanted = {window.id: window for window in windows_of(basis, first, days, now)}
    for window in planned:
        found = wanted.get(window.id)
        if found is None:
            if window.slots[-1] > now:
                yield _Move(window, None)
        elif _instants(window) != _instants(found):
            yield _Move(window, _as_drawn(window, found))


def _instants(window: StoredWindow) -> tuple[object, ...]:
    return window.start_at, window.end_at, window.slots


def _as_drawn(window: StoredWindow, found: StoredWindow) -> StoredWindow | None:
    """Return the window at its new instants, a slot that was drawn at its own; None if it went."""
    if window.decided_at is None or window.due_at is None:
        return replace(found, protocol_version=window.protocol_version)
    if len(found.slots) != len(window.slots) or window.due_at not in window.slots:
        return None
    due_at = found.slots[window.slots.index(window.due_at)]
    return replace(
        window,
        start_at=found.start_at,
        end_at=found.end_at,
        slots=found.slots,
        due_at=due_at,
        offset=found.offset,
    )


def _move_drawn(tx: WriteTx, moves: list[_Move], now: datetime) -> None:
    gone: list[UUID] = [move.before.id for move in moves if move.after is None]
    windows.cancel_unsent(tx, gone, GONE, now=now)
    for window in [move.after for move in moves if move.after is not None]:
        if window.due_at is not None:
            expires_at = window.due_at + window.expires_after
            windows.move_instants(tx, window, expires_at=expires_at)
            repeats.drop_reminders(tx, [window.id])
            again = reminders_of(
                window.id, window.reminders, due_at=window.due_at, expires_at=expires_at
            )
            repeats.add_repeats(tx, [(window, reminder) for reminder in again], now=now)


def _entry(move: _Move, before: str | None, release: str, now: datetime) -> LogEntry:
    detail = {
        "from": before,
        "to": release,
        "zone": move.before.zone,
        "assignment": move.before.assignment,
        "was_at": move.before.start_at.isoformat(),
    }
    if move.after is not None:
        detail["is_at"] = move.after.start_at.isoformat()
    return LogEntry(
        patient_id=move.before.patient_id,
        at=now,
        by=BY,
        kind=LogKind.TZDATA_ENDED if move.after is None else LogKind.TZDATA_MOVED,
        detail=detail,
        prompt_id=move.before.id,
    )
