"""What one attempt to send proved: the words in which every sender reports.

The dispatcher decides on the one question "is it proven that nothing was delivered?". FCM has no
idempotency key and is known to answer 503 for messages it delivered, so every 5xx, time-out and
cut connection stays unknown; only a connection that never stood or an answer in which FCM declines
the message proves that nothing went out.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, NamedTuple

FCM_ERROR_TYPE = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
"""`@type` of the error detail that carries FCM's own error code."""

BAD_REQUEST_TYPE = "type.googleapis.com/google.rpc.BadRequest"
"""`@type` of the error detail that names the fields at fault."""

SHORTEST_RETRY_AFTER = timedelta(seconds=1)
"""Floor under every Retry-After, so that "0" cannot make a sender spin."""

LONGEST_RETRY_AFTER = timedelta(days=1)
"""Cap on every Retry-After; no prompt lives longer than that waits."""

_MESSAGE_NAME = re.compile(r"projects/[^/\s]+/messages/[^/\s]+")
_PLAIN_SUCCESS = re.compile(
    rb'\s*\{\s*"name"\s*:\s*"(projects/[\w.:%-]+/messages/[\w.:%-]+)"\s*\}\s*'
)
"""What FCM answers to nearly every message: read at a glance."""
_DETAIL_LENGTH = 200


class Kind(StrEnum):
    """The six things an attempt can have proved."""

    ACCEPTED = "accepted"
    """FCM took the message and named it."""
    TOKEN_DEAD = "token_dead"
    """The device is gone; the token must not be used again. Nothing was delivered."""
    THROTTLED = "throttled"
    """FCM declined for now: its quota, or a token that has ended. Nothing was delivered."""
    NOT_SENT = "not_sent"
    """No connection stood; not a byte of the request left. Nothing was delivered."""
    REFUSED = "refused"
    """Configuration or payload is at fault; repeating cannot help. Nothing was delivered."""
    UNKNOWN = "unknown"
    """May or may not have been delivered; never to be called either."""


class SendOutcome(NamedTuple):
    """What one attempt proved, with the evidence.

    `http_status` is None where no answer came; `code` is FCM's error code or the sender's own word;
    `message_name` is set for accepted only; `detail` is short and safe to log. (A tuple, since very
    many are made at once.)
    """

    kind: Kind
    http_status: int | None = None
    code: str | None = None
    message_name: str | None = None
    retry_after: timedelta | None = None
    detail: str = ""

    @property
    def proven_not_delivered(self) -> bool:
        """Whether it is certain that the device got nothing, so that a repeat cannot double."""
        return self.kind not in (Kind.ACCEPTED, Kind.UNKNOWN)


def classify(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> SendOutcome:
    """Return what FCM's answer proves.

    `headers` are read without regard to case. `now` (aware) serves to read a Retry-After date when
    the answer carries no Date of its own. Never raises, whatever the bytes.
    """
    if status == 200:
        if plain := _PLAIN_SUCCESS.fullmatch(body):
            return SendOutcome(Kind.ACCEPTED, 200, message_name=plain[1].decode("ascii"))
        return _classify_success(_json(body), body)
    document = _json(body)
    lowered = {name.lower(): value for name, value in headers.items()}
    code, message, fields = _error(document)
    wait = retry_after(lowered, now=now)
    kind = _kind(status, code, message, fields)
    return SendOutcome(kind, status, code, None, wait, _shorten(message or f"HTTP {status}"))


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return how long Retry-After asks to wait, between 1 s and 1 day; None if absent or garbage.

    Seconds and HTTP dates (RFC 9110 section 10.2.3) are understood; `headers` are in lower case.
    A date is measured against the answer's own Date, so that a skewed clock does no harm.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+", value):
        seconds = min(int(value[:12]), int(LONGEST_RETRY_AFTER.total_seconds()))
        return max(timedelta(seconds=seconds), SHORTEST_RETRY_AFTER)
    until = _http_date(value)
    if until is None:
        return None
    wait = until - (_http_date(headers.get("date", "")) or now)
    return min(max(wait, SHORTEST_RETRY_AFTER), LONGEST_RETRY_AFTER)


def _classify_success(document: dict[str, Any], body: bytes) -> SendOutcome:
    name = document.get("name")
    if isinstance(name, str) and _MESSAGE_NAME.fullmatch(name):
        return SendOutcome(Kind.ACCEPTED, 200, message_name=name)
    detail = f"200 without a message name ({len(body)} bytes)"
    return SendOutcome(Kind.UNKNOWN, 200, "GARBAGE", detail=detail)


def _kind(status: int, code: str | None, message: str, fields: set[str]) -> Kind:
    if status == 404 and code == "UNREGISTERED":
        return Kind.TOKEN_DEAD
    if status == 400 and code == "INVALID_ARGUMENT":
        # A payload fault also comes as INVALID_ARGUMENT and must not cost a patient the device.
        named = fields == {"message.token"}
        if named or (not fields and "registration token" in message.lower()):
            return Kind.TOKEN_DEAD
        return Kind.REFUSED
    if status == 429 or (status == 401 and code == "UNAUTHENTICATED"):
        # An access token that has just ended is no fault of the prompt's: another is on its way.
        return Kind.THROTTLED
    if 400 <= status < 500 and status not in (408, 499):
        return Kind.REFUSED
    return Kind.UNKNOWN


def _error(document: dict[str, Any]) -> tuple[str | None, str, set[str]]:
    """Return (code, message, fields at fault) of a google.rpc.Status, however mangled."""
    error = document.get("error")
    if not isinstance(error, dict):
        return None, "", set()
    code = error.get("status") if isinstance(error.get("status"), str) else None
    message = error.get("message")
    details = error.get("details")
    fields: set[str] = set()
    for detail in details if isinstance(details, list) else []:
        if not isinstance(detail, dict):
            continue
        if detail.get("@type") == FCM_ERROR_TYPE and isinstance(detail.get("errorCode"), str):
            code = detail["errorCode"]
        if detail.get("@type") == BAD_REQUEST_TYPE:
            fields |= _violated(detail.get("fieldViolations"))
    return code, message if isinstance(message, str) else "", fields


def _violated(violations: object) -> set[str]:
    if not isinstance(violations, list):
        return set()
    return {str(v["field"]) for v in violations if isinstance(v, dict) and "field" in v}


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _http_date(value: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _DETAIL_LENGTH else line[: _DETAIL_LENGTH - 1] + "…"
