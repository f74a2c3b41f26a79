"""A world of patients who are hard to keep: almost half fall silent, phones are often off.

Habituation and burden are about twice those of `ema`, and silence is never announced: whoever has
stopped looks like somebody who misses prompts. A learner that takes their silence for a dislike of
the hours at which it asked is led astray. Everything else is as in `ema`.
"""

from dataclasses import replace

from models.simulation import ema
from models.simulation.lives import usual_life
from models.simulation.patients import PatientWorld

TUNING = replace(
    ema.TUNING,
    level=2.7,
    habituation=0.45,
    burden=0.25,
    offline_share=0.10,
    dropout_share=0.45,
    day_sd=0.8,
)


def make(persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return PatientWorld(persons, days, seed, TUNING, usual_life)
