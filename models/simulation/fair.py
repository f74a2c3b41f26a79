"""Who is told what: rivals and ours side by side, with and without the hours that persons declare.

A comparison is fair where both sides know the same. `FAIR` names each policy twice, and `EQUALS`
says which of ours each is to be set against.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.receptivity import Receptivity
from models.simulation.learners import AdaptivePolicy
from models.simulation.regressions import PersonPolicy, PooledPolicy
from models.simulation.run import POLICIES, MakePolicy

OURS, OURS_UNTOLD = "adaptive", "adaptive, not told"
EQUALS: Mapping[str, str] = MappingProxyType(
    {
        "uniform": OURS_UNTOLD,
        "fixed": OURS_UNTOLD,
        "pooled": OURS_UNTOLD,
        "person": OURS_UNTOLD,
        "pooled, told": OURS,
        "person, told": OURS,
    }
)
"""Which of ours knows as much as this policy does."""
FAIR: Mapping[str, MakePolicy] = MappingProxyType(
    {
        "fixed": POLICIES["fixed"],
        "pooled": POLICIES["pooled"],
        "person": POLICIES["person"],
        OURS_UNTOLD: lambda setting, _: AdaptivePolicy(setting, Receptivity(), declared=False),
        "pooled, told": lambda setting, _: PooledPolicy(setting, told=True),
        "person, told": lambda setting, _: PersonPolicy(setting, told=True),
        OURS: POLICIES[OURS],
    }
)
