"""What an admin sees of learning: the model that decides, and what happened to models."""

from dataclasses import dataclass
from datetime import datetime

from engine.learning_records import LearningEvent
from engine.store import Database, artifacts


@dataclass(frozen=True, slots=True)
class LearningState:
    """The newest model that may decide, None before the first; and the log, newest first."""

    version: str | None
    made_at: datetime | None
    events: tuple[LearningEvent, ...]


def learning_state(db: Database, *, events: int = 50) -> LearningState:
    """Return the state of learning with its last so many events."""
    with db.read() as tx:
        newest = artifacts.promoted(tx, limit=1)
        found = tuple(artifacts.events(tx, limit=events))
    if not newest:
        return LearningState(None, None, found)
    return LearningState(newest[0].version, newest[0].created_at, found)
