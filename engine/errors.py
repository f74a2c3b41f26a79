"""What can go wrong and be acted on: one class for each thing a caller can do about it.

The way each is told to the outside stands in one table, `api/errors.py`.
"""

from dataclasses import dataclass
from datetime import timedelta


class WelltimedError(Exception):
    """Root of the errors that are part of the product's behaviour."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One thing wrong with one field: `path` names it, `message` says what is allowed."""

    path: str
    message: str


class FieldsRefused(WelltimedError):
    """Input was refused; each fault names its field. Nothing was stored."""

    def __init__(self, *faults: FieldFault) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))


class NotFound(WelltimedError):
    """No such thing, or it is not the caller's: the two are told alike."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"no such {kind}")


class NotSignedIn(WelltimedError):
    """No valid credential came with the request."""


class CodeRefused(WelltimedError):
    """An enrolment code is unknown, expired, used or locked. The message may be shown."""


class Conflict(WelltimedError):
    """The request contradicts what is stored already."""


class ClaimLost(WelltimedError):
    """A prompt was no longer due when its intent was stored. Nothing of the batch is sent."""


class TooOften(WelltimedError):
    """Something was asked for too often; `again_in` says when it may be asked again."""

    def __init__(self, message: str, *, again_in: timedelta) -> None:
        self.again_in = again_in
        super().__init__(message)


class StaleVersion(WelltimedError):
    """Somebody else changed the document first."""

    def __init__(self, expected: int, current: int) -> None:
        self.expected = expected
        self.current = current
        super().__init__(
            f"you edited version {expected}, and version {current} has been saved since; "
            "load it again and repeat your change"
        )
