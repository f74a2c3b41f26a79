"""A world of EMA patients whose moments are those of public prompt-level data, for any answer.

Prompts stay open for an hour. Under uniform timing about .80 are answered; the standard deviations
of the true probability between persons, between a person's times of day and between a person's
days are about .12, .05 and .13, and an answer follows an answer in .85 and a miss in .63 of cases.
A third of persons change their rhythm once and do not say so.
"""

from models.simulation.lives import usual_life
from models.simulation.patients import PatientWorld
from models.simulation.rhythms import FIRST_HOUR, PER_BLOCK, SLOTS
from models.simulation.tuning import Tuning

__all__ = ["FIRST_HOUR", "PER_BLOCK", "SLOTS", "TUNING", "EmaWorld", "make"]

TUNING = Tuning()
EmaWorld = PatientWorld


def make(persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return PatientWorld(persons, days, seed, TUNING, usual_life)
