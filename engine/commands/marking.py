"""What a patient says of a prompt's moment: good, or not."""

from datetime import datetime
from uuid import UUID

from engine.errors import NotFound
from engine.learning_records import MarkCounts
from engine.records import Device
from engine.store import Database, answers, marks


def mark_moment(
    db: Database, device: Device, prompt_id: UUID, *, good: bool, now: datetime
) -> None:
    """Store whether the moment of a prompt was a good one; what was said last counts.

    It teaches the timing of assignments whose objective is relevance, from the next fit on.
    Raises NotFound for another's prompt, and for one that never left.
    """
    with db.write() as tx:
        if not answers.own_prompts(tx, device.patient_id, [prompt_id]):
            raise NotFound("prompt")
        marks.set_mark(
            tx,
            prompt_id,
            patient_id=device.patient_id,
            device_id=device.id,
            good=good,
            now=now,
        )


def moments_of(db: Database, patient_id: UUID) -> MarkCounts:
    """Return how many of the patient's prompts they called well timed, and how many not."""
    with db.read() as tx:
        return marks.mark_counts(tx, patient_id)


def moment_of(db: Database, prompt_id: UUID) -> bool | None:
    """Return whether the patient called this prompt's moment good; None if nothing was said."""
    with db.read() as tx:
        return marks.mark_of(tx, prompt_id)
