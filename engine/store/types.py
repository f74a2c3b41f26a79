"""Column types and naming conventions shared by all tables."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData, Row, String, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant: naive values are refused on the way in, UTC is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into what the database stores. Raises ValueError if naive."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive instant {value!r}")
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ANN401
        """Return how a stored instant is read: aware and in UTC, whatever zone the session has."""
        return _instant if dialect.name == "sqlite" else _in_utc


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _in_utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)


class Base(DeclarativeBase):
    """Declarative base: fixed constraint names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
    }


AnyRow = Row[*tuple[Any, ...]]
"""A result row of any columns; it stays inside the store."""

BigSerial = BigInteger().with_variant(Integer(), "sqlite")


class _Key(Uuid[UUID]):
    """A UUID; where the database has none, read from its 32 digits without Python's checks."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ANN401
        """Return how a stored key is read; None where the driver does it."""
        return None if dialect.supports_native_uuid else _key


@lru_cache(maxsize=4_096)  # a batch speaks of the same keys again and again
def _key(digits: str | None) -> UUID | None:
    return None if digits is None else UUID(int=int(digits, 16))


Key = _Key(as_uuid=True)
Name = String(200)
Word = String(64)
Sha256 = String(64)
