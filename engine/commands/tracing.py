"""What became of one prompt, for staff who want to know why it did or did not arrive."""

from uuid import UUID

from engine.errors import NotFound
from engine.store import Database, traces
from engine.trace import Trace, trace_of


def trace(db: Database, prompt_id: UUID, *, patient_id: UUID | None = None) -> Trace:
    """Return a prompt's way in words, its reminders and snoozes included.

    With `patient_id` only a prompt of that patient is found: who may see the patient is decided
    by the caller. Raises NotFound.
    """
    with db.read() as tx:
        found = traces.stories(tx, prompt_id)
    if not found or (patient_id is not None and found[0].patient_id != patient_id):
        raise NotFound("prompt")
    return trace_of(found)
