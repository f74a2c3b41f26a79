"""How strong each force on a simulated patient is: the parameters that all built-in worlds share.

Every world is a set of these numbers, and a way in which its patients' days are laid out.
"""

from dataclasses import dataclass, fields

SHARES = ("offline_share", "dropout_share", "change_share", "employed_share", "shift_share")
MAY_BE_NEGATIVE = ("level",)


@dataclass(frozen=True)
class Tuning:
    """Sizes of effects, on the logit scale of an answer unless said otherwise.

    Raises ValueError, naming the field, for a share outside 0..1, a negative size, or an expiry or
    median delay that is not above 0.
    """

    level: float = 2.92  # of an average person at an average hour of day 0
    person_sd: float = 0.55  # of persons' base rates
    curve_sd: float = 0.54  # of a person's own curve over the hours
    off_curve_sd: float = 0.30  # of what an off day adds to that curve
    wave: float = 0.12  # of the two-humped curve that everybody shares
    work_drop: float = 0.6  # at work
    sleep_drop: float = 1.5  # before waking and after going to bed
    habituation: float = 0.2  # mean; the logit falls by this times log(1 + day / 7)
    day_sd: float = 0.5  # of good and bad days (correlation .35 from one to the next)
    hour_sd: float = 0.8  # of good and bad half hours (correlation .75 from one to the next)
    burden: float = 0.12  # mean, for each prompt of the last eight hours
    rushed_drop: float = 1.2  # for prompts less than an hour apart
    offline_share: float = 0.03  # of prompts met by a phone that is off
    dropout_share: float = 0.06  # of persons who silently stop one day
    change_share: float = 0.30  # of persons whose rhythm is drawn anew once
    employed_share: float = 0.7  # of persons
    shift_share: float = 0.2  # of the employed who start anywhere from 6 to 14 h, any weekday
    expiry_minutes: float = 60.0  # the first minute that is too late to answer
    delay_median: float = 10.0  # minutes, of a person of average speed at an average hour
    delay_sd: float = 1.2  # of the logarithm, within a person
    delay_person_sd: float = 0.8  # of the logarithm, between persons
    delay_slope: float = 0.35  # by which the log median falls per unit of systematic logit

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in SHARES and not 0.0 <= value <= 1.0:
                raise ValueError(f"{field.name}: must be between 0 and 1, got {value}")
            if field.name not in MAY_BE_NEGATIVE and not value >= 0.0:
                raise ValueError(f"{field.name}: must not be negative, got {value}")
        for name in ("expiry_minutes", "delay_median"):
            if getattr(self, name) == 0.0:
                raise ValueError(f"{name}: must be above 0")
