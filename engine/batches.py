"""Long lists in pieces: databases limit the values of a statement and the patience between two."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Yield the items in their order, `size` at a time, the last piece shorter; none if empty."""
    return (items[start : start + size] for start in range(0, len(items), size))
