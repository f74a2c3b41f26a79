"""Repository of what phones report: open prompts, receipts, responses."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, insert, or_, select, update

from engine.prompt import PromptKind, State
from engine.records import PATIENT_INITIATED, Answered, OpenPrompt, SentPrompt
from engine.store import tables
from engine.store.by_patient import of_patient
from engine.store.database import ReadTx, WriteTx

_REACHED = (State.ACCEPTED, State.UNKNOWN, State.SENDING)
LONGEST_OPEN = timedelta(days=3)
"""More than the longest expiry and the farthest zones together."""
_MILESTONES = {
    "delivered": "delivered_at",
    "shown": "shown_at",
    "opened": "opened_at",
    "dismissed": "dismissed_at",
}

# Phones call these on every prompt, so the statements are built once: building and hashing them
# anew cost as much as running them.
_prompts, _receipts, _responses = tables.Prompt, tables.Receipt, tables.Response
_INSTANT = _prompts.sent_at.type
_STARTED = _prompts.timing == PATIENT_INITIATED
_IS_THERE = or_(_prompts.attempts > 0, _STARTED)

_OPEN = (
    select(
        _prompts.id,
        _prompts.content_id,
        func.coalesce(_prompts.sent_at, _prompts.due_at, type_=_INSTANT).label("sent_at"),
        _prompts.expires_at,
    )
    .where(
        of_patient(bindparam("patient")),
        _prompts.local_date >= bindparam("since"),
        _prompts.state.in_(_REACHED),
        _prompts.expires_at > bindparam("now"),
        _prompts.answered_at.is_(None),
        _prompts.declined_at.is_(None),
        _prompts.kind == PromptKind.PROMPT,
    )
    .order_by(_prompts.due_at)
)
_TO_ANSWER = (
    select(_prompts)
    .where(
        _prompts.id == bindparam("prompt"),
        _prompts.patient_id == bindparam("patient"),
        _prompts.kind != PromptKind.TEST,  # it asks nothing
        _IS_THERE,
    )
    .with_for_update()
)
_OWN = (
    select(
        _prompts.id,
        func.coalesce(_prompts.sent_at, _prompts.due_at, type_=_INSTANT).label("sent_at"),
    )
    .where(
        _prompts.id.in_(bindparam("prompts", expanding=True)),
        _prompts.patient_id == bindparam("patient"),
        _IS_THERE,
    )
    .order_by(_prompts.id)
    .with_for_update()
)
_KNOWN_RECEIPTS = select(_receipts.prompt_id, _receipts.kind).where(
    _receipts.prompt_id.in_(bindparam("prompts", expanding=True)),
    _receipts.device_id == bindparam("device"),
)
_ADD_RECEIPT = insert(_receipts)
_REACH = (
    update(_prompts)
    .where(_prompts.id == bindparam("prompt"))
    .values(
        {
            column: func.coalesce(getattr(_prompts, column), bindparam(kind, type_=_INSTANT))
            for kind, column in {
                **_MILESTONES,
                "answered": "answered_at",
            }.items()
        }
        # What the patient started was never sent.
        | {
            "sent_at": case(
                (_STARTED, _prompts.sent_at),
                else_=func.coalesce(_prompts.sent_at, bindparam("first", type_=_INSTANT)),
            )
        }
    )
)
_PROVEN = (
    update(_prompts)
    .where(
        _prompts.id == bindparam("prompt"),
        _prompts.state.in_((State.UNKNOWN, State.FAILED, State.EXPIRED)),
    )
    .values(state=State.ACCEPTED, reason=None, closed_at=None, next_try_at=None)
)
_RESPONSE = select(
    _responses.id,
    _responses.prompt_id,
    _responses.body_sha256,
    _responses.reply,
    _responses.patient_id,
).where(_responses.id == bindparam("response"))
_ADD_RESPONSE = insert(_responses)
_WEEK = select(
    func.count(_prompts.answered_at).label("answered"), func.count().label("sent")
).where(
    of_patient(bindparam("patient")),
    _prompts.local_date.between(bindparam("first"), bindparam("last")),
    _prompts.sent_at.is_not(None),
    _prompts.kind == PromptKind.PROMPT,
)
_DECLINE = (
    update(_prompts)
    .where(_prompts.id == bindparam("prompt"))
    .values(declined_at=bindparam("at"), closed_at=bindparam("at"))
)


def open_prompts(tx: ReadTx, patient_id: UUID, *, now: datetime) -> list[OpenPrompt]:
    """Return the prompts that were sent, are not answered and not yet expired, oldest first."""
    given = {"patient": patient_id, "now": now, "since": now.date() - LONGEST_OPEN}
    rows = tx.conn.execute(_OPEN, given)
    return [OpenPrompt(**row._mapping) for row in rows]


def open_started(
    tx: ReadTx, patient_id: UUID, assignment: str, *, now: datetime
) -> OpenPrompt | None:
    """Return what the patient started of an assignment and has not answered yet, if it is open."""
    given = {"patient": patient_id, "now": now, "since": now.date() - LONGEST_OPEN}
    query = _OPEN.where(_STARTED, _prompts.assignment == assignment)
    row = tx.conn.execute(query, given).first()
    return OpenPrompt(**row._mapping) if row else None


def prompt_for_answer(tx: WriteTx, patient_id: UUID, prompt_id: UUID) -> SentPrompt | None:
    """Return what answering needs to know of the patient's own prompt, if it was ever sent."""
    row = tx.conn.execute(_TO_ANSWER, {"prompt": prompt_id, "patient": patient_id}).one_or_none()
    if row is None:
        return None
    return SentPrompt(
        id=row.id,
        content_id=row.content_id,
        sent_at=row.sent_at or row.due_at,
        expires_at=row.expires_at,
        within=timedelta(seconds=row.within_seconds),
        answered_at=row.answered_at,
        assignment=row.assignment,
        timing=row.timing,
    )


def own_prompts(tx: WriteTx, patient_id: UUID, prompt_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return those of the ids that are prompts sent to this patient, and when they left."""
    rows = tx.conn.execute(_OWN, {"prompts": list(prompt_ids), "patient": patient_id})
    return {row.id: row.sent_at for row in rows}


def add_receipts(
    tx: WriteTx,
    device_id: UUID,
    receipts: Sequence[tuple[UUID, str, datetime, datetime]],
    *,
    now: datetime,
) -> int:
    """Store receipts (prompt, kind, instant, instant by the phone's clock); return the new ones.

    A receipt proves delivery: a prompt whose sending ended unknown or failed becomes accepted.
    """
    ids = list({receipt[0] for receipt in receipts})
    known = {
        (row.prompt_id, row.kind)
        for row in tx.conn.execute(_KNOWN_RECEIPTS, {"prompts": ids, "device": device_id})
    }
    new = {
        (prompt_id, kind): (at, device_at)
        for prompt_id, kind, at, device_at in receipts
        if (prompt_id, kind) not in known
    }
    if not new:
        return 0
    tx.conn.execute(
        _ADD_RECEIPT,
        [
            {
                "prompt_id": prompt_id,
                "device_id": device_id,
                "kind": kind,
                "happened_at": at,
                "device_at": device_at,
                "received_at": now,
            }
            for (prompt_id, kind), (at, device_at) in new.items()
        ],
    )
    milestones: dict[UUID, dict[str, datetime]] = {}
    for (prompt_id, kind), (at, _) in new.items():
        milestones.setdefault(prompt_id, {})[kind] = at
    for prompt_id, reached in milestones.items():
        _reach(tx, prompt_id, reached)
    return len(new)


def _reach(tx: WriteTx, prompt_id: UUID, reached: dict[str, datetime]) -> None:
    """Note the first instant of each milestone; each proves that the prompt was delivered."""
    first = min(reached.values())
    given = dict.fromkeys((*_MILESTONES, "answered")) | reached
    given["delivered"] = given["delivered"] or first
    tx.conn.execute(_REACH, {**given, "prompt": prompt_id, "first": first})
    tx.conn.execute(_PROVEN, {"prompt": prompt_id})


def mark_answered(tx: WriteTx, prompt_id: UUID, at: datetime, opened_at: datetime | None) -> None:
    """Note that a prompt was answered, which proves that it had arrived and was opened."""
    _reach(tx, prompt_id, {"answered": at, "opened": min(opened_at or at, at)})


def mark_declined(tx: WriteTx, prompt_id: UUID, at: datetime) -> None:
    """Note that the patient was not free, which proves that the prompt had arrived.

    Nothing is to be learned from its silence.
    """
    _reach(tx, prompt_id, {"dismissed": at})
    tx.conn.execute(_DECLINE, {"prompt": prompt_id, "at": at})


def response_by_id(tx: ReadTx, response_id: UUID) -> tuple[Answered, UUID] | None:
    """Return a stored response and whose it is."""
    row = tx.conn.execute(_RESPONSE, {"response": response_id}).one_or_none()
    if row is None:
        return None
    answered = Answered(
        id=row.id, prompt_id=row.prompt_id, body_sha256=row.body_sha256, reply=row.reply
    )
    return answered, row.patient_id


def add_response(tx: WriteTx, values: dict[str, Any]) -> None:
    """Store a response (columns of `responses`)."""
    tx.conn.execute(_ADD_RESPONSE, values)


def progress(tx: ReadTx, patient_id: UUID, first: date, last: date) -> tuple[int, int]:
    """Return how many prompts were answered and how many sent on the local dates given."""
    row = tx.conn.execute(_WEEK, {"patient": patient_id, "first": first, "last": last}).one()
    return row.answered, row.sent
