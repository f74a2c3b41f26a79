"""The world contract: what a simulated population of patients offers to a policy under test."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class World(Protocol):
    """A population of n persons that can be prompted once in each block of each day.

    A world is stateful and single use: `respond` is called exactly once for each (day, block), in
    order, because fatigue and habit depend on what came before. Policies may read everything but
    `oracle` and the probability that `respond` returns.
    """

    @property
    def slot_hours(self) -> Floats:
        """Return the local hour of day (slots,) of each slot."""
        ...

    @property
    def blocks(self) -> Sequence[slice]:
        """Return the blocks of a day as slices into slot_hours; one prompt falls in each."""
        ...

    @property
    def declared(self) -> Mapping[str, Floats] | None:
        """Return what persons said at onboarding, or None.

        Arrays (n,) under wake, bed, work_start and work_end, in hours, NaN where not declared.
        """
        ...

    def day_type(self, day: int) -> Ints:
        """Return each person's type of day (n,): 0 work, 1 off. Days count from 0."""
        ...

    def respond(
        self, day: int, block: int, slot: NDArray[np.integer]
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Prompt everybody and return (answered, delay in minutes or NaN, true probability).

        slot: (n,) index within the block. Call once per (day, block), in order.
        """
        ...

    def oracle(self, day: int, block: int) -> Ints:
        """Return the slot (n,) within the block that suits each person best on such a day."""
        ...


@runtime_checkable
class Marked(Protocol):
    """A world that also knows whether moments are good, beyond the contract."""

    def mark(
        self, day: int, block: int, slot: NDArray[np.integer], answered: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Return marks (n,), 1 good, 0 not, NaN for none, and the true chance (n,) of good.

        Call once after each `respond`; marks come with answers only.
        """
        ...


class MakeWorld(Protocol):
    """A world factory; the `make` of a researcher's own file has this shape."""

    def __call__(self, persons: int, days: int, seed: int) -> World:
        """Return a world that is a function of its arguments alone."""
        ...
