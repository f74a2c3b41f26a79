"""What request bodies are made of: types that refuse what could not be stored or reckoned with."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Bounds of an instant a phone may tell: wide enough for any wrong clock, and no sum overflows."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL or UTF-8 cannot hold: NUL and halves of surrogate pairs."""


class Body(BaseModel):
    """A request body; fields we do not know are refused."""

    model_config = ConfigDict(extra="forbid")


def _plausible(at: datetime) -> datetime:
    """Return the instant in UTC. Raises a validation error outside EARLIEST to LATEST."""
    if not EARLIEST <= at < LATEST:
        raise PydanticCustomError("instant", f"must lie from {EARLIEST.year} to {LATEST.year - 1}")
    return at.astimezone(UTC)


def _storable(text: str | None) -> str | None:
    """Return the text. Raises a validation error for what PostgreSQL or UTF-8 cannot hold."""
    if text is not None and UNSTORABLE.search(text):
        raise PydanticCustomError("text", "must not hold NUL or half a surrogate pair")
    return text


def _storable_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document. Raises a validation error where any text in it cannot be stored."""
    waiting: list[object] = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            _storable(part)
    return document


Instant = Annotated[AwareDatetime, AfterValidator(_plausible)]
Storable = AfterValidator(_storable)
"""Put last on every text that is stored or looked up."""
Document = Annotated[dict[str, Any], AfterValidator(_storable_document)]
