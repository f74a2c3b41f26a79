"""Planned windows to rows of `prompts` and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from engine.prompt import PromptKind
from engine.records import StoredWindow
from engine.store import tables
from engine.store.database import ReadTx
from engine.store.types import AnyRow


def stored_windows() -> Select[*tuple[Any, ...]]:
    """Return a query for windows with what their draws need of the enrolment; no repeats."""
    return (
        select(tables.Prompt, tables.Enrolment.seed, tables.Enrolment.control_share)
        .join(tables.Enrolment, tables.Enrolment.id == tables.Prompt.enrolment_id)
        .where(tables.Prompt.kind == PromptKind.PROMPT)
    )


def read_windows(tx: ReadTx, query: Select[*tuple[Any, ...]]) -> list[StoredWindow]:
    """Return the windows that such a query finds."""
    return [_window(row) for row in tx.conn.execute(query)]


def window_row(window: StoredWindow) -> dict[str, Any]:
    """Return the columns of `prompts` for a window."""
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
        "within_seconds": _seconds(window.within),
        "expires_after_seconds": _seconds(window.expires_after),
        "state": window.state,
        "due_at": window.due_at,
        "probability": window.probability,
        "number": window.number,
        "remaining": window.remaining,
        "gap_seconds": _seconds(window.gap),
        "priority": window.priority,
        "reminders": [_seconds(wait) for wait in window.reminders],
        "phase": window.phase,
        "cause_id": window.cause_id,
        "tzdata": window.tzdata,
        "offset_seconds": None if window.offset is None else _seconds(window.offset),
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
        slots=tuple([datetime.fromtimestamp(slot, UTC) for slot in row.slots]),
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
        probability=row.probability,
        number=row.number,
        remaining=row.remaining,
        gap=timedelta(seconds=row.gap_seconds),
        priority=row.priority,
        reminders=tuple([timedelta(seconds=wait) for wait in row.reminders]),
        phase=row.phase,
        cause_id=row.cause_id,
        tzdata=row.tzdata,
        offset=None if row.offset_seconds is None else timedelta(seconds=row.offset_seconds),
    )


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())
