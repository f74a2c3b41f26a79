"""What each assignment's times are chosen for, and what they rest on at present."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from engine.commands.basis import basis_for
from engine.learning_records import ANSWERED
from engine.store import Database
from engine.triggers import WindowTrigger
from prompting.policies import ADAPTIVE, UNIFORM
from prompting.standing import Standing


@dataclass(frozen=True, slots=True)
class ObjectiveNow:
    """An assignment whose moment lies in a window.

    `objective` is what the protocol asks its times to be chosen for; `rests_on` what a draw made
    now would go by, None where chance alone decides.
    """

    assignment: str
    content_id: str
    timing: str
    objective: str
    rests_on: str | None


def objectives_of(
    db: Database, standing: Standing, patient_id: UUID, *, policy: str
) -> list[ObjectiveNow]:
    """Return the objectives of the patient's assignments in windows, in the protocol's order.

    `policy` is the name of the clinic's policy. Raises NotFound.
    """
    with db.read() as tx:
        assignments = basis_for(tx, patient_id).protocol.assignments
    heads = standing.heads()
    learns = ANSWERED in heads and policy != UNIFORM
    usable = heads if policy == ADAPTIVE else {ANSWERED}
    return [
        ObjectiveNow(
            one.id,
            one.content,
            one.trigger.timing,
            one.trigger.objective,
            _rests_on(one.trigger, usable) if learns and _adapts(one.trigger) else None,
        )
        for one in assignments
        if isinstance(one.trigger, WindowTrigger)
    ]


def _adapts(trigger: WindowTrigger) -> bool:
    return trigger.timing == ADAPTIVE and trigger.per_window == 1


def _rests_on(trigger: WindowTrigger, heads: Collection[str]) -> str:
    """Return the head that scores slots; answers stand for one that is not there."""
    return trigger.objective if trigger.objective in heads else ANSWERED
