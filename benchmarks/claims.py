"""Claiming: due prompts among very many that are not, and whether their number matters.

A prompt counts as claimed when the intent to send it is stored, as the dispatcher does it.

Two databases of the same kind, one with `SMALL` prompts and one with as many as asked for, hold the
same few due ones. Batches are claimed from both in turns.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnClause, Table, inspect, literal_column, select, text
from sqlalchemy import insert as insert_into

from benchmarks.filling import add_due, add_patients, due_prompt
from benchmarks.processes import database
from engine.clock import system_clock
from engine.delivery_records import Intent
from engine.prompt import State
from engine.store import Database, delivery, devices, migrate, open_database, tables

SMALL = 100_000
BATCH = 500
DUE = 10_000
LEAST_DUE = 3 * BATCH
_LEASE = timedelta(minutes=5)
_PATIENTS = 1_000
"""Their prompts lie spread through the table, as in a clinic."""
_FUTURE_SHARE = 0.05
_CHUNK = 100_000

Say = Callable[[str], object]


@dataclass(slots=True)
class _Pile:
    """A database with so many prompts, and how long each batch claimed from it took."""

    db: Database
    seconds: list[float] = field(default_factory=list)

    def claim(self, now: datetime) -> int:
        """Claim a batch, intend to send it and commit; return its size."""
        began = time.perf_counter()
        with self.db.write() as tx:
            due = delivery.claim(tx, now=now, limit=BATCH)
            phones = devices.whereabouts(tx, list({prompt.patient_id for prompt in due}))
            intents = [Intent.of(prompt, phones[prompt.patient_id].phones[0]) for prompt in due]
            delivery.add_intents(tx, intents, "bench", now=now, lease=_LEASE)
        if len(due) == BATCH:
            self.seconds.append(time.perf_counter() - began)
        return len(due)

    @property
    def rate(self) -> float:
        """Return rows claimed a second, by the median batch."""
        return BATCH / statistics.median(self.seconds)


def report(rows: int, kind: str, say: Say = lambda text: None) -> dict[str, Any]:
    """Return the figures of `welltimed bench claims`; `ratio` is large pile / small pile.

    Raises BenchUnusable where this kind of database cannot be started.
    """
    small, due = min(SMALL, rows), min(DUE, max(rows // 10, LEAST_DUE))
    with ExitStack() as stack:
        piles = []
        for size in (small, rows):
            say(f"filling a database with {size:,} prompts")
            db = open_database(stack.enter_context(database(kind)))
            stack.callback(db.close)
            migrate(db)
            fill(db, size, due, now=system_clock())
            piles.append(_Pile(db))
        say("claiming")
        now = system_clock()
        for pile in piles:
            pile.claim(now)  # the first batch builds statements and warms caches
            pile.seconds.clear()
        while piles[0].claim(now) and piles[1].claim(now):
            pass
    few, many = piles
    return {
        "database": kind,
        "rows": rows,
        "due": due,
        "batch": BATCH,
        "rate": round(many.rate, 1),
        "baseline_rows": small,
        "baseline_rate": round(few.rate, 1),
        "ratio": round(many.rate / few.rate, 3),
    }


def fill(db: Database, rows: int, due: int, *, now: datetime) -> None:
    """Store `rows` prompts: `due` of them due now, most over and done, some still to come."""
    patients = min(_PATIENTS, due)
    add_patients(db, range(patients), now=now)
    for begin in range(0, due, patients):
        some = range(min(patients, due - begin))
        add_due(db, some, due_at=now - timedelta(seconds=1), window=begin // patients)
    future = int((rows - due) * _FUTURE_SHARE)
    window = due // patients + 1
    kinds = ((rows - due - future, _over(now)), (future, _to_come(now)))
    with _without_indexes(db):
        for count, changes in kinds:
            _multiply(db, patients, count, changes, first_window=window)
            window += count // patients + 1


@contextmanager
def _without_indexes(db: Database) -> Iterator[None]:
    """Leave out the secondary indexes while very many rows go in, and build them at the end."""
    indexes = sorted(_prompts().indexes, key=lambda index: str(index.name))
    with db.write() as tx:
        for index in indexes:
            index.drop(tx.conn)
        if db.is_sqlite:
            tx.conn.exec_driver_sql("PRAGMA cache_size = -400000")
    yield
    with db.write() as tx:
        for index in indexes:
            index.create(tx.conn)
        if not db.is_sqlite:  # as autovacuum would have by and by
            tx.conn.exec_driver_sql("ANALYZE prompts")
    db.close()  # the connection with the large cache among them


def _prompts() -> Table:
    return cast(Table, inspect(tables.Prompt).local_table)


def _over(now: datetime) -> dict[str, Any]:
    at = now - timedelta(days=1)
    return {
        "state": State.ACCEPTED,
        "attempts": 1,
        "due_at": at,
        "decided_at": at,
        "expires_at": at + timedelta(hours=1),
        "sent_at": at,
        "answered_at": at,
        "closed_at": at,
    }


def _to_come(now: datetime) -> dict[str, Any]:
    at = now + timedelta(days=1)
    nothing = {"due_at": None, "decided_at": None, "expires_at": None}
    return {"state": State.PLANNED, "start_at": at, "end_at": at, **nothing}


def _multiply(
    db: Database, patients: int, count: int, changes: dict[str, Any], *, first_window: int
) -> None:
    """Store `count` prompts made within the database, from one a patient with these `changes`."""
    prompts, now = _prompts(), system_clock()
    each, rest = divmod(count, patients)

    def seeds(people: int, window: int) -> list[dict[str, Any]]:
        return [due_prompt(number, now) | changes | {"window": window} for number in range(people)]

    some = seeds(patients, first_window) if each else []
    with db.write() as tx:
        for rows in (some, seeds(rest, first_window + each)):
            if rows:
                tx.conn.execute(insert_into(tables.Prompt), rows)
    fresh = "lower(hex(randomblob(16)))" if db.is_sqlite else "gen_random_uuid()"
    made: dict[str, ColumnClause[Any]] = {
        "id": literal_column(fresh),
        "window": literal_column("series.n"),
    }
    for begin in range(1, each, max(_CHUNK // patients, 1)):
        end = min(begin + max(_CHUNK // patients, 1), each)
        series = text(_SERIES_SQLITE if db.is_sqlite else _SERIES_POSTGRES).columns(
            literal_column("n")
        )
        numbers = series.bindparams(first=first_window + begin, last=first_window + end - 1)
        chosen = (
            select(*(made.get(c.name, prompts.c[c.name]) for c in prompts.columns))
            .select_from(prompts.join(numbers.subquery("series"), text("1 = 1")))
            .where(prompts.c.id.in_([seed["id"] for seed in some]))
        )
        with db.write() as tx:
            names = [column.name for column in prompts.columns]
            tx.conn.execute(insert_into(prompts).from_select(names, chosen))


_SERIES_SQLITE = (
    "WITH RECURSIVE counted(n) AS"
    " (SELECT :first UNION ALL SELECT n + 1 FROM counted WHERE n < :last) SELECT n FROM counted"
)
_SERIES_POSTGRES = "SELECT n FROM generate_series(:first, :last) AS counted(n)"
