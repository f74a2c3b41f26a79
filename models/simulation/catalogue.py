"""The built-in worlds by the names under which commands know them."""

from collections.abc import Mapping
from types import MappingProxyType

from models.simulation import adversarial, dropout, ema, fast15, holiday, shift_work
from models.simulation.world import MakeWorld

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
