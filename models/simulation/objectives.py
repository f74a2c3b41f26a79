"""What timing for relevance gains in good moments, and what it costs in answers.

In worlds with good moments (`models.simulation.good_moments`) our learner is run once for each
objective, beside the slot that is answered best and the one with most answers at good moments.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from models.receptivity import Receptivity
from models.relevance import Relevance
from models.simulation.compare import FLOOR, Comparison, Estimate, mean
from models.simulation.good_moments import GoodMoments
from models.simulation.learners import RelevancePolicy
from models.simulation.policy import OraclePolicy, Policy, Setting
from models.simulation.run import POLICIES, MakePolicy
from models.simulation.world import Floats, World

ANSWERED, RELEVANCE, BEST = "adaptive", "relevance", "best-moments"


def best_moments(setting: Setting, world: World) -> Policy:
    """Return an oracle of answers at good moments.

    Raises ValueError for a world that knows nothing of those.
    """
    if not isinstance(world, GoodMoments):
        raise ValueError("world: knows nothing of good moments")
    return OraclePolicy(setting, world.best)


OBJECTIVES: Mapping[str, MakePolicy] = MappingProxyType(
    {
        ANSWERED: POLICIES[ANSWERED],
        RELEVANCE: lambda setting, _: RelevancePolicy(setting, Receptivity(), Relevance()),
        BEST: best_moments,
    }
)


def good(comparison: Comparison, name: str, over: str = FLOOR) -> Floats:
    """Return differences (seeds, weeks) of answers at good moments per prompt, paired by seed."""
    ours, theirs = (
        np.array([run.good_by_week for run in comparison.runs[one]]) for one in (name, over)
    )
    return np.asarray(ours - theirs, dtype=np.float64)


def gains(comparison: Comparison) -> dict[str, dict[str, Estimate]]:
    """Return what each policy has over uniform in the last week, and over timing for answers.

    Of answers at good moments, and of answers; both a prompt, as shares of 1.
    """
    last = comparison.weeks - 1
    return {
        name: {
            "good_over_uniform": mean(good(comparison, name)[:, last]),
            "good_over_answered": mean(good(comparison, name, ANSWERED)[:, last]),
            "answers_over_uniform": comparison.advantage(name, FLOOR, last),
            "answers_over_answered": comparison.advantage(name, ANSWERED, last),
        }
        for name in comparison.runs
    }
