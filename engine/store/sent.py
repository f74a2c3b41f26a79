"""Repository of what the dispatcher must know of before it sends: prompts that have left.

What the patient started without being asked, and reminders, count neither towards the daily cap
nor for the minimum gap.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, case, func, or_, select

from engine.delivery_records import NOTHING, Parent, Recent, Uncertain
from engine.prompt import PromptKind, State
from engine.store import tables
from engine.store.bulk import one_of
from engine.store.database import ReadTx, WriteTx

_prompts, _attempts = tables.Prompt, tables.Attempt
_INSTANT = _prompts.sent_at.type
_DAY = timedelta(hours=24)
_COUNTS = (
    or_(_prompts.sent_at.is_not(None), _prompts.state == State.SENDING),
    _prompts.kind == PromptKind.PROMPT,
    _prompts.timing != "patient_initiated",
)
LEFT_AT = func.coalesce(
    select(func.max(func.coalesce(_attempts.finished_at, _attempts.intended_at)))
    .where(
        _attempts.prompt_id == _prompts.id,
        or_(_attempts.outcome.is_(None), _attempts.outcome.in_(("accepted", "unknown"))),
    )
    .correlate(_prompts)
    .scalar_subquery(),
    _prompts.sent_at,
    type_=_INSTANT,
)
"""The last instant at which a prompt may have left for a phone.

`sent_at` is the first, and says too little for gaps: what was sent again after an unclear answer,
or by a worker that stood still between intent and first byte, may be shown much later.
"""
_LATELY = bindparam("day_ago", type_=_INSTANT) < LEFT_AT
_RECENT = (
    select(
        _prompts.enrolment_id,
        _prompts.local_date,
        func.count().label("n"),
        func.max(LEFT_AT).label("last_at"),
        func.sum(case((_LATELY, 1), else_=0)).label("in_24h"),
        func.min(case((_LATELY, _prompts.zone))).label("zone"),
        func.max(case((_LATELY, _prompts.zone))).label("other_zone"),
    )
    .where(
        one_of(_prompts.enrolment_id, "enrolments"),
        _prompts.local_date >= bindparam("since"),
        *_COUNTS,
    )
    .group_by(_prompts.enrolment_id, _prompts.local_date)
)
_UNCERTAIN = (
    select(_attempts.prompt_id, _attempts.device_id)
    .where(
        one_of(_attempts.prompt_id, "prompts"),
        or_(_attempts.outcome.is_(None), _attempts.outcome == "unknown"),
    )
    .order_by(_attempts.prompt_id, _attempts.attempt)
)
_PARENTS = select(
    _prompts.id,
    _prompts.state,
    _prompts.due_at,
    _prompts.sent_at,
    _prompts.answered_at,
    _prompts.declined_at,
).where(one_of(_prompts.id, "prompts"))
_FREE = (
    select(tables.Enrolment.id)
    .where(one_of(tables.Enrolment.id, "enrolments"))
    .order_by(tables.Enrolment.id)
    .with_for_update(key_share=True, skip_locked=True)
)


def lock_free(tx: WriteTx, enrolment_ids: Sequence[UUID]) -> set[UUID]:
    """Lock those enrolments nobody else is at work on, until the transaction ends; return them.

    It never waits, so a worker that was stopped while it held some does not hold up the others.
    On SQLite every write transaction is alone anyway.
    """
    if tx.conn.dialect.name == "sqlite":
        return set(enrolment_ids)
    return set(tx.conn.execute(_FREE, {"enrolments": list(enrolment_ids)}).scalars().all())


def recent(
    tx: ReadTx, enrolment_ids: Sequence[UUID], *, now: datetime, since: date
) -> dict[UUID, Recent]:
    """Return for each enrolment when something was last sent, and how much lately.

    Looks at prompts of the local dates from `since` on. One that is being sent counts as sent.
    """
    given = {"enrolments": list(enrolment_ids), "since": since, "day_ago": now - _DAY}
    found: dict[UUID, Recent] = {}
    for row in tx.conn.execute(_RECENT, given).all():
        before = found.get(row.enrolment_id, NOTHING)
        found[row.enrolment_id] = Recent(
            last_at=max(before.last_at, row.last_at),
            in_24h=before.in_24h + row.in_24h,
            zones=before.zones | ({row.zone, row.other_zone} - {None}),
            on={**before.on, row.local_date: row.n},
        )
    return found


def uncertain(tx: ReadTx, prompt_ids: Sequence[UUID]) -> dict[UUID, Uncertain]:
    """Return for each prompt how many attempts may have been delivered, and the last one's phone.

    Prompts without such an attempt are left out.
    """
    if not prompt_ids:
        return {}
    found: dict[UUID, Uncertain] = {}
    for row in tx.conn.execute(_UNCERTAIN, {"prompts": list(prompt_ids)}):
        before = found.get(row.prompt_id)
        found[row.prompt_id] = Uncertain(
            attempts=1 + (before.attempts if before else 0), device_id=row.device_id
        )
    return found


def parents(tx: ReadTx, prompt_ids: Sequence[UUID]) -> dict[UUID, Parent]:
    """Return the prompts with these ids as their reminders need to know them."""
    if not prompt_ids:
        return {}
    return {
        row.id: Parent(
            id=row.id,
            state=State(row.state),
            due_at=row.due_at,
            sent_at=row.sent_at,
            answered=row.answered_at is not None,
            declined=row.declined_at is not None,
        )
        for row in tx.conn.execute(_PARENTS, {"prompts": list(prompt_ids)})
    }
