"""A world that keeps the contract, or says in one sentence where it does not.

Worlds of researchers come from outside: everything they return is checked at the first call and at
every other, so that a mistake is named where it is made.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.simulation.world import Floats, Ints, World

PARTS = ("slot_hours", "blocks", "day_type", "declared", "respond", "oracle")
DECLARED = ("wake", "bed", "work_start", "work_end")


class WorldFault(ValueError):
    """A world does not keep the contract; the message names the part and what is allowed."""


class CheckedWorld:
    """A world of `persons` persons around another object, checked whenever it is asked.

    Raises WorldFault for a part that is missing, of the wrong shape or out of range. Whole numbers
    0 and 1 pass for booleans and lists for arrays.
    """

    def __init__(self, world: object, persons: int) -> None:
        missing = [name for name in PARTS if not hasattr(world, name)]
        if missing:
            raise WorldFault(f"the world lacks {', '.join(missing)}; it needs {', '.join(PARTS)}")
        for name in ("day_type", "respond", "oracle"):
            if not callable(getattr(world, name)):
                raise WorldFault(f"{name}: must be a method")
        self._world: World = world  # type: ignore[assignment]  # just checked
        self._persons = persons
        self.slot_hours = _hours(self._world.slot_hours)
        self.blocks = _blocks(self._world.blocks, self.slot_hours.size)
        self.declared = _declared(self._world.declared, persons)

    def day_type(self, day: int) -> Ints:
        """Return each person's type of day (n,)."""
        return _whole("day_type", self._world.day_type(day), self._persons, 2)

    def oracle(self, day: int, block: int) -> Ints:
        """Return the best slot (n,) within the block."""
        k = self.slot_hours[self.blocks[block]].size
        return _whole("oracle", self._world.oracle(day, block), self._persons, k)

    def respond(
        self, day: int, block: int, slot: NDArray[np.integer]
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Return what the world answers: answered, delay, probability, each (n,)."""
        found: object = self._world.respond(day, block, slot)
        if not isinstance(found, tuple | list) or len(found) != 3:
            raise WorldFault("respond: must return (answered, delay_minutes, probability)")
        answered = _whole("respond: answered", found[0], self._persons, 2).astype(np.bool_)
        delay = _numbers("respond: delay_minutes", found[1], self._persons)
        probability = _numbers("respond: probability", found[2], self._persons)
        if (delay[answered] < 0.0).any():
            raise WorldFault("respond: delay_minutes: must not be negative")
        if not ((probability >= 0.0) & (probability <= 1.0)).all():
            raise WorldFault("respond: probability: must be between 0 and 1 without NaN")
        return answered, delay, probability


def _numbers(name: str, value: ArrayLike, persons: int) -> Floats:
    """Return value as floats (n,)."""
    array = _array(name, value)
    if array.shape != (persons,):
        raise WorldFault(f"{name}: must have shape ({persons},), got {array.shape}")
    return array


def _whole(name: str, value: ArrayLike, persons: int, below: int) -> Ints:
    """Return value as whole numbers (n,) from 0 to below `below`."""
    array = _numbers(name, value, persons)
    if not ((array >= 0) & (array < below) & (array == np.floor(array))).all():
        raise WorldFault(f"{name}: must hold whole numbers from 0 to {below - 1}")
    return array.astype(np.int64)


def _array(name: str, value: ArrayLike) -> Floats:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise WorldFault(f"{name}: must hold numbers, all rows alike") from error


def _hours(value: ArrayLike) -> Floats:
    hours = _array("slot_hours", value)
    if hours.ndim != 1 or hours.size == 0:
        raise WorldFault(f"slot_hours: must have shape (slots,), got {hours.shape}")
    if not ((hours >= 0.0) & (hours <= 24.0)).all():
        raise WorldFault("slot_hours: must be hours of the day, from 0 to 24 without NaN")
    return hours


def _blocks(value: Sequence[slice], slots: int) -> list[slice]:
    if not isinstance(value, list | tuple) or not value:
        raise WorldFault("blocks: must be a list of at least one slice")
    for number, block in enumerate(value):
        if not isinstance(block, slice):
            raise WorldFault(f"blocks[{number}]: must be a slice, got {type(block).__name__}")
        if np.arange(slots)[block].size == 0:
            raise WorldFault(f"blocks[{number}]: must hold some of the {slots} slots, got {block}")
    return list(value)


def _declared(value: object, persons: int) -> dict[str, Floats] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or any(name not in value for name in DECLARED):
        raise WorldFault(f"declared: must be None or hold {', '.join(DECLARED)}")
    declared = {name: _numbers(f"declared: {name}", value[name], persons) for name in DECLARED}
    for name, hours in declared.items():
        if ((hours < 0.0) | (hours > 36.0)).any():
            raise WorldFault(f"declared: {name}: must be hours from 0 to 36, NaN if not declared")
    return declared
