"""Claims that a worker of an earlier release left behind are free again."""

import pytest
from fakes import Practice, at_nine
from releases import moved

from engine.prompt import State
from engine.store import migrate


@pytest.mark.parametrize(
    ("left", "state"),
    [
        ("attempts = 0", State.PLANNED),
        ("attempts = 1", State.RETRY),
        ("attempts = 1, sent_at = due_at, next_try_at = due_at", State.UNKNOWN),
        ("attempts = 1, sent_at = due_at, delivered_at = due_at", State.ACCEPTED),
    ],
)
def test_a_claim_that_was_left_becomes_what_its_attempts_prove(
    practice: Practice, left: str, state: State
):
    person = at_nine(practice)
    moved(practice.db, "0005", down=True)
    with practice.db.write() as tx:
        tx.conn.exec_driver_sql(
            f"UPDATE prompts SET state = 'claimed', owner = 'dead', lease_until = due_at, {left}"
            " WHERE decided_at IS NOT NULL"
        )
    assert migrate(practice.db)[0] == "0006"
    assert practice.prompts(person)[0].state == state


def test_a_claim_that_was_left_is_sent_after_all(practice: Practice):
    at_nine(practice)
    moved(practice.db, "0005", down=True)
    with practice.db.write() as tx:
        tx.conn.exec_driver_sql(
            "UPDATE prompts SET state = 'claimed', epoch = 1 WHERE decided_at IS NOT NULL"
        )
    migrate(practice.db)
    practice.tick()
    assert len(practice.pusher.pushed) == 1
