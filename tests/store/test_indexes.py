"""The regular jobs find their rows by index: they must not read the whole history each second."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import event

from engine.store import (
    Database,
    WriteTx,
    answers,
    delivery,
    events,
    lapses,
    learning,
    migrate,
    open_database,
    places,
    repeats,
    reports,
    sent,
    testing,
    windows,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
NOBODY = UUID(int=1)

JOBS = {
    "reap": lambda tx: lapses.reap(tx, now=NOW),
    "expire": lambda tx: lapses.expire(tx, now=NOW),
    "overtake": lambda tx: lapses.overtake(tx, now=NOW, overdue=timedelta(minutes=5)),
    "claim": lambda tx: delivery.claim(tx, now=NOW, limit=9),
    "undecided": lambda tx: windows.undecided(tx, before=NOW, limit=9),
    "unclosed": lambda tx: learning.unclosed(tx, limit=9),
    "recent": lambda tx: sent.recent(tx, [NOBODY], now=NOW, since=date(2026, 11, 17)),
    "parents": lambda tx: sent.parents(tx, [NOBODY]),
    "taken": lambda tx: places.taken_instants(tx, [NOBODY], since=NOW, until=NOW),
    "places": lambda tx: places.places(tx, [NOBODY], [date(2026, 11, 20)]),
    "precedence": lambda tx: windows.undecided_above(
        tx, [NOBODY], priority=50, days=(date(2026, 11, 19), date(2026, 11, 21))
    ),
    "run out": lambda tx: events.run_out(tx, now=NOW, limit=9),
    "repeats": lambda tx: repeats.repeats_of(tx, NOBODY),
    "last followed": lambda tx: events.last_followed_at(tx, NOBODY, "a"),
    "open prompts": lambda tx: answers.open_prompts(tx, NOBODY, now=NOW),
    "tests of the phone": lambda tx: testing.tests_since(tx, NOBODY, NOW),
    "patient's prompts": lambda tx: reports.prompt_records(
        tx, NOBODY, first=date(2026, 11, 16), last=date(2026, 11, 22)
    ),
    "progress": lambda tx: answers.progress(tx, NOBODY, date(2026, 11, 16), date(2026, 11, 22)),
}


GIVEN = {"SCAN json_each VIRTUAL TABLE INDEX 1:", "SCAN given VIRTUAL TABLE INDEX 1:"}
"""Reading the values that a statement was given."""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'indexes.db'}")
    migrate(opened)
    yield opened
    opened.close()


def statements(tx: WriteTx, name: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []

    def note(_conn, _cursor, statement, given, _context, _many):
        found.append((statement, given))

    event.listen(tx.conn, "before_cursor_execute", note)
    JOBS[name](tx)
    event.remove(tx.conn, "before_cursor_execute", note)
    return found


@pytest.mark.parametrize("name", JOBS)
def test_a_regular_job_never_scans_a_table(db: Database, name: str) -> None:
    with db.write() as tx:
        asked = statements(tx, name)
        assert asked
        for statement, given in asked:
            plan = tx.conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            steps = [str(row[3]) for row in plan]
            assert not any(step.startswith("SCAN") and step not in GIVEN for step in steps), steps
            assert any("prompts" in step and "USING INDEX" in step for step in steps), steps


def test_a_claim_reads_what_it_takes_and_sorts_nothing(db: Database) -> None:
    with db.write() as tx:
        ((statement, given),) = statements(tx, "claim")
        plan = tx.conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
        assert not any("TEMP B-TREE" in str(row[3]) for row in plan)
