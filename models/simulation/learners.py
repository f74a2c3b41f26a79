"""Our learner as a policy under test."""

import numpy as np

from models.objective import Heads, Objective
from models.propensity import epsilon_greedy, uniform
from models.receptivity import Receptivity
from models.relevance import Relevance
from models.simulation.features import declared_hours
from models.simulation.policy import Asked, Setting
from models.simulation.world import Floats


class AdaptivePolicy:
    """Receptivity with an update after each block and a refit each night, epsilon-greedy.

    It knows what persons declared and minds when it prompted them last that day, unless told not
    to (`declared`, `spacing`). Days of warming up, if any, are uniform.
    """

    _objective: Objective = "answered"

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
        self._declared = declared_hours(setting) if declared else None
        self._past: list[Asked] = []
        self._last_hour = np.full(setting.persons, np.nan)
        self._model.fit(np.empty((0, 2)), np.empty(0), person=np.empty(0, dtype=np.str_))

    def propensities(self, day: int, block: int) -> Floats:
        """Return 1 - epsilon on the slot the model likes best, epsilon spread uniformly."""
        clock = self._setting.hours(block)
        available = np.ones((self._setting.persons, clock.size), dtype=np.bool_)
        if day < self._warm_up:
            return uniform(available)
        score = self._heads().slot_scores(
            self._objective,
            np.broadcast_to(clock, available.shape),
            self._setting.day_type(day),
            self._persons,
            declared=self._news(),
            last_hour=self._last_hour if self._spacing else None,
        )
        return epsilon_greedy(score, available, self._setting.epsilon)

    def _heads(self) -> Heads:
        """Return the fitted models that the objective rests on."""
        return Heads(self._model)

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


class RelevancePolicy(AdaptivePolicy):
    """The same with objective `relevance`: slots by the chance of an answer at a good moment.

    Marks come with a night's delay, when the relevance head is fitted anew.
    """

    _objective: Objective = "relevance"

    def __init__(self, setting: Setting, model: Receptivity, relevance: Relevance) -> None:
        super().__init__(setting, model)
        self._relevance = relevance
        self._relevance.fit(np.empty((0, 2)), np.empty(0), person=np.empty(0, dtype=np.str_))

    def end_day(self) -> None:
        """Refit both heads."""
        super().end_day()
        marks = np.concatenate([asked.mark for asked in self._past])
        marked = ~np.isnan(marks)
        columns = [np.column_stack([asked.hour, asked.day_type]) for asked in self._past]
        days = np.repeat([asked.day for asked in self._past], self._persons.size)
        self._relevance.fit(
            np.concatenate(columns)[marked],
            marks[marked],
            person=np.tile(self._persons, len(self._past))[marked],
            day=days[marked],
        )

    def _heads(self) -> Heads:
        return Heads(self._model, relevance=self._relevance)
