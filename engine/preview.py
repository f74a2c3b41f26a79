"""A plan drawn as it would be before anything is learned, with the law of every prompt. Pure.

The same draws, from the same seeds, as when windows are decided one by one: the slot, uniformly
among those that keep the minimum gap to the prompts drawn before and to set times; then whether a
prompt is sent at all. A decision point keeps its time free until it is drawn, whatever comes of it:
else it would be available more often when it says yes, and the share of yes among the available
would no longer be its probability.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.availability import available_slots
from engine.draws import draw, happens
from engine.planned import TOO_CLOSE, DayPlan, PlannedWindow
from engine.planning import prompt_id
from engine.stratified import next_law

SEND, SLOT = "send", "slot"
"""Purposes of the two draws of a prompt."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A prompt with the law of its slots, all zero where none is left.

    `at` is None, with a reason, for one that is not sent.
    """

    window: PlannedWindow
    propensities: tuple[float, ...]
    at: datetime | None
    dropped_because: str | None = None


def draw_days(
    plans: Iterable[DayPlan], *, enrolment: UUID, seed: int, min_gap: timedelta
) -> tuple[tuple[Drawn, ...], ...]:
    """Return the prompts of each day drawn, in the order of the plan."""
    drawing = _Drawing(list(plans), enrolment, seed, min_gap)
    return tuple(tuple(drawing.drawn(window) for window in plan.windows) for plan in drawing.plans)


class _Drawing:
    """The instants taken so far, and the last one drawn in each window."""

    def __init__(
        self, plans: list[DayPlan], enrolment: UUID, seed: int, min_gap: timedelta
    ) -> None:
        self.plans, self._enrolment, self._seed, self._min_gap = plans, enrolment, seed, min_gap
        self._last: dict[UUID, datetime] = {}
        self._taken = sorted(
            window.slots[0] for plan in plans for window in plan.windows if _is_set_time(window)
        )

    def drawn(self, window: PlannedWindow) -> Drawn:
        """Return the prompt drawn, and count its instant as taken if it is sent."""
        first = self._key(window, window.window - window.number)
        law = next_law(
            window.slots,
            self._available(window),
            window.remaining,
            window.gap,
            self._last.get(first),
        )
        if not any(law):
            if _is_set_time(window):
                self._taken.remove(window.slots[0])
            return Drawn(window, law, None, TOO_CLOSE)
        at = window.slots[draw(self._seed, self._key(window), SLOT, law)]
        self._last[first] = at
        if not happens(self._seed, self._key(window), SEND, window.probability):
            if _is_set_time(window):
                self._taken.remove(at)
            return Drawn(window, law, None, f"no prompt drawn (probability {window.probability:g})")
        if not _is_set_time(window):
            insort(self._taken, at)
        return Drawn(window, law, at)

    def _available(self, window: PlannedWindow) -> list[bool]:
        low = bisect_left(self._taken, window.slots[0] - self._min_gap)
        high = bisect_left(self._taken, window.slots[-1] + self._min_gap)
        near = self._taken[low:high]
        if _is_set_time(window):
            near = [at for at in near if at < window.slots[0]]  # its own is taken already
        return available_slots(window.slots, taken=near, min_gap=self._min_gap, now=window.slots[0])

    def _key(self, window: PlannedWindow, number: int | None = None) -> UUID:
        place = window.window if number is None else number
        return prompt_id(self._enrolment, window.assignment, window.local_date, place)


def _is_set_time(window: PlannedWindow) -> bool:
    return len(window.slots) == 1 and window.timing in {"fixed", "micro_randomised"}
