"""What another study teaches before this one has data: its population, as a prior of finite weight.

Only the shape is taken over: the curve over hours, effects of declared hours and of prompts in
quick succession, spreads, and how persons' deviations hang together. How eager the patients of the
two studies are is left to each.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import context
from models.bins import CELLS, Floats

PROMPTS = 2000.0  # at most so many prompts is a pilot's curve worth
PERSONS = 50.0  # and its spreads at most so many persons
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Pilot:
    """The population of another study.

    logit: (96,) curve; share: (96,) of its prompts by cell; prompts, persons: how many its curve
    and its spreads are worth here; base_sd, deviation_sd: spreads (logit); basis: (96, r) of
    deviations; sleep, work, gap: effects by zone of models.context.
    """

    logit: Floats
    share: Floats
    prompts: float
    persons: float
    base_sd: float
    deviation_sd: float
    basis: Floats
    sleep: Floats
    work: Floats
    gap: Floats

    @classmethod
    def of(cls, arrays: Arrays, *, prompts: float = PROMPTS, persons: float = PERSONS) -> "Pilot":
        """Return the pilot from a fitted model's to_arrays, worth no more prompts and persons.

        Raises KeyError for a missing array.
        """
        seen = np.asarray(arrays["seen"], dtype=np.float64)
        total = float(seen.sum())
        share = (seen.sum(axis=0) + 1e-9) / (total + CELLS * 1e-9)
        effects = np.asarray(arrays.get("effects", np.zeros(EFFECTS)), dtype=np.float64)
        sleep, work, gap = split_effects(effects)
        base_sd, deviation_sd = (float(value) for value in arrays["scales"])
        return cls(
            logit=np.asarray(arrays["population"], dtype=np.float64),
            share=np.asarray(share, dtype=np.float64),
            prompts=min(prompts, total),
            persons=min(persons, float((seen.sum(axis=1) > 0).sum())),
            base_sd=base_sd,
            deviation_sd=deviation_sd,
            basis=np.asarray(arrays["basis"], dtype=np.float64),
            sleep=sleep,
            work=work,
            gap=gap,
        )


EFFECTS = context.SLEEPS + context.WORKS + context.GAPS


def split_effects(effects: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the effects of sleep, work and gap from all of them in a row (21,)."""
    sleep, work, gap = np.split(effects, [context.SLEEPS, context.SLEEPS + context.WORKS])
    return sleep, work, gap
