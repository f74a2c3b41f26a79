"""A mistake to plant, so that the harness itself can be seen to fail.

It sits on the seam, in the database that workers are handed, so it needs no place in the product.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from stages import Stage, StagedDatabase

from engine.prompt import Reason, State
from engine.store import Database
from engine.store.database import WriteTx

_LAPSED = "SELECT id FROM prompts WHERE state = :unknown AND reason = :stopped"
_FORGET = f"DELETE FROM attempts WHERE outcome IS NULL AND prompt_id IN ({_LAPSED})"
_FREE = (
    "UPDATE prompts SET state = :planned, sent_at = NULL, next_try_at = NULL"
    f" WHERE id IN ({_LAPSED})"
)


class ResendingDatabase(StagedDatabase):
    """Takes what was being sent when its lease ran out for what was never sent."""

    def __init__(self, inner: Database, stage: Stage) -> None:
        super().__init__(inner, stage)
        self._plain = inner

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        with super().write() as tx:
            yield tx
        given = {"unknown": State.UNKNOWN, "stopped": Reason.WORKER_STOPPED}
        with self._plain.write() as tx:
            tx.conn.execute(text(_FORGET), given)
            tx.conn.execute(text(_FREE), given | {"planned": State.PLANNED})


DATABASES = {"": StagedDatabase, "resends": ResendingDatabase}
"""What workers are handed, by the name of the mistake."""
