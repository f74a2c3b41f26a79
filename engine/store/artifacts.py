"""Repository of learned models, and of the log of what happened to them."""

from datetime import datetime

from sqlalchemy import insert, select

from engine.learning_records import ANSWERED, Artifact, LearningEvent
from engine.store import tables
from engine.store.database import ReadTx, WriteTx
from engine.store.types import AnyRow

_artifacts = tables.Artifact
_events = tables.LearningEvent


def add_artifact(tx: WriteTx, artifact: Artifact) -> None:
    """Store a model."""
    tx.conn.execute(
        insert(_artifacts).values(
            version=artifact.version,
            created_at=artifact.created_at,
            learned_through=artifact.learned_through,
            blob=artifact.blob,
            head=artifact.head,
            promoted=artifact.promoted,
            curve=None if artifact.curve is None else list(artifact.curve),
        )
    )


def promoted(tx: ReadTx, *, limit: int, head: str = ANSWERED) -> list[Artifact]:
    """Return the newest models of a head that may decide, newest first."""
    rows = tx.conn.execute(
        select(_artifacts)
        .where(_artifacts.promoted, _artifacts.head == head)
        .order_by(_artifacts.id.desc())
        .limit(limit)
    )
    return [_artifact(row) for row in rows]


def of_version(tx: ReadTx, version: str) -> Artifact | None:
    """Return the model of this version."""
    row = tx.conn.execute(
        select(_artifacts).where(_artifacts.version == version).order_by(_artifacts.id).limit(1)
    ).one_or_none()
    return None if row is None else _artifact(row)


def newest_at(tx: ReadTx) -> datetime | None:
    """Return when the newest model of answers was made, whether it may decide or not."""
    newest: datetime | None = tx.conn.execute(
        select(_artifacts.created_at)
        .where(_artifacts.head == ANSWERED)
        .order_by(_artifacts.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return newest


def newest_version(tx: ReadTx, head: str = ANSWERED) -> str | None:
    """Return the version of the newest model of a head that may decide."""
    newest: str | None = tx.conn.execute(
        select(_artifacts.version)
        .where(_artifacts.promoted, _artifacts.head == head)
        .order_by(_artifacts.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return newest


def add_event(tx: WriteTx, event: LearningEvent) -> None:
    """Add to the log."""
    tx.conn.execute(
        insert(_events).values(
            at=event.at, kind=event.kind, version=event.version, detail=event.detail
        )
    )


def events(tx: ReadTx, *, limit: int) -> list[LearningEvent]:
    """Return the newest entries of the log, newest first."""
    rows = tx.conn.execute(select(_events).order_by(_events.seq.desc()).limit(limit))
    return [
        LearningEvent(at=row.at, kind=row.kind, version=row.version, detail=row.detail)
        for row in rows
    ]


def _artifact(row: AnyRow) -> Artifact:
    return Artifact(
        version=row.version,
        created_at=row.created_at,
        learned_through=row.learned_through,
        blob=row.blob,
        head=row.head,
        promoted=bool(row.promoted),
        curve=None if row.curve is None else tuple(row.curve),
    )
