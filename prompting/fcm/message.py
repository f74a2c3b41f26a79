"""What goes over the wire: one push becomes one FCM HTTP v1 message of ids and neutral text.

A push is read on lock screens and kept by three companies' servers, so nothing clinical is ever in
it: the app fetches what is asked once it is open. The prompt's id is at the same time the collapse
key, the notification tag and the APNs collapse id, so that a repeat of an uncertain send replaces
what is shown instead of standing beside it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from firebase_admin import messaging
from firebase_admin._messaging_encoder import MessageEncoder

NEUTRAL_TITLE = "Welltimed"
"""Title of every push, whatever it is about."""

NEUTRAL_BODY = "You have a new prompt."
"""Text of every push, whatever it is about."""

LONGEST_TTL = timedelta(weeks=4)
"""FCM keeps no message longer than this and refuses a longer time to live."""

_ENCODER = MessageEncoder()


@dataclass(frozen=True, slots=True)
class Push:
    """One prompt on its way to one device.

    `token` is the device's FCM registration token; `expires_at` (aware) is the first instant at
    which the prompt would be late.
    """

    prompt_id: UUID
    token: str
    expires_at: datetime


def encode(push: Push, *, now: datetime) -> dict[str, Any]:
    """Return the JSON object of FCM HTTP v1's `messages:send` for `push`, as of `now`.

    Times to live are whole seconds, rounded down, so that a message never outlives its prompt;
    APNs also gets the absolute instant, which a packet delayed on the way cannot stretch.

    Raises:
        ValueError: if an instant is naive, the token is empty or the push has already expired.
    """
    if push.expires_at.tzinfo is None or now.tzinfo is None:
        raise ValueError("push.expires_at and now: must be aware instants")
    if not push.token:
        raise ValueError("push.token: must not be empty")
    if push.expires_at <= now:
        raise ValueError(f"push.expires_at: {push.expires_at.isoformat()} is not after now")
    key = str(push.prompt_id)
    ttl = timedelta(seconds=min(push.expires_at - now, LONGEST_TTL) // timedelta(seconds=1))
    message = messaging.Message(
        data={"prompt_id": key, "expires_at": push.expires_at.astimezone(UTC).isoformat()},
        notification=messaging.Notification(title=NEUTRAL_TITLE, body=NEUTRAL_BODY),
        android=_android(key, ttl),
        apns=_apns(key, push.expires_at),
        webpush=_webpush(push.prompt_id, ttl),
    )
    # Set afterwards: the constructor's `token` argument warns in favour of `fid`, which apps that
    # register with FCM tokens do not have. The HTTP v1 field `token` itself is current.
    message.token = push.token
    return {"message": _ENCODER.default(message)}


def _android(key: str, ttl: timedelta) -> messaging.AndroidConfig:
    return messaging.AndroidConfig(
        collapse_key=key,
        priority="high",
        ttl=ttl,
        notification=messaging.AndroidNotification(tag=key),
    )


def _apns(key: str, expires_at: datetime) -> messaging.APNSConfig:
    # mutable-content lets the app's notification extension drop a packet that comes too late.
    return messaging.APNSConfig(
        headers={
            "apns-collapse-id": key,
            "apns-expiration": str(int(expires_at.timestamp())),
            "apns-priority": "10",
        },
        payload=messaging.APNSPayload(aps=messaging.Aps(mutable_content=True)),
    )


def _webpush(prompt_id: UUID, ttl: timedelta) -> messaging.WebpushConfig:
    # RFC 8030 section 5.4: a Topic has at most 32 characters of URL-safe base64.
    return messaging.WebpushConfig(
        headers={
            "TTL": str(int(ttl.total_seconds())),
            "Urgency": "high",
            "Topic": prompt_id.hex,
        },
        notification=messaging.WebpushNotification(tag=str(prompt_id)),
    )
