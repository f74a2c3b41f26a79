"""From what a schedule rests on to stored windows, and from an old plan to a new one.

What was sent, or ended, is never touched: a new plan replaces what is not sent yet, window by
window, by the difference between what is stored and what is wanted.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.commands.basis import Basis
from engine.localtime import tzdata_version
from engine.planning import PlannedWindow, prompt_id
from engine.prompt import UNSENT, State
from engine.records import EVENT, PATIENT_INITIATED, StoredWindow
from engine.repeats import reminders_of
from engine.store import ReadTx, WriteTx, repeats, windows
from engine.triggers import EventTrigger

WELCOME = "welcome"
"""Assignment of the first prompt of a newly enrolled phone."""
CHANGED = "the schedule was changed"
UNPLANNED = frozenset({EVENT, PATIENT_INITIATED})
"""Timings of prompts that come from what happens, not from a plan of days."""


def windows_of(basis: Basis, first: date, days: int, now: datetime) -> list[StoredWindow]:
    """Return the windows of so many local dates from `first` on that are not over yet."""
    plans = (basis.plan(first + timedelta(days=ahead)) for ahead in range(days))
    return [
        stored(basis, window) for plan in plans for window in plan.windows if window.slots[-1] > now
    ]


def stored(basis: Basis, window: PlannedWindow, *, cause_id: UUID | None = None) -> StoredWindow:
    """Return a window of the plan as it is stored before anything is drawn."""
    enrolment = basis.enrolment
    return StoredWindow(
        id=prompt_id(enrolment.id, window.assignment, window.local_date, window.window),
        enrolment_id=enrolment.id,
        patient_id=enrolment.patient_id,
        protocol_id=basis.version.protocol_id,
        protocol_version=basis.version.version,
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
        probability=window.probability,
        number=window.number,
        remaining=window.remaining,
        gap=window.gap,
        priority=window.priority,
        reminders=window.reminders,
        phase=window.phase,
        cause_id=cause_id,
        tzdata=tzdata_version(),
        offset=window.start_at.astimezone(basis.tz).utcoffset(),
    )


def replan(tx: WriteTx, basis: Basis, *, now: datetime) -> None:
    """Replace what is not sent of the days already planned by what the basis now asks for.

    A prompt whose slot is drawn keeps its draw if that instant is still allowed, with the
    reminders it has by the new plan; else it is cancelled.
    """
    enrolment = basis.enrolment
    today = max(basis.day_of(now), enrolment.first_day)
    standing = _standing(tx, enrolment.id, today, now)
    planned = [window for window in standing if window.timing not in UNPLANNED]
    wanted: dict[UUID, StoredWindow] = {}
    if enrolment.planned_through is not None:
        days = (enrolment.planned_through - today).days + 1
        wanted = {window.id: window for window in windows_of(basis, today, days, now)}
    undecided = [w for w in planned if w.decided_at is None and w.state == State.PLANNED]
    windows.drop_undecided(tx, [w.id for w in undecided if not same(w, wanted.get(w.id))])
    drawn = [w for w in planned if w.decided_at and w.state in UNSENT]
    keeping = {w.id for w in drawn if _still_allowed(basis, w, wanted.get(w.id))}
    refused = [w.id for w in drawn if w.id not in keeping]
    refused += [w.id for w in standing if w.timing == EVENT and not _still_asked(basis, w)]
    windows.cancel_unsent(tx, refused, CHANGED, now=now)
    _remind_anew(tx, [w for w in drawn if w.id in keeping], wanted, now)
    windows.add_windows(tx, wanted.values())


def _standing(tx: ReadTx, enrolment_id: UUID, today: date, now: datetime) -> list[StoredWindow]:
    """Return the windows that a new plan replaces: today's and later ones.

    A day may be over by the new zone while windows of it are still to come by the old one.
    """
    return [
        window
        for window in windows.windows_from(tx, enrolment_id, today - timedelta(days=1))
        if window.assignment != WELCOME and (window.local_date >= today or window.start_at > now)
    ]


def same(window: StoredWindow, wanted: StoredWindow | None) -> bool:
    """Return whether a stored window is just as it is wanted, whichever version it came from."""
    if wanted is None:
        return False
    as_written = replace(
        wanted, protocol_version=window.protocol_version, tzdata=window.tzdata, offset=window.offset
    )
    return window == as_written


def _still_allowed(basis: Basis, drawn: StoredWindow, wanted: StoredWindow | None) -> bool:
    if wanted is None or drawn.due_at is None or drawn.content_id != wanted.content_id:
        return False
    inside = wanted.start_at <= drawn.due_at < wanted.end_at or drawn.due_at in wanted.slots
    return inside and not basis.is_quiet(drawn.due_at)


def _still_asked(basis: Basis, window: StoredWindow) -> bool:
    """Return whether a prompt that an event brought may still come."""
    assignment = next((a for a in basis.protocol.assignments if a.id == window.assignment), None)
    return (
        assignment is not None
        and isinstance(assignment.trigger, EventTrigger)
        and assignment.content == window.content_id
        and assignment.id not in basis.rules.without
        and window.due_at is not None
        and not basis.is_quiet(window.due_at)
        and not basis.rules.paused(basis.day_of(window.due_at))
    )


def _remind_anew(
    tx: WriteTx, kept: Iterable[StoredWindow], wanted: dict[UUID, StoredWindow], now: datetime
) -> None:
    """Give prompts that keep their draw the reminders that the new plan has for them."""
    changed = [w for w in kept if w.due_at and w.reminders != wanted[w.id].reminders]
    if not changed:
        return
    repeats.drop_reminders(tx, [w.id for w in changed])
    windows.set_reminders(tx, {w.id: wanted[w.id].reminders for w in changed})
    for window in changed:
        if window.due_at is not None:
            expires_at = window.due_at + window.expires_after
            added = reminders_of(
                window.id, wanted[window.id].reminders, due_at=window.due_at, expires_at=expires_at
            )
            repeats.add_repeats(tx, [(window, reminder) for reminder in added], now=now)
