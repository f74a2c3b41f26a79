"""Which simulation a seed stands for, and how one is lived again.

`WELLTIMED_SEED=n` lives through that one alone; `WELLTIMED_NIGHTLY=all` through 100,000
patient-days, `WELLTIMED_NIGHTLY=10000` through so many.
"""

import os
import random

from simulated_time import Temper
from simulated_world import Setting, World

PERSONS, DAYS = 50, 5
FIRST_NIGHTLY = 1_000
ALL = 100_000
TEMPERS = (Temper(), Temper(pause=0.03), Temper(crash=0.02), Temper(0.2, 0.015, 0.01))
EVERYDAY = range(2, 2 + len(TEMPERS))
"""The seeds of every test run: 1,000 patient-days."""


def setting_of(seed: int) -> Setting:
    """Return the setting of a seed, a function of nothing else."""
    rng = random.Random(f"setting {seed}")
    return Setting(
        persons=PERSONS,
        days=DAYS,
        dispatchers=rng.choice((2, 3)),
        temper=TEMPERS[seed % len(TEMPERS)],
        storms_a_day=rng.choice((0.5, 1.5, 4)),
        clock_steps_a_day=rng.choice((0, 1, 4)),
        strict_share=rng.choice((0.3, 0.5, 0.9)),
    )


def seeds() -> list[int]:
    """Return the seeds to live through in this run."""
    one, nightly = os.environ.get("WELLTIMED_SEED"), os.environ.get("WELLTIMED_NIGHTLY")
    if one:
        return [int(one)]
    if nightly:
        patient_days = ALL if nightly == "all" else int(nightly)
        return list(range(FIRST_NIGHTLY, FIRST_NIGHTLY + -(-patient_days // (PERSONS * DAYS))))
    return list(EVERYDAY)


def report(world: World, broken: list[str]) -> str:
    """Return what to tell of a simulation that broke promises, and how to see it again."""
    told = [
        line
        for line in world.log
        if any(word[:8] in line for text in broken[:3] for word in text.split() if "/" in word)
    ]
    return "\n".join(
        [
            f"seed {world.seed} breaks {len(broken)} promises:",
            *broken[:10],
            "what became of the first of them:",
            *told[-40:],
            "see it again with:",
            f"WELLTIMED_SEED={world.seed} .venv/bin/python -m pytest -n 0 "
            "tests/simulation/test_simulated_days.py",
        ]
    )
