"""Failures the emulator can be told to show, and which request gets one."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from engine.errors import FieldFault, FieldsRefused


class FaultKind(StrEnum):
    """What goes wrong."""

    UNAVAILABLE = "503"
    INTERNAL = "500"
    THROTTLED = "429"
    UNREGISTERED = "404"
    INVALID = "400"
    UNAUTHENTICATED = "401"
    HANG = "hang"
    """No answer ever comes."""
    RESET = "reset"
    """The connection is reset in place of an answer."""
    GARBAGE = "garbage"
    """200 with a body that is no answer of FCM's."""
    ACCEPT_THEN_503 = "accept_then_503"
    """The message is delivered and the answer says 503."""


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class FaultRule(BaseModel):
    """Which requests fail and how.

    `times` ends the rule after so many failures (None: never); `share` is the part of the matching
    requests that fail, drawn from `seed`; `retry_after` goes into the answer as it is; `token`
    narrows the rule to one device.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[FaultKind, BeforeValidator(_number_as_text)]
    times: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    retry_after: Annotated[str | None, BeforeValidator(_number_as_text)] = None
    seed: int = 0
    token: str | None = None


_RULES = TypeAdapter(list[FaultRule])


@dataclass(slots=True)
class _Running:
    rule: FaultRule
    left: int | None
    rng: random.Random


class FaultPlan:
    """The rules in force; of those that match a request the first that strikes decides it."""

    def __init__(self) -> None:
        self._running: list[_Running] = []

    def set(self, rules: Sequence[FaultRule]) -> None:
        """Put `rules` in force in place of all others."""
        self._running = [_Running(rule, rule.times, random.Random(rule.seed)) for rule in rules]

    def clear(self) -> None:
        """Let every request succeed again."""
        self._running = []

    def strike(self, token: str | None) -> FaultRule | None:
        """Return the rule that fails the request now at hand, None if it is to succeed."""
        for running in self._running:
            rule = running.rule
            if running.left == 0 or rule.token not in (None, token):
                continue
            if rule.share < 1 and running.rng.random() >= rule.share:
                continue
            if running.left is not None:
                running.left -= 1
            return rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules as JSON objects, `times` being what is left of each."""
        return [r.rule.model_dump(mode="json") | {"times": r.left} for r in self._running]


def parse_rules(document: object) -> list[FaultRule]:
    """Return the rules in a JSON list. Raises FieldsRefused naming each field at fault."""
    try:
        return _RULES.validate_python(document)
    except ValidationError as error:
        faults = [
            FieldFault(
                "rules" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in e["loc"]),
                e["msg"],
            )
            for e in error.errors()
        ]
        raise FieldsRefused(*faults) from error
