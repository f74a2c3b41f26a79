"""Repository of planned windows, up to the draw of their slot."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select, update

from engine.prompt import UNSENT, State
from engine.records import StoredWindow
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

ONE_DAY = timedelta(days=1)


def add_windows(tx: WriteTx, windows: Iterable[StoredWindow]) -> int:
    """Store planned windows whose slot key is new and return how many those were.

    A key that is there already, sent or not, is left as it is: no slot comes twice.
    """
    rows = [_window_row(window) for window in windows]
    known: set[UUID] = set()
    for start in range(0, len(rows), 500):
        ids = [row["id"] for row in rows[start : start + 500]]
        known |= set(
            tx.conn.execute(select(tables.Prompt.id).where(tables.Prompt.id.in_(ids))).scalars()
        )
    new = [row for row in rows if row["id"] not in known]
    if new:
        tx.conn.execute(insert(tables.Prompt), new)
    return len(new)


def count_on(tx: ReadTx, enrolment_id: UUID, assignment: str, day: date) -> int:
    """Return how many windows an assignment has on a local date."""
    prompts = tables.Prompt
    return tx.conn.execute(
        select(func.count()).where(
            prompts.enrolment_id == enrolment_id,
            prompts.assignment == assignment,
            prompts.local_date == day,
        )
    ).scalar_one()


def windows_from(tx: ReadTx, enrolment_id: UUID, first: date) -> list[StoredWindow]:
    """Return all windows of an enrolment from a local date on."""
    return _windows(
        tx,
        _stored().where(
            tables.Prompt.enrolment_id == enrolment_id, tables.Prompt.local_date >= first
        ),
    )


def drop_undecided(tx: WriteTx, ids: Sequence[UUID]) -> None:
    """Remove windows that are nothing but plan: no draw was made for them."""
    prompts = tables.Prompt
    tx.conn.execute(
        delete(prompts).where(
            prompts.id.in_(ids), prompts.state == State.PLANNED, prompts.decided_at.is_(None)
        )
    )


def cancel_unsent(tx: WriteTx, ids: Sequence[UUID], reason: str, *, now: datetime) -> None:
    """End prompts that were drawn but not sent."""
    prompts = tables.Prompt
    tx.conn.execute(
        update(prompts)
        .where(prompts.id.in_(ids), prompts.state.in_(UNSENT))
        .values(state=State.CANCELLED, reason=reason, closed_at=now)
    )


def undecided(tx: WriteTx, *, before: datetime, limit: int) -> list[StoredWindow]:
    """Return windows that open before `before` and have no draw yet, oldest first.

    They and their enrolments stay locked until the transaction ends: two workers that drew for one
    patient at the same time would not know of each other's slots.
    """
    prompts = tables.Prompt
    query = (
        _stored()
        .where(
            tables.UNDECIDED,
            prompts.start_at <= before,
        )
        .order_by(prompts.start_at, prompts.enrolment_id, prompts.assignment)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=[prompts, tables.Enrolment])
    )
    return _windows(tx, query)


def taken_instants(
    tx: ReadTx, enrolment_ids: Sequence[UUID], *, since: datetime, until: datetime
) -> dict[UUID, list[datetime]]:
    """Return for each enrolment the instants near which no further prompt may fall.

    These are drawn and sent prompts, and fixed ones that are still to come.
    """
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(prompts.enrolment_id, func.coalesce(prompts.sent_at, prompts.due_at).label("at"))
        .where(
            prompts.enrolment_id.in_(enrolment_ids),
            # Local dates only narrow the search; zones are at most a day apart from UTC.
            prompts.local_date.between(since.date() - ONE_DAY, until.date() + ONE_DAY),
            prompts.due_at.between(since, until),
            (prompts.sent_at.is_not(None))
            | prompts.state.not_in([State.EXPIRED, State.CANCELLED, State.FAILED]),
        )
        .order_by("at")
    )
    found: dict[UUID, list[datetime]] = {}
    for row in rows:
        found.setdefault(row.enrolment_id, []).append(row.at)
    return found


def _stored() -> Select[*tuple[Any, ...]]:
    return select(tables.Prompt, tables.Enrolment.seed, tables.Enrolment.control_share).join(
        tables.Enrolment, tables.Enrolment.id == tables.Prompt.enrolment_id
    )


def _windows(tx: ReadTx, query: Select[*tuple[Any, ...]]) -> list[StoredWindow]:
    return [_window(row) for row in tx.conn.execute(query)]


def _window_row(window: StoredWindow) -> dict[str, Any]:
    return {
        "id": window.id,
        "enrolment_id": window.enrolment_id,
        "patient_id": window.patient_id,
        "protocol_id": window.protocol_id,
        "protocol_version": window.protocol_version,
        "zone": window.zone,
        "assignment": window.assignment,
        "content_id": window.content_id,
        "local_date": window.local_date,
        "window": window.window,
        "start_at": window.start_at,
        "end_at": window.end_at,
        "slots": [int(slot.timestamp()) for slot in window.slots],
        "timing": window.timing,
        "objective": window.objective,
        "representative": window.representative,
        "within_seconds": int(window.within.total_seconds()),
        "expires_after_seconds": int(window.expires_after.total_seconds()),
        "state": window.state,
        "due_at": window.due_at,
    }


def _window(row: AnyRow) -> StoredWindow:
    return StoredWindow(
        id=row.id,
        enrolment_id=row.enrolment_id,
        patient_id=row.patient_id,
        protocol_id=row.protocol_id,
        protocol_version=row.protocol_version,
        zone=row.zone,
        assignment=row.assignment,
        content_id=row.content_id,
        local_date=row.local_date,
        window=row.window,
        start_at=row.start_at,
        end_at=row.end_at,
        slots=tuple(datetime.fromtimestamp(slot, UTC) for slot in row.slots),
        timing=row.timing,
        objective=row.objective,
        representative=row.representative,
        within=timedelta(seconds=row.within_seconds),
        expires_after=timedelta(seconds=row.expires_after_seconds),
        state=row.state,
        decided_at=row.decided_at,
        due_at=row.due_at,
        seed=row.seed,
        control_share=row.control_share,
    )
