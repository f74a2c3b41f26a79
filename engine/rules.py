"""What a patient has set for themselves: it narrows the protocol and can never widen it.

Own quiet hours come on top of the protocol's, an own daily cap counts where it is lower, and on
pause days nothing is asked. Nothing here can add a prompt.
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated

from pydantic import Field, field_validator

from engine.assignment import Limits
from engine.contradictions import quiet_hours, unknown
from engine.durations import PlainDate
from engine.errors import FieldFault as Fault
from engine.errors import FieldsRefused
from engine.reading import read
from engine.triggers import Count, Identifier, LocalInterval, ProtocolPart, distinct


class Pause(ProtocolPart):
    """Local dates without prompts, both ends included; no `to` means until taken back."""

    from_: PlainDate = Field(alias="from")
    to: PlainDate | None = None

    def includes(self, day: date) -> bool:
        """Return whether this date lies in the pause."""
        return self.from_ <= day and (self.to is None or day <= self.to)


class PatientRules(ProtocolPart):
    """The patient's own rules: quiet hours, pause days, a lower cap, assignments left out."""

    quiet_hours: Annotated[tuple[LocalInterval, ...], Field(max_length=20)] = ()
    pauses: Annotated[tuple[Pause, ...], Field(max_length=100)] = ()
    per_day: Count | None = None
    without: Annotated[tuple[Identifier, ...], Field(max_length=100)] = ()

    @field_validator("without")
    @classmethod
    def _named_once(cls, without: tuple[str, ...]) -> tuple[str, ...]:
        return distinct(without)

    def paused(self, day: date) -> bool:
        """Return whether this local date is a pause day."""
        return any(pause.includes(day) for pause in self.pauses)

    def capped(self, limits: Limits) -> int | None:
        """Return the daily cap that holds: the lower of the protocol's and the patient's own."""
        caps = [cap for cap in (limits.per_day, self.per_day) if cap is not None]
        return min(caps, default=None)


NO_RULES = PatientRules()


def parse_rules(document: object, *, assignments: Collection[str] | None = None) -> PatientRules:
    """Return the rules this document (parsed JSON) describes.

    `assignments` are the ids that can be left out; None leaves that unchecked.
    Raises FieldsRefused with every fault, each with its path.
    """
    rules, faults = read(PatientRules, document)
    if rules is not None:
        faults = tuple(_contradictions(rules, assignments))
    if rules is None or faults:
        raise FieldsRefused(*faults)
    return rules


def dump_rules(rules: PatientRules) -> dict[str, object]:
    """Return the canonical JSON-able document; parsing it gives equal rules."""
    return rules.model_dump(mode="json", by_alias=True, exclude_none=True)


def _contradictions(rules: PatientRules, assignments: Collection[str] | None) -> Iterator[Fault]:
    yield from quiet_hours(tuple(enumerate(rules.quiet_hours)))
    for place, pause in enumerate(rules.pauses):
        if pause.to is not None and pause.to < pause.from_:
            yield Fault(f"pauses[{place}].to", f"must not be before 'from' ({pause.from_})")
    for place, name in enumerate(rules.without):
        if assignments is not None and name not in assignments:
            yield Fault(f"without[{place}]", unknown("assignment", name, assignments))
