"""Our learner as a policy under test."""

import numpy as np

from models.propensity import epsilon_greedy, uniform
from models.receptivity import Receptivity
from models.simulation.policy import Asked, Setting
from models.simulation.world import Floats

DECLARED = ("wake", "bed", "work_start", "work_end")


class AdaptivePolicy:
    """Receptivity with an update after each block and a refit each night, epsilon-greedy.

    It knows what persons declared and minds when it prompted them last that day, unless told not
    to (`declared`, `spacing`). Days of warming up, if any, are uniform.
    """

    def __init__(
        self,
        setting: Setting,
        model: Receptivity,
        *,
        declared: bool = True,
        spacing: bool = True,
        warm_up_days: int = 0,
    ) -> None:
        self._setting, self._model, self._warm_up = setting, model, warm_up_days
        self._persons = np.arange(setting.persons).astype(np.str_)
        self._spacing = spacing
        self._declared: Floats | None = None
        if declared and setting.declared is not None:
            self._declared = np.column_stack([setting.declared[name] for name in DECLARED])
        self._past: list[Asked] = []
        self._last_hour = np.full(setting.persons, np.nan)
        self._model.fit(np.empty((0, 2)), np.empty(0), person=np.empty(0, dtype=np.str_))

    def propensities(self, day: int, block: int) -> Floats:
        """Return 1 - epsilon on the slot the model likes best, epsilon spread uniformly."""
        clock = self._setting.hours(block)
        available = np.ones((self._setting.persons, clock.size), dtype=np.bool_)
        if day < self._warm_up:
            return uniform(available)
        score = self._model.slot_scores(
            np.broadcast_to(clock, available.shape),
            self._setting.day_type(day),
            self._persons,
            declared=self._news(),
            last_hour=self._last_hour if self._spacing else None,
        )
        return epsilon_greedy(score, available, self._setting.epsilon)

    def learn(self, asked: Asked) -> None:
        """Add the outcomes to the persons' counts."""
        self._past.append(asked)
        self._model.partial_fit(
            np.column_stack([asked.hour, asked.day_type]),
            asked.label,
            person=self._persons,
            declared=self._news(),
            last_hour=self._last_hour,
        )
        self._last_hour = asked.hour

    def end_day(self) -> None:
        """Refit population curve and prior on everything so far."""
        past = self._past
        hour = np.concatenate([asked.hour for asked in past])
        kind = np.concatenate([asked.day_type for asked in past])
        declared = self._declared
        self._model.fit(
            np.column_stack([hour, kind]),
            np.concatenate([asked.label for asked in past]),
            person=np.tile(self._persons, len(past)),
            day=np.repeat([asked.day for asked in past], self._persons.size),
            declared=None if declared is None else np.tile(declared, (len(past), 1)),
        )
        self._last_hour = np.full(self._setting.persons, np.nan)

    def _news(self) -> Floats | None:
        """Return what was declared while the model has not heard it; a refit tells it for good."""
        return self._declared if not self._past or self._past[0].day == self._past[-1].day else None
