"""Repository of facts about the whole database."""

from sqlalchemy import delete, insert, select

from engine.store import tables
from engine.store.database import ReadTx, WriteTx

TZDATA = "tzdata_version"
"""Which release of the zone data the planned instants were worked out with."""


def fact(tx: ReadTx, key: str) -> str | None:
    """Return what is noted under `key`."""
    meta = tables.Meta
    return tx.conn.execute(select(meta.value).where(meta.key == key)).scalar_one_or_none()


def note(tx: WriteTx, key: str, value: str) -> None:
    """Note `value` under `key`, in place of what was there."""
    meta = tables.Meta
    tx.conn.execute(delete(meta).where(meta.key == key))
    tx.conn.execute(insert(meta).values(key=key, value=value))
