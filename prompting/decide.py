"""Drawing a slot for each window that is about to open, and committing the draw.

Availability is settled first and apart from chance (`room`); then one matrix of propensities is
computed for the whole batch; then each window is drawn from its own seed (`drawing`). Decision, due
and expiry instants and the reminders are committed together, before anything is sent, and are
never drawn again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from engine.localtime import zone
from engine.records import Decision, StoredWindow
from engine.repeats import reminders_of
from engine.store import Database, WriteTx, decisions, repeats, windows
from engine.store.declared import declared_hours
from prompting.drawing import Policies, draw_slots
from prompting.features import Around, local_hour
from prompting.room import Scene, look

__all__ = ["LEAD", "Policies", "decide", "draw_slots"]

LEAD = timedelta(minutes=5)
"""How long before a window opens its slot is drawn."""
BATCH = 5_000


def decide(db: Database, policies: Policies, *, now: datetime) -> int:
    """Draw every window that opens within the lead and return how many were drawn."""
    with db.write() as tx:
        waiting = windows.undecided(tx, before=now + LEAD, limit=BATCH)
        drawn = 0
        for batch in _one_per_enrolment(waiting):
            drawn += _decide_batch(tx, batch, policies, now)
    return drawn


def _one_per_enrolment(waiting: Sequence[StoredWindow]) -> list[list[StoredWindow]]:
    """Split so that no batch has two windows of one enrolment: each must know the draw before."""
    rounds: list[list[StoredWindow]] = []
    seen: dict[UUID, int] = {}
    for window in waiting:
        place = seen.get(window.enrolment_id, 0)
        seen[window.enrolment_id] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(window)
    return rounds


def _decide_batch(
    tx: WriteTx, batch: Sequence[StoredWindow], policies: Policies, now: datetime
) -> int:
    scene = look(tx, batch)
    rooms = [(window, scene.room(window, now)) for window in batch]
    ended = {window.id: room.end for window, room in rooms if room.end is not None}
    decisions.end_undecided(tx, ended, now=now)
    kept = [(window, room.available) for window, room in rooms if room.end is None]
    if not kept:
        return 0
    chosen = [window for window, _ in kept]
    around = _around(tx, chosen, scene)
    drawn = draw_slots(chosen, [mask for _, mask in kept], policies, now=now, around=around)
    expiries = {
        window.id: decision.slots[decision.chosen] + window.expires_after
        for window, decision in zip(chosen, drawn, strict=True)
    }
    decisions.add_decisions(tx, drawn, expiries)
    _add_reminders(tx, chosen, drawn, expiries, now)
    return len(drawn)


def _around(tx: WriteTx, batch: Sequence[StoredWindow], scene: Scene) -> list[Around]:
    """Return what is known of each window beside the clock."""
    declared = declared_hours(tx, {window.patient_id for window in batch})
    return [Around(declared.get(window.patient_id), _last_hour(window, scene)) for window in batch]


def _last_hour(window: StoredWindow, scene: Scene) -> float | None:
    """Return the hour of the prompt before the window on its local date, None for the first."""
    before = [
        one.at
        for one in scene.taken.get(window.enrolment_id, [])
        if one.settled and one.at < window.start_at and one.prompt_id != window.id
    ]
    if not before or max(before).astimezone(zone(window.zone)).date() != window.local_date:
        return None
    return local_hour(max(before), window.zone)


def _add_reminders(
    tx: WriteTx,
    chosen: Sequence[StoredWindow],
    drawn: Sequence[Decision],
    expiries: dict[UUID, datetime],
    now: datetime,
) -> None:
    """Store the reminders with the draw, so that none is lost whoever sends the prompt."""
    added = [
        (window, reminder)
        for window, decision in zip(chosen, drawn, strict=True)
        if decision.prompted
        for reminder in reminders_of(
            window.id,
            window.reminders,
            due_at=decision.slots[decision.chosen],
            expires_at=expiries[window.id],
        )
    ]
    if added:
        repeats.add_repeats(tx, added, now=now)
