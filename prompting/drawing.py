"""The draws themselves, pure: an arm, a slot, and whether a prompt comes at all.

Every number drawn belongs to the window's own seed and purpose, so the same input gives the same
draws, whatever a window is drawn together with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from engine.draws import happens
from engine.learning_records import ANSWERED, COMPLETED
from engine.planning import draw
from engine.preview import SEND, SLOT
from engine.records import EVENT, Decision, StoredWindow
from engine.stratified import feasible, next_law
from prompting.features import NOTHING, Around, batch_of, day_type
from prompting.policies import (
    ADAPTIVE,
    FIXED,
    UNIFORM,
    Law,
    SlotBatch,
    TimingPolicy,
    UniformPolicy,
    law_of,
)

MICRO_RANDOMISED = "micro_randomised"
STRATIFIED = "stratified"
"""Name of the law by which several prompts of one window are drawn."""
SET_TIMES = frozenset({FIXED, MICRO_RANDOMISED, EVENT})
"""Timings whose instant is given and not drawn."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The two arms an adaptive window can fall into."""

    adaptive: TimingPolicy
    uniform: TimingPolicy = field(default_factory=UniformPolicy)


def draw_slots(
    batch: Sequence[StoredWindow],
    available: Sequence[Sequence[bool]],
    policies: Policies,
    *,
    now: datetime,
    around: Sequence[Around] | None = None,
) -> list[Decision]:
    """Return one decision a window: arm first, then the slot under that arm's law, then whether.

    `available` holds at least one true value a window. The slot is drawn even where no prompt is
    to come: the decision not to prompt belongs to an instant too. `around` is what is known of
    each window beside the clock.
    """
    around = around or [NOTHING] * len(batch)
    slots = batch_of(batch, available, around)
    arms = [_arm(window) for window in batch]
    is_adaptive = np.array([arm == ADAPTIVE for arm, _ in arms], dtype=np.bool_)
    laws = _laws(slots, is_adaptive, policies)
    return [
        _decision(window, mask, arm, laws[arm[0]], row, hours, known, now)
        for window, mask, arm, row, hours, known in zip(
            batch, available, arms, _rows(is_adaptive), slots.hours, around, strict=True
        )
    ]


def is_one_of_several(window: StoredWindow) -> bool:
    """Return whether the window holds more prompts than this one."""
    return window.number > 0 or window.remaining > 1


def _arm(window: StoredWindow) -> tuple[str, float]:
    """Return the arm and its probability. Only adaptive windows are ever adapted."""
    if window.timing in SET_TIMES:
        return FIXED, 1.0
    if window.timing != ADAPTIVE:
        return UNIFORM, 1.0
    share = window.control_share
    if draw(window.seed, window.id, "arm", [share, 1.0 - share]) == 0:
        return UNIFORM, share
    return ADAPTIVE, 1.0 - share


def _laws(slots: SlotBatch, is_adaptive: NDArray[np.bool_], policies: Policies) -> dict[str, Law]:
    """Return the law of each arm over the windows of that arm; set times go with uniform."""
    laws = {}
    if not is_adaptive.all():
        laws[UNIFORM] = laws[FIXED] = policies.uniform.law(slots.rows(~is_adaptive))
    if is_adaptive.any():
        laws[ADAPTIVE] = law_of(policies.adaptive, slots.rows(is_adaptive))
    return laws


def _rows(is_adaptive: NDArray[np.bool_]) -> list[int]:
    """Return the row (n,) of each window in its own law."""
    ranks = np.where(is_adaptive, np.cumsum(is_adaptive), np.cumsum(~is_adaptive)) - 1
    return [int(rank) for rank in ranks]


def _decision(
    window: StoredWindow,
    available: Sequence[bool],
    arm: tuple[str, float],
    law: Law,
    row: int,
    hours: NDArray[np.float64],
    around: Around,
    now: datetime,
) -> Decision:
    k = len(window.slots)
    features: dict[str, object] = {
        "hours": [float(hour) for hour in hours[:k]],
        "day_type": day_type(window.local_date),
        "objective": window.objective,
        **around.features(),
    }
    if is_one_of_several(window):
        # What was drawn before in this window is in the mask already.
        propensities = next_law(window.slots, available, window.remaining, window.gap, None)
        fitting = feasible(window.slots, window.gap, available=available)
        features |= {
            "remaining": window.remaining,
            "fitting": min(fitting, window.remaining),
            "gap_seconds": int(window.gap.total_seconds()),
        }
    else:
        propensities = tuple(float(share) for share in law.propensities[row, :k])
        if arm[0] == ADAPTIVE:
            features["rests_on"] = law.rests_on(row)
    chosen = draw(window.seed, window.id, SLOT, propensities)
    if law.reasons is not None and features.get("rests_on") in {ANSWERED, COMPLETED}:
        features["why"] = law.reasons.of(row, chosen)
    name, version, epsilon = _policy(window, arm[0], law)
    return Decision(
        prompt_id=window.id,
        decided_at=now,
        policy=name,
        policy_version=version,
        arm=arm[0],
        arm_probability=arm[1],
        epsilon=epsilon,
        seed=window.seed,
        slots=window.slots,
        available=tuple(available),
        propensities=propensities,
        chosen=chosen,
        features=features,
        probability=window.probability,
        prompted=happens(window.seed, window.id, SEND, window.probability),
    )


def _policy(window: StoredWindow, arm: str, law: Law) -> tuple[str, str, float]:
    """Return name, version and uniform share of the law that the slot is drawn by."""
    if arm == FIXED:
        return window.timing, "1", 1.0
    if is_one_of_several(window):
        return STRATIFIED, "1", 1.0
    return law.name, law.version, law.epsilon
