"""Drawing a slot for each window that is about to open, and committing the draw.

Availability is settled first and apart from chance; then one matrix of propensities is computed
for the whole batch; then each window's slot is drawn from its own seed. Decision, due and expiry
instants are committed together, before anything is sent, and are never drawn again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from engine.availability import available_slots
from engine.commands.scheduling import WELCOME, protocol_of
from engine.planning import draw
from engine.prompt import State
from engine.records import Decision, StoredWindow
from engine.store import Database, ReadTx, WriteTx, decisions, schedules, windows
from prompting.features import batch_of, day_type
from prompting.policies import ADAPTIVE, FIXED, UNIFORM, SlotBatch, TimingPolicy, UniformPolicy

LEAD = timedelta(minutes=5)
"""How long before a window opens its slot is drawn."""
BATCH = 5_000
_NO_GAP = timedelta(0)  # for the first prompt of a phone: patient and therapist are waiting for it


@dataclass(frozen=True, slots=True)
class Policies:
    """The two arms an adaptive window can fall into."""

    adaptive: TimingPolicy
    uniform: TimingPolicy = field(default_factory=UniformPolicy)


def decide(db: Database, policies: Policies, *, now: datetime) -> int:
    """Draw every window that opens within the lead and return how many were drawn."""
    with db.write() as tx:
        waiting = windows.undecided(tx, before=now + LEAD, limit=BATCH)
        drawn = 0
        for batch in _one_per_enrolment(waiting):
            drawn += _decide_batch(tx, batch, policies, now)
    return drawn


def _one_per_enrolment(waiting: Sequence[StoredWindow]) -> list[list[StoredWindow]]:
    """Split so that no batch has two windows of one enrolment: each must know the draw before."""
    rounds: list[list[StoredWindow]] = []
    seen: dict[UUID, int] = {}
    for window in waiting:
        place = seen.get(window.enrolment_id, 0)
        seen[window.enrolment_id] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(window)
    return rounds


def _decide_batch(
    tx: WriteTx, batch: Sequence[StoredWindow], policies: Policies, now: datetime
) -> int:
    masks = _availability(tx, batch, now)
    reasons = {
        window.id: _why_not(window, now)
        for window, mask in zip(batch, masks, strict=True)
        if not any(mask)
    }
    decisions.end_undecided(tx, reasons, now=now)
    kept = [(w, mask) for w, mask in zip(batch, masks, strict=True) if any(mask)]
    if not kept:
        return 0
    chosen = [window for window, _ in kept]
    drawn = draw_slots(chosen, [mask for _, mask in kept], policies, now=now)
    expiries = {
        window.id: decision.slots[decision.chosen] + window.expires_after
        for window, decision in zip(chosen, drawn, strict=True)
    }
    decisions.add_decisions(tx, drawn, expiries)
    return len(drawn)


def _availability(tx: ReadTx, batch: Sequence[StoredWindow], now: datetime) -> list[list[bool]]:
    since = min(window.start_at for window in batch) - timedelta(days=1)
    until = max(window.end_at for window in batch) + timedelta(days=1)
    taken = windows.taken_instants(
        tx, [window.enrolment_id for window in batch], since=since, until=until
    )
    gaps = _gaps(tx, batch)
    return [
        available_slots(
            window.slots,
            taken=[at for at in taken.get(window.enrolment_id, []) if at != window.due_at],
            min_gap=_NO_GAP
            if window.assignment == WELCOME
            else gaps[window.protocol_id, window.protocol_version],
            now=min(now, window.slots[0]) if _may_be_late(window, now) else now,
        )
        for window in batch
    ]


def _may_be_late(window: StoredWindow, now: datetime) -> bool:
    """Return whether a set time that has passed still counts: until expiry; a random slot not."""
    return window.timing == FIXED and now < window.slots[0] + window.expires_after


def _gaps(tx: ReadTx, batch: Sequence[StoredWindow]) -> dict[tuple[UUID, int], timedelta]:
    keys = {(window.protocol_id, window.protocol_version) for window in batch}
    return {
        key: protocol_of(version).limits.min_gap
        for key, version in schedules.versions_at(tx, keys).items()
    }


def _why_not(window: StoredWindow, now: datetime) -> tuple[State, str]:
    if window.slots[-1] < now and not _may_be_late(window, now):
        return State.EXPIRED, "the window was over before a slot could be drawn"
    return State.CANCELLED, "no slot keeps the minimum gap to other prompts"


def draw_slots(
    batch: Sequence[StoredWindow],
    available: Sequence[Sequence[bool]],
    policies: Policies,
    *,
    now: datetime,
) -> list[Decision]:
    """Return one decision a window: arm drawn first, then the slot under that arm's law.

    Pure: seeds come with the windows, so the same input gives the same draws. `available` holds
    at least one true value a window.
    """
    slots = batch_of(batch, available)
    arms = [_arm(window) for window in batch]
    is_adaptive = np.array([arm == ADAPTIVE for arm, _ in arms], dtype=np.bool_)
    law = _law(slots, is_adaptive, policies)
    return [
        _decision(window, mask, arm, probability, row, hours, policies, now)
        for window, mask, (arm, probability), row, hours in zip(
            batch, available, arms, law, slots.hours, strict=True
        )
    ]


def _arm(window: StoredWindow) -> tuple[str, float]:
    """Return the arm and its probability. Only adaptive windows are ever adapted."""
    if window.timing in {FIXED, UNIFORM}:
        return window.timing, 1.0
    share = window.control_share
    if draw(window.seed, window.id, "arm", [share, 1.0 - share]) == 0:
        return UNIFORM, share
    return ADAPTIVE, 1.0 - share


def _law(
    slots: SlotBatch, is_adaptive: NDArray[np.bool_], policies: Policies
) -> NDArray[np.float64]:
    law = policies.uniform.propensities(slots)
    if is_adaptive.any():
        law[is_adaptive] = policies.adaptive.propensities(slots.rows(is_adaptive))
    return law


def _decision(
    window: StoredWindow,
    available: Sequence[bool],
    arm: str,
    arm_probability: float,
    law: NDArray[np.float64],
    hours: NDArray[np.float64],
    policies: Policies,
    now: datetime,
) -> Decision:
    k = len(window.slots)
    propensities = tuple(float(share) for share in law[:k])
    policy = policies.adaptive if arm == ADAPTIVE else policies.uniform
    return Decision(
        prompt_id=window.id,
        decided_at=now,
        policy=FIXED if arm == FIXED else policy.name,
        policy_version="1" if arm == FIXED else policy.version,
        arm=arm,
        arm_probability=arm_probability,
        epsilon=1.0 if arm == FIXED else policy.epsilon,
        seed=window.seed,
        slots=window.slots,
        available=tuple(available),
        propensities=propensities,
        chosen=draw(window.seed, window.id, "slot", propensities),
        features={
            "hours": [round(float(hour), 4) for hour in hours[:k]],
            "day_type": day_type(window.local_date),
        },
    )
