"""What the dispatcher's process and the sender's say to each other: small tuples, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from prompting.fcm.breaker import Standing
from prompting.fcm.limits import Limits
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a sender is told first: where to send, as whom and how fast.

    `key` is the file of a service account, whose project is taken where none is named; without
    one any bearer will do.
    """

    endpoint: str
    project: str | None
    key: Path | None
    per_minute: int
    limits: Limits


class Ready(NamedTuple):
    """The sender has understood its orders; or has not, and `trouble` says why."""

    trouble: ValueError | OSError | None = None


class Batch(NamedTuple):
    """Pushes to send as of `now`, which it was when the machine's steady clock stood at `at`."""

    number: int
    now: datetime
    at: float
    pushes: list[tuple[int, str, datetime, int]]


class Done(NamedTuple):
    """What became of a batch."""

    number: int
    outcomes: list[Any]


class Alive(NamedTuple):
    """The sender has something to send, and its event loop turns."""


class Close(NamedTuple):
    """Let what is under way end, at most so many seconds (None: as long as one attempt), and go."""

    drain_seconds: float | None


Told = Ready | Alive | Done | Standing
"""What a sender says."""


def packed(pushes: Sequence[Push]) -> list[tuple[int, str, datetime, int]]:
    """Return pushes as they travel."""
    return [(push.prompt_id.int, push.token, push.expires_at, push.repeat) for push in pushes]


def unpacked(pushes: Sequence[tuple[int, str, datetime, int]]) -> list[Push]:
    """Return pushes as they were."""
    return [
        Push(UUID(int=number), token, expires_at, repeat)
        for number, token, expires_at, repeat in pushes
    ]


def condensed(outcomes: Sequence[SendOutcome]) -> list[Any]:
    """Return outcomes as they travel: of one that was plainly accepted only the name."""
    return [
        name
        if (name := one.message_name) is not None and one == _accepted(name)
        else (one.kind.value, *one[1:])
        for one in outcomes
    ]


def expanded(outcomes: Sequence[Any]) -> list[SendOutcome]:
    """Return outcomes as they were."""
    return [_accepted(one) if isinstance(one, str) else _outcome(one) for one in outcomes]


def _accepted(name: str) -> SendOutcome:
    return SendOutcome(Kind.ACCEPTED, 200, None, name)


def _outcome(
    fields: tuple[str, int | None, str | None, str | None, timedelta | None, str],
) -> SendOutcome:
    return SendOutcome(Kind(fields[0]), *fields[1:])
