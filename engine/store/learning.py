"""Repository of proximal outcomes: what became known of each prompt, and what was made of it.

An outcome that is corrected keeps what it was first. So the model's knowledge at any moment is a
matter of record: an artifact, and the first outcomes that were taken in since it was made.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, func, insert, select, update

from engine.learning_records import JudgedPrompt, Outcome
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_ONE_ADDS = 0x6F7574  # any number of our own; PostgreSQL's advisory locks are told apart by it
_outcomes = tables.Outcome


def unclosed(tx: WriteTx, *, limit: int) -> list[dict[str, Any]]:
    """Return sent adaptive-window prompts whose outcome is not known yet, oldest first.

    Keys: id, patient_id, zone, local_date, due_at, sent_at, answered_at, within, state, arm and
    features, the last two of the draw.
    """
    prompts = tables.Prompt
    rows = tx.conn.execute(
        select(
            prompts.id,
            prompts.patient_id,
            prompts.zone,
            prompts.local_date,
            prompts.due_at,
            prompts.sent_at,
            prompts.answered_at,
            prompts.within_seconds,
            prompts.state,
            tables.Decision.arm,
            tables.Decision.features,
        )
        .join(tables.Decision, tables.Decision.prompt_id == prompts.id)
        .where(tables.UNLEARNED)
        .order_by(prompts.sent_at, prompts.id)
        .limit(limit)
        # An answer that is being stored at this moment must not be taken for a silence.
        .with_for_update(skip_locked=True, of=prompts)
    )
    return [{**row._mapping, "within": timedelta(seconds=row.within_seconds)} for row in rows]


def add_outcomes(tx: WriteTx, outcomes: Sequence[dict[str, Any]], *, now: datetime) -> int:
    """Store outcomes (columns of `outcomes` but seq and closed_at); the first of a prompt stands.

    Returns how many were new. Whoever adds outcomes is alone until it commits, or a later number
    could be seen before an earlier one and the earlier never be read.
    """
    if tx.conn.dialect.name == "postgresql":
        tx.conn.execute(select(func.pg_advisory_xact_lock(_ONE_ADDS)))
    ids = [outcome["prompt_id"] for outcome in outcomes]
    known = set(
        tx.conn.execute(select(_outcomes.prompt_id).where(_outcomes.prompt_id.in_(ids))).scalars()
    )
    new = [
        {**outcome, "first_y": outcome["y"], "closed_at": now}
        for outcome in outcomes
        if outcome["prompt_id"] not in known
    ]
    if new:
        tx.conn.execute(insert(_outcomes), new)
    close(tx, ids, now=now)
    return len(new)


def close(tx: WriteTx, prompt_ids: Sequence[UUID], *, now: datetime) -> None:
    """Note that nothing more is to be learned from these prompts."""
    if prompt_ids:
        tx.conn.execute(
            update(tables.Prompt).where(tables.Prompt.id.in_(prompt_ids)).values(closed_at=now)
        )


def correct_outcome(tx: WriteTx, prompt_id: UUID, y: int, *, now: datetime) -> None:
    """Set the outcome of a prompt whose in-time answer arrived only now; the refit will use it."""
    tx.conn.execute(
        update(_outcomes)
        .where(_outcomes.prompt_id == prompt_id, _outcomes.y != y)
        .values(y=y, revised_at=now)
    )
    tx.conn.execute(
        update(_outcomes)
        .where(_outcomes.prompt_id == prompt_id, _outcomes.dropped_at.is_not(None))
        .values(dropped_at=None)
    )


def drop_silence(tx: WriteTx, prompt_id: UUID, *, now: datetime) -> None:
    """Void the silence noted of a prompt whose patient was not free; the refit will miss it."""
    tx.conn.execute(
        update(_outcomes)
        .where(_outcomes.prompt_id == prompt_id, _outcomes.y == 0)
        .values(dropped_at=now)
    )


def outcomes_after(tx: ReadTx, seq: int, *, limit: int | None = None) -> list[Outcome]:
    """Return outcomes as they are known now, after the one numbered `seq`, in order."""
    rows = tx.conn.execute(
        _after(seq).where(_outcomes.dropped_at.is_(None)).order_by(_outcomes.seq).limit(limit)
    )
    return [_outcome(row, row.y) for row in rows]


def first_outcomes_after(tx: ReadTx, seq: int, *, limit: int | None = None) -> list[Outcome]:
    """Return outcomes as they became known first, after the one numbered `seq`, in order.

    Whatever was corrected since, this never changes, so it is what models in memory take in.
    """
    rows = tx.conn.execute(_after(seq).order_by(_outcomes.seq).limit(limit))
    return [_outcome(row, row.first_y) for row in rows]


def last_seq(tx: ReadTx) -> int:
    """Return the number of the last outcome, 0 where there is none."""
    return tx.conn.execute(select(func.coalesce(func.max(_outcomes.seq), 0))).scalar_one()


def last_day(tx: ReadTx) -> int:
    """Return the last local date (an ordinal) of any outcome, 0 where there is none."""
    return tx.conn.execute(select(func.coalesce(func.max(_outcomes.day), 0))).scalar_one()


def outcomes_by_person(tx: ReadTx) -> list[tuple[str, int]]:
    """Return how many outcomes each person has, in the order of `trained_on`."""
    # Text is compared as the database does, so that a span of persons is the same in both.
    rows = tx.conn.execute(
        select(_outcomes.person, func.count()).group_by(_outcomes.person).order_by(_outcomes.person)
    )
    return [(row[0], row[1]) for row in rows]


def trained_on(tx: ReadTx, first: str, last: str, *, since_day: int) -> list[AnyRow]:
    """Return outcomes, as they are known now, of the persons from `first` to `last`, in order.

    Rows are (person, hour, day type, day, y, prompt id): bare, as there may be very many. The
    prompt is told from `since_day` on, before it is None.
    """
    return list(
        tx.conn.execute(
            select(
                _outcomes.person,
                _outcomes.hour,
                _outcomes.day_type,
                _outcomes.day,
                _outcomes.y,
                case((_outcomes.day >= since_day, _outcomes.prompt_id)),
            )
            .where(_outcomes.person.between(first, last), _outcomes.dropped_at.is_(None))
            .order_by(_outcomes.person, _outcomes.seq)
        )
    )


def judged(tx: ReadTx, *, since_day: int, limit: int) -> list[JudgedPrompt]:
    """Return outcomes of drawn slots on and after this day (an ordinal), the newest first."""
    decisions = tables.Decision
    rows = tx.conn.execute(
        select(
            _outcomes,
            decisions.features,
            decisions.available,
            decisions.propensities,
            decisions.chosen,
        )
        .join(decisions, decisions.prompt_id == _outcomes.prompt_id)
        .where(_outcomes.day >= since_day, _outcomes.dropped_at.is_(None))
        .order_by(_outcomes.seq.desc())
        .limit(limit)
    )
    return [_judged(row) for row in rows]


def _after(seq: int) -> Select[Any]:
    return select(_outcomes).where(_outcomes.seq > seq)


def _judged(row: AnyRow) -> JudgedPrompt:
    features = row.features
    declared = features.get("declared")
    return JudgedPrompt(
        outcome=_outcome(row, row.y),
        hours=tuple(features.get("hours", ())),
        available=tuple(row.available),
        propensities=tuple(row.propensities),
        chosen=row.chosen,
        declared=None if declared is None else (*declared[:4],),
        last_hour=features.get("last_hour"),
    )


def _outcome(row: AnyRow, y: int) -> Outcome:
    return Outcome(
        seq=row.seq,
        prompt_id=row.prompt_id,
        person=row.person,
        hour=row.hour,
        last_hour=row.last_hour,
        day_type=row.day_type,
        day=row.day,
        arm=row.arm,
        y=y,
    )
