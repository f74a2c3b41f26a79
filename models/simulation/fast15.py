"""A world of EMA patients whose moments are those of public data, for answers within 15 minutes.

Prompts lapse after 15 minutes, so that answering means answering quickly. Under uniform timing
about .40 are answered; the standard deviations of the true probability between persons, between a
person's times of day and between a person's days are about .15, .055 and .10. A perfect knower of
each person's rhythm gains about five points, a third of it by what all persons have in common.
"""

from dataclasses import replace

from models.simulation import ema
from models.simulation.lives import usual_life
from models.simulation.patients import PatientWorld

TUNING = replace(
    ema.TUNING,
    level=0.28,
    person_sd=0.70,
    curve_sd=0.33,
    off_curve_sd=0.40,
    wave=0.22,
    work_drop=0.55,
    sleep_drop=0.70,
    day_sd=0.37,
    hour_sd=0.5,
    dropout_share=0.05,
    change_share=0.35,
    expiry_minutes=15.0,
    delay_median=5.0,
    delay_person_sd=0.5,
)


def make(persons: int, days: int, seed: int) -> PatientWorld:
    """Return a world of `persons` patients over `days` days, a function of its arguments alone."""
    return PatientWorld(persons, days, seed, TUNING, usual_life)
