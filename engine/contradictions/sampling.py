"""Samples called representative of the day that cannot be."""

from collections.abc import Iterator

from engine.assignment import Assignment
from engine.errors import FieldFault as Fault
from engine.triggers import EventTrigger, PatientInitiatedTrigger, WindowTrigger


def sampling(place: int, assignment: Assignment) -> Iterator[Fault]:
    """Yield a fault where prompts come at moments that are chosen for what they are."""
    if assignment.sampling != "representative":
        return
    trigger, path = assignment.trigger, f"assignments[{place}].sampling"
    if isinstance(trigger, WindowTrigger) and trigger.timing == "adaptive":
        yield Fault(path, "a representative sample needs timing: uniform; this trigger is adaptive")
    elif isinstance(trigger, EventTrigger | PatientInitiatedTrigger):
        yield Fault(
            path,
            "a representative sample needs set times or uniform windows; "
            f"this trigger is {trigger.kind}",
        )
