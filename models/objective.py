"""What a prompt is timed for, and the score of each slot under it.

`answered`: that the prompt is answered in time; `completed`: that the exercise in it is done;
`relevance`: that it is answered and comes at a good moment, the product of both chances.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from models.bins import Floats
from models.context import Declared
from models.receptivity import Receptivity
from models.relevance import Relevance

Objective = Literal["answered", "completed", "relevance"]
OBJECTIVES: tuple[Objective, ...] = ("answered", "completed", "relevance")


@dataclass(frozen=True)
class Heads:
    """The fitted models that objectives rest on.

    answered: of answers in time. completed: of exercises done in time, over all prompts sent, or
    None while nothing is known of those. relevance: of good moments, or None.
    """

    answered: Receptivity
    completed: Receptivity | None = None
    relevance: Relevance | None = None

    def rests_on(self, objective: Objective) -> Objective:
        """Return the objective that slots are really scored by, for want of a head `answered`.

        Raises ValueError for an unknown objective.
        """
        if objective not in OBJECTIVES:
            raise ValueError(
                f"objective: must be one of {', '.join(OBJECTIVES)}, got {objective!r}"
            )
        if objective == "completed" and self.completed is None:
            return "answered"
        if objective == "relevance" and self.relevance is None:
            return "answered"
        return objective

    def slot_scores(
        self,
        objective: Objective,
        hours: ArrayLike,
        day_type: ArrayLike,
        person: ArrayLike,
        *,
        declared: Declared | None = None,
        last_hour: ArrayLike | None = None,
    ) -> Floats:
        """Return (n, k) scores of slots under the objective, larger is better.

        Arguments and scale as in Receptivity.slot_scores; for relevance the logarithm of the
        product. Raises ValueError for an unknown objective.
        """
        where = (hours, day_type, person)
        used = self.rests_on(objective)
        if used == "relevance" and self.relevance is not None:
            answered = self.answered.predict_proba(
                *where, declared=declared, last_hour=last_hour, bold=True
            )
            good = self.relevance.predict_proba(*where, declared=declared, bold=True)
            return np.asarray(np.log(answered) + np.log(good), dtype=np.float64)
        head = self.completed if used == "completed" and self.completed else self.answered
        return head.slot_scores(*where, declared=declared, last_hour=last_hour)
