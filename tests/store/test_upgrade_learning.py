"""Outcomes and models of the release before move on; nothing that was learned is lost."""

from datetime import timedelta
from uuid import UUID

from fakes import MONDAY, Practice, protocol, windowed
from releases import moved
from sqlalchemy import MetaData, insert, text

from engine.store import artifacts, learning, migrate

ARTIFACT = {"version": "a", "created_at": MONDAY, "learned_through": 2, "blob": b"model"}


def outcome(prompt_id: UUID, y: int) -> dict[str, object]:
    return {
        "prompt_id": prompt_id, "person": "p", "hour": 9.0, "day_type": 0, "day": 1,
        "arm": "adaptive", "y": y, "closed_at": MONDAY,
    }  # fmt: skip


def fill(practice: Practice) -> None:
    """Write two outcomes and a model in the shape of the release before."""
    person = practice.enrol(protocol(windowed("08:00-10:00", "12:00-14:00")))
    practice.plan()
    first, second = (record.id for record in practice.prompts(person)[:2])
    moved(practice.db, "0003", down=True)
    with practice.db.connect() as connection:
        found = MetaData()
        found.reflect(connection, only=["outcomes", "artifacts"])
        connection.execute(
            insert(found.tables["outcomes"]),
            [outcome(_bare(practice, first), 1), outcome(_bare(practice, second), 0)],
        )
        connection.execute(insert(found.tables["artifacts"]), [ARTIFACT])
        connection.commit()


def _bare(practice: Practice, key: UUID) -> object:
    return key.hex if practice.db.is_sqlite else key


def test_what_was_known_becomes_what_was_known_first(practice: Practice):
    fill(practice)
    assert migrate(practice.db)[0] == "0004"
    with practice.db.read() as tx:
        first = [one.y for one in learning.first_outcomes_after(tx, 0)]
        now = [one.y for one in learning.outcomes_after(tx, 0)]
        (artifact,) = artifacts.promoted(tx, limit=5)
    assert first == now == [1, 0]
    assert (artifact.version, artifact.head, artifact.curve) == ("a", "answered", None)


def test_going_back_keeps_no_model_that_was_kept_back_and_no_void_silence(practice: Practice):
    fill(practice)
    migrate(practice.db)
    with practice.db.write() as tx:
        tx.conn.execute(text("UPDATE artifacts SET promoted = false"))
        silence = learning.first_outcomes_after(tx, 1)[0].prompt_id
        learning.drop_silence(tx, silence, now=MONDAY + timedelta(days=1))
    moved(practice.db, "0003", down=True)
    with practice.db.read() as tx:
        counts = [
            tx.conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("artifacts", "outcomes")
        ]
    assert counts == [0, 1]
    assert migrate(practice.db)[0] == "0004"
