"""Repository of how delivery does over all patients: counts, lateness, tokens, silent phones.

None of it is asked by the dispatcher. Figures over all patients are found by the index on
`start_at`, those of silence by each patient's own days, in batches.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Float, func, or_, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from engine.batches import batches
from engine.health_records import LATENESS_BOUNDS, Lateness, Silence, StateCount, Waiting
from engine.prompt import PromptKind, State
from engine.records import PATIENT_INITIATED, Device
from engine.store import tables
from engine.store.by_patient import of_patients
from engine.store.database import ReadTx, WriteTx

CONTACT_EVERY = timedelta(minutes=5)
"""How often at most it is noted that a phone was heard of: below the least gap of its prompts."""
LONGEST_SILENCE = timedelta(days=60)
"""Prompts sent earlier are not counted; by then somebody has been told for weeks."""
_RECENTLY = timedelta(days=2)
_ZONES = timedelta(days=1)
"""A local date may be a day off the UTC date."""
_SOME = 500
_prompts, _devices = tables.Prompt, tables.Device
_SENT = (
    _prompts.kind == PromptKind.PROMPT,
    _prompts.timing != PATIENT_INITIATED,
    _prompts.sent_at.is_not(None),
)


class _SecondsBetween(FunctionElement[float]):
    """The seconds from one instant to a later one."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(_SecondsBetween, "sqlite")
def _on_sqlite(element: _SecondsBetween, compiler: SQLCompiler, **rest: object) -> str:
    first, last = (compiler.process(one, **rest) for one in element.clauses)
    return f"round((julianday({last}) - julianday({first})) * 86400.0, 3)"


@compiles(_SecondsBetween, "postgresql")
def _on_postgres(element: _SecondsBetween, compiler: SQLCompiler, **rest: object) -> str:
    first, last = (compiler.process(one, **rest) for one in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({last} - {first})) AS double precision)"


_LATE: ColumnElement[float] = _SecondsBetween(_prompts.due_at, _prompts.sent_at)


def _came_due(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        _prompts.start_at > since,
        _prompts.start_at <= until,
        _prompts.kind != PromptKind.TEST,
        _prompts.timing != PATIENT_INITIATED,
    )


def state_counts(tx: ReadTx, *, since: datetime, until: datetime) -> list[StateCount]:
    """Return how the prompts stand whose windows opened in this time, most frequent first.

    Reminders and snoozes count, as they are sent; tests and what patients start do not.
    """
    number = func.count()
    rows = tx.conn.execute(
        select(_prompts.state, _prompts.reason, number.label("n"))
        .where(*_came_due(since, until))
        .group_by(_prompts.state, _prompts.reason)
        .order_by(number.desc(), _prompts.state, _prompts.reason)
    )
    return [StateCount(row.state, row.reason, row.n) for row in rows]


def lateness(tx: ReadTx, *, since: datetime, until: datetime) -> Lateness:
    """Return how late the prompts left that were due in this time; quantiles are exact."""
    sent = (*_came_due(since, until), _prompts.sent_at.is_not(None), _prompts.due_at.is_not(None))
    row = tx.conn.execute(
        select(
            func.count().label("n"),
            func.coalesce(func.sum(_LATE), 0.0).label("total"),
            func.max(_LATE).label("latest"),
            *(func.count().filter(bound >= _LATE) for bound in LATENESS_BOUNDS),
        ).where(*sent)
    ).one()
    if row.n == 0:
        nothing = (0,) * len(LATENESS_BOUNDS)
        return Lateness(prompts=0, buckets=nothing, total=0.0, median=None, p99=None, latest=None)

    def quantile(share: float) -> float:
        place = max(int(-(-row.n * share // 1)) - 1, 0)  # the smallest with so many at or below
        query = select(_LATE).where(*sent).order_by(_LATE).limit(1).offset(place)
        return float(tx.conn.execute(query).scalar_one())

    return Lateness(
        prompts=row.n,
        buckets=tuple(row[3:]),
        total=float(row.total),
        median=quantile(0.5),
        p99=quantile(0.99),
        latest=float(row.latest),
    )


def waiting(tx: ReadTx, *, now: datetime) -> Waiting:
    """Return how many prompts are due now and have not left."""
    row = tx.conn.execute(
        select(
            func.count().label("n"),
            func.min(_prompts.due_at, type_=_prompts.due_at.type).label("since"),
        ).where(tables.DUE, _prompts.due_at <= now, _prompts.expires_at > now)
    ).one()
    return Waiting(row.n, row.since)


def phones(tx: ReadTx) -> tuple[int, int]:
    """Return how many phones are in use, and how many of those have a dead push token."""
    row = tx.conn.execute(
        select(func.count().label("n"), func.count(_devices.token_dead_at).label("dead")).where(
            _devices.retired_at.is_(None)
        )
    ).one()
    return row.n, row.dead


def note_contact(tx: WriteTx, device: Device, *, now: datetime) -> None:
    """Note that a phone was heard of."""
    tx.conn.execute(
        update(_devices)
        .where(_devices.id == device.id, or_(_devices.seen_at.is_(None), _devices.seen_at < now))
        .values(seen_at=now)
    )


def contact_is_news(device: Device, *, now: datetime) -> bool:
    """Return whether a call of this phone is worth noting."""
    return device.seen_at is None or now - device.seen_at >= CONTACT_EVERY


def silent_phones(
    tx: ReadTx, patient_ids: Sequence[UUID], *, prompts: int, now: datetime
) -> dict[UUID, Silence]:
    """Return, of these patients, those whose phones gave no sign of life to their last prompts.

    Silent is who was sent at least `prompts` since the last call of any phone in use: no receipt,
    no answer, no asking what is open. Patients without a phone are not among them.
    """
    found: dict[UUID, Silence] = {}
    for some in batches(patient_ids, _SOME):
        heard = _last_heard(tx, some)
        # Almost all phones were heard of lately, so that few days of their prompts are read.
        lately = [one for one, at in heard.items() if now - at < _RECENTLY]
        longer = [one for one, at in heard.items() if now - at >= _RECENTLY]
        for group, span in ((lately, _RECENTLY), (longer, LONGEST_SILENCE)):
            if group:
                found |= _unheard(tx, group, since=now - span, prompts=prompts)
    return found


def silent_patients(tx: ReadTx, *, prompts: int, now: datetime) -> int:
    """Return how many patients under way have a silent phone."""
    return sum(len(silent_phones(tx, some, prompts=prompts, now=now)) for some in _under_way(tx))


def _under_way(tx: ReadTx) -> Iterator[list[UUID]]:
    """Yield, in batches, the patients of the enrolments that have not ended."""
    enrolments = tables.Enrolment
    last: UUID | None = None
    while True:
        query = select(enrolments.id, enrolments.patient_id).where(enrolments.ended_at.is_(None))
        if last is not None:
            query = query.where(enrolments.id > last)
        rows = tx.conn.execute(query.order_by(enrolments.id).limit(_SOME)).all()
        if not rows:
            return
        last = rows[-1].id
        yield [row.patient_id for row in rows]


def _last_heard(tx: ReadTx, patient_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    at = func.coalesce(_devices.seen_at, _devices.created_at, type_=_devices.created_at.type)
    rows = tx.conn.execute(
        select(_devices.patient_id, func.max(at, type_=_devices.created_at.type).label("at"))
        .where(_devices.patient_id.in_(patient_ids), _devices.retired_at.is_(None))
        .group_by(_devices.patient_id)
    )
    return {row.patient_id: row.at for row in rows}


def _unheard(
    tx: ReadTx, patient_ids: Sequence[UUID], *, since: datetime, prompts: int
) -> dict[UUID, Silence]:
    at = func.coalesce(_devices.seen_at, _devices.created_at, type_=_devices.created_at.type)
    heard = (
        select(func.max(at, type_=_devices.created_at.type))
        .where(_devices.patient_id == _prompts.patient_id, _devices.retired_at.is_(None))
        .correlate(_prompts)
        .scalar_subquery()
    )
    number = func.count()
    rows = tx.conn.execute(
        select(
            _prompts.patient_id,
            number.label("n"),
            func.min(_prompts.sent_at, type_=_prompts.sent_at.type).label("since"),
        )
        .where(
            of_patients(patient_ids),
            _prompts.local_date >= (since - _ZONES).date(),
            *_SENT,
            _prompts.state.in_((State.ACCEPTED, State.UNKNOWN)),
            _prompts.delivered_at.is_(None),
            _prompts.answered_at.is_(None),
            _prompts.sent_at > heard,
        )
        .group_by(_prompts.patient_id)
        .having(number >= prompts)
    )
    return {row.patient_id: Silence(row.n, row.since) for row in rows}
