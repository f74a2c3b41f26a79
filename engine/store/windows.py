"""Repository of planned windows, up to the draw of their slot.

Reminders and snoozes are rows of the same table; here they only appear where their prompt ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Update, delete, func, insert, select, update

from engine.batches import batches
from engine.prompt import UNSENT, PromptKind, Reason, State
from engine.records import StoredWindow
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.window_rows import read_windows, stored_windows, window_row

_SOME = 500
"""How many ids are asked for at once: databases limit the values of a statement."""


def add_windows(tx: WriteTx, windows: Iterable[StoredWindow]) -> int:
    """Store planned windows whose slot key is new and return how many those were.

    A key that is there already, sent or not, is left as it is: no slot comes twice.
    """
    rows = [window_row(window) for window in windows]
    known: set[UUID] = set()
    for ids in batches([row["id"] for row in rows], _SOME):
        known |= set(
            tx.conn.execute(select(tables.Prompt.id).where(tables.Prompt.id.in_(ids))).scalars()
        )
    new = [row for row in rows if row["id"] not in known]
    if new:
        tx.conn.execute(insert(tables.Prompt), new)
    return len(new)


def add_started(tx: WriteTx, window: StoredWindow, *, expires_at: datetime) -> None:
    """Store a prompt that the patient started: it is there at once, and was never sent."""
    row = {**window_row(window), "state": State.ACCEPTED, "expires_at": expires_at}
    tx.conn.execute(insert(tables.Prompt).values(row))


def count_on(tx: ReadTx, enrolment_id: UUID, assignment: str, day: date) -> int:
    """Return how many windows an assignment has on a local date."""
    prompts = tables.Prompt
    return tx.conn.execute(
        select(func.count()).where(
            prompts.enrolment_id == enrolment_id,
            prompts.assignment == assignment,
            prompts.local_date == day,
            prompts.kind == PromptKind.PROMPT,
        )
    ).scalar_one()


def windows_from(tx: ReadTx, enrolment_id: UUID, first: date) -> list[StoredWindow]:
    """Return all windows of an enrolment from a local date on."""
    return read_windows(
        tx,
        stored_windows().where(
            tables.Prompt.enrolment_id == enrolment_id, tables.Prompt.local_date >= first
        ),
    )


def unsent_windows(
    tx: ReadTx, enrolment_ids: Sequence[UUID], first: date
) -> dict[UUID, list[StoredWindow]]:
    """Return for each enrolment its windows of which nothing was sent, from a local date on."""
    prompts = tables.Prompt
    found: dict[UUID, list[StoredWindow]] = {}
    for ids in batches(enrolment_ids, _SOME):
        query = stored_windows().where(
            prompts.enrolment_id.in_(ids),
            prompts.local_date >= first,
            prompts.state.in_(UNSENT),
            prompts.sent_at.is_(None),
        )
        for window in read_windows(tx, query):
            found.setdefault(window.enrolment_id, []).append(window)
    return found


def windows_by_id(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, StoredWindow]:
    """Return the windows with these ids."""
    found = read_windows(tx, stored_windows().where(tables.Prompt.id.in_(ids))) if ids else []
    return {window.id: window for window in found}


def drop_undecided(tx: WriteTx, ids: Sequence[UUID]) -> None:
    """Remove windows that are nothing but plan: no draw was made for them."""
    prompts = tables.Prompt
    for some in batches(ids, _SOME):
        tx.conn.execute(
            delete(prompts).where(
                prompts.id.in_(some), prompts.state == State.PLANNED, prompts.decided_at.is_(None)
            )
        )


def cancel_unsent(tx: WriteTx, ids: Sequence[UUID], reason: str, *, now: datetime) -> None:
    """End prompts that were drawn but not sent, and with them their reminders."""
    for some in batches(ids, _SOME):
        ended = tx.conn.execute(
            _cancelled(reason, now)
            .where(tables.Prompt.id.in_(some), tables.Prompt.sent_at.is_(None))
            .returning(tables.Prompt.id)
        ).scalars()
        cancel_repeats(tx, list(ended), Reason.PARENT_UNSENT, now=now)


def cancel_repeats(tx: WriteTx, parent_ids: Sequence[UUID], reason: str, *, now: datetime) -> None:
    """End the reminders and snoozes of these prompts that have not left yet.

    One that a worker holds at this moment is left to it: it looks at the prompt before it sends.
    """
    if not parent_ids:
        return
    prompts = tables.Prompt
    waiting = tx.conn.execute(
        select(prompts.id)
        .where(
            prompts.parent_id.in_(parent_ids),
            prompts.state.in_(UNSENT),
            prompts.sent_at.is_(None),
        )
        .with_for_update(skip_locked=True)
    ).scalars()
    ids = list(waiting)
    if ids:
        tx.conn.execute(_cancelled(reason, now).where(prompts.id.in_(ids)))


def _cancelled(reason: str, now: datetime) -> Update:
    prompts = tables.Prompt
    return (
        update(prompts)
        .where(prompts.state.in_(UNSENT))
        .values(state=State.CANCELLED, reason=reason, closed_at=now, next_try_at=None)
    )


def undecided(tx: WriteTx, *, before: datetime, limit: int) -> list[StoredWindow]:
    """Return windows that open before `before` and have no draw yet, oldest first.

    Of those that open together the ones with precedence come first, and the prompts of one window
    in their order. They and their enrolments stay locked until the transaction ends: two workers
    that drew for one patient at the same time would not know of each other's slots.
    """
    prompts = tables.Prompt
    query = (
        stored_windows()
        .where(
            tables.UNDECIDED,
            prompts.start_at <= before,
        )
        .order_by(
            prompts.start_at,
            prompts.enrolment_id,
            prompts.priority,
            prompts.assignment,
            prompts.local_date,
            prompts.window,
        )
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=[prompts, tables.Enrolment])
    )
    return read_windows(tx, query)


def undecided_above(
    tx: ReadTx,
    enrolment_ids: Sequence[UUID],
    *,
    priority: int,
    days: tuple[date, date],
) -> list[StoredWindow]:
    """Return undrawn windows of these dates whose priority number is smaller than `priority`."""
    prompts = tables.Prompt
    query = stored_windows().where(
        prompts.enrolment_id.in_(enrolment_ids),
        prompts.local_date.between(*days),
        prompts.state == State.PLANNED,
        prompts.decided_at.is_(None),
        prompts.priority < priority,
    )
    return read_windows(tx, query)


def move_instants(tx: WriteTx, window: StoredWindow, *, expires_at: datetime | None) -> None:
    """Store the instants of a window that was drawn and not sent, as they are by newer rules."""
    prompts = tables.Prompt
    row = window_row(window)
    moved = {key: row[key] for key in ("start_at", "end_at", "slots", "due_at", "offset_seconds")}
    tx.conn.execute(
        update(prompts)
        .where(prompts.id == window.id, prompts.state.in_(UNSENT))
        .values(**moved, expires_at=expires_at)
    )


def set_expiry(tx: WriteTx, prompt_id: UUID, expires_at: datetime) -> None:
    """Let a prompt that was sent stay open until another instant."""
    prompts = tables.Prompt
    tx.conn.execute(update(prompts).where(prompts.id == prompt_id).values(expires_at=expires_at))


def set_reminders(tx: WriteTx, reminders: Mapping[UUID, Sequence[timedelta]]) -> None:
    """Note when prompts are to be repeated, in time after sending."""
    prompts = tables.Prompt
    for prompt_id, after in reminders.items():
        seconds = [int(wait.total_seconds()) for wait in after]
        tx.conn.execute(update(prompts).where(prompts.id == prompt_id).values(reminders=seconds))


def note_tzdata(tx: WriteTx, enrolment_ids: Sequence[UUID], release: str, *, first: date) -> None:
    """Note which release of the zone data the unsent windows from a local date on rest on."""
    prompts = tables.Prompt
    for ids in batches(enrolment_ids, _SOME):
        tx.conn.execute(
            update(prompts)
            .where(
                prompts.enrolment_id.in_(ids),
                prompts.local_date >= first,
                prompts.state.in_(UNSENT),
            )
            .values(tzdata=release)
        )
