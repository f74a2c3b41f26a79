"""What goes over the wire: one push becomes one FCM HTTP v1 message of ids and neutral text.

A push is read on lock screens and kept by three companies' servers, so nothing clinical is ever in
it: the app fetches what is asked once it is open. The prompt's id is at the same time the collapse
key, the notification tag and the APNs collapse id, so that a repeat of an uncertain send replaces
what is shown instead of standing beside it.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple
from uuid import UUID

NEUTRAL_TITLE = "Welltimed"
"""Title of every push, whatever it is about."""

NEUTRAL_BODY = "You have a new prompt."
"""Text of every push, whatever it is about."""

LONGEST_TTL = timedelta(weeks=4)
"""FCM keeps no message longer than this and refuses a longer time to live."""

_SECOND = timedelta(seconds=1)


class Push(NamedTuple):
    """One prompt on its way to one device.

    `token` is the device's FCM registration token; `expires_at` (aware) is the first instant at
    which the prompt would be late; `repeat` is 0 for the prompt itself and counts its reminders
    and snoozes, which carry the same id so that the phone replaces what it shows. (A tuple, since
    very many are made at once.)
    """

    prompt_id: UUID
    token: str
    expires_at: datetime
    repeat: int = 0


def encode(push: Push, *, now: datetime) -> bytes:
    """Return the JSON body of FCM HTTP v1's `messages:send` for `push`, as of `now`.

    Times to live are whole seconds, rounded down, so that a message never outlives its prompt;
    APNs also gets the absolute instant, which a packet delayed on the way cannot stretch.

    Raises:
        ValueError: if an instant is naive, the token is empty, `repeat` is negative or the push
            has already expired.
    """
    expires_at = push.expires_at
    if expires_at.tzinfo is None or now.tzinfo is None:
        raise ValueError("push.expires_at and now: must be aware instants")
    if not push.token:
        raise ValueError("push.token: must not be empty")
    if push.repeat < 0:
        raise ValueError("push.repeat: must be at least 0")
    if expires_at <= now:
        raise ValueError(f"push.expires_at: {expires_at.isoformat()} is not after now")
    until, expiration = _written(expires_at)
    text = _TEMPLATE % {
        "key": str(push.prompt_id),  # once, and not at each of its places
        "topic": push.prompt_id.hex,
        # Tokens come from phones, so they alone are put in as JSON.
        "token": encode_basestring_ascii(push.token),
        "repeat": push.repeat,
        "again": "true" if push.repeat else "false",
        "expires_at": until,
        "expiration": expiration,
        "ttl": min(expires_at - now, LONGEST_TTL) // _SECOND,
    }
    return text.encode()


@lru_cache(maxsize=1024)
def _written(expires_at: datetime) -> tuple[str, int]:
    """Return an instant as the message says it: in words of ISO 8601, and as epoch seconds."""
    return expires_at.astimezone(UTC).isoformat(), int(expires_at.timestamp())


def _pattern() -> dict[str, Any]:
    """Return the message with a named place for everything that differs between two pushes."""
    return {
        "data": {"prompt_id": "%(key)s", "repeat": "%(repeat)d", "expires_at": "%(expires_at)s"},
        "notification": {"title": NEUTRAL_TITLE, "body": NEUTRAL_BODY},
        "android": {
            "collapse_key": "%(key)s",
            "priority": "high",
            "ttl": "%(ttl)ds",
            "notification": {"tag": "%(key)s"},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": "%(key)s",
                "apns-expiration": "%(expiration)d",
                "apns-priority": "10",
            },
            # mutable-content lets the app's extension drop a packet that comes too late.
            "payload": {"aps": {"mutable-content": 1}},
        },
        "webpush": {
            # RFC 8030 section 5.4: a Topic has at most 32 characters of URL-safe base64.
            "headers": {"TTL": "%(ttl)d", "Urgency": "high", "Topic": "%(topic)s"},
            # A reminder must be noticed; a repeat of an uncertain send must not.
            "notification": {"tag": "%(key)s", "renotify": "%(again)s"},
        },
        "token": "%(token)s",
    }


def _template() -> str:
    text = json.dumps({"message": _pattern()}, separators=(",", ":"))
    for bare in ("%(token)s", "%(again)s"):
        text = text.replace(f'"{bare}"', bare)
    return text


# Every message has the same shape, so it is written as JSON once and only filled in.
_TEMPLATE = _template()
