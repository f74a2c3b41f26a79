"""The built-in worlds by the names under which commands know them."""

from collections.abc import Mapping
from types import MappingProxyType

from models.simulation import adversarial, dropout, ema, fast15, holiday, shift_work
from models.simulation.patients import PatientWorld
from models.simulation.world import MakeWorld, World

WORLDS: Mapping[str, MakeWorld] = MappingProxyType(
    {
        "ema": ema.make,
        "fast15": fast15.make,
        "shift-work": shift_work.make,
        "holiday": holiday.make,
        "dropout": dropout.make,
        "adversarial": adversarial.make,
    }
)


def with_spacing_cost(make: MakeWorld, cost: float) -> MakeWorld:
    """Return the factory of the same worlds, prompts less than an hour apart costing this logit.

    The worlds raise ValueError for a negative cost, and unless they are built-in ones.
    """

    def made(persons: int, days: int, seed: int) -> World:
        world = make(persons, days, seed)
        if not isinstance(world, PatientWorld):
            raise ValueError("world: has no spacing cost to be set, only built-in worlds have")
        return world.with_spacing_cost(cost)

    return made
