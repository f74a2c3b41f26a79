"""What FCM HTTP v1 accepts in a send request, field by field.

Strict as the service is: an unknown field, a wrong type or a limit exceeded refuses the request.
Field names come in snake_case or lowerCamelCase, as protocol buffers' JSON mapping allows.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

LARGEST_PAYLOAD_BYTES = 4096
"""Limit on data and notification together, as UTF-8 JSON."""

_LONGEST_TTL = timedelta(weeks=4)
_TARGETS = ("token", "fid", "topic", "condition")
_DURATION = re.compile(r"([0-9]{1,12})(\.[0-9]{1,9})?s")
_TOPIC = re.compile(r"[A-Za-z0-9_.~%-]+")
_LABEL = re.compile(r"[A-Za-z0-9_.~%-]{1,50}")
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]{1,32}")

Check = Callable[[object, str], Any]
"""Takes a value and its field path, returns it normalised or raises BadMessage."""


class BadMessage(Exception):
    """A request FCM would answer with 400: `field` is at fault, `description` says why."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


def validate_request(body: object) -> tuple[dict[str, Any], bool]:
    """Return (message in snake_case, validate_only) of a send request. Raises BadMessage."""
    request = _REQUEST(body, "")
    if "message" not in request:
        raise BadMessage("message", "is required")
    message: dict[str, Any] = request["message"]
    targets = [name for name in _TARGETS if message.get(name)]
    if len(targets) != 1:
        raise BadMessage(
            "message", f"exactly one of {', '.join(_TARGETS)} is required, got {len(targets)}"
        )
    payload = {name: message[name] for name in ("data", "notification") if name in message}
    size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST_PAYLOAD_BYTES:
        raise BadMessage("message.data", f"payload of {size} bytes, at most 4096 are allowed")
    return message, bool(request.get("validate_only", False))


def time_to_live(message: Mapping[str, Any]) -> timedelta:
    """Return how long a validated message is kept: Android's ttl, else Web Push's, else 4 weeks."""
    android = message.get("android", {}).get("ttl")
    if android is not None:
        return timedelta(seconds=float(android[:-1]))
    webpush = message.get("webpush", {}).get("headers", {}).get("TTL")
    return _LONGEST_TTL if webpush is None else timedelta(seconds=int(webpush))


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise BadMessage(path, "must be a string")
    return value


def _boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise BadMessage(path, "must be true or false")
    return value


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadMessage(path, "must be a number")
    return value


def _texts(value: object, path: str) -> list[str]:
    if not isinstance(value, list):
        raise BadMessage(path, "must be a list of strings")
    return [_text(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _struct(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadMessage(path, "must be an object")
    return value


def _text_map(value: object, path: str) -> dict[str, str]:
    return {name: _text(item, f"{path}.{name}") for name, item in _struct(value, path).items()}


def _data(value: object, path: str) -> dict[str, str]:
    data = _text_map(value, path)
    for name in data:
        if name in ("from", "message_type") or name.startswith(("google.", "gcm.")):
            raise BadMessage(f"{path}.{name}", "is a reserved key")
    return data


def _duration(value: object, path: str) -> str:
    text = _text(value, path)
    if _DURATION.fullmatch(text) is None:
        raise BadMessage(path, 'must be seconds followed by "s", such as "3.5s"')
    if timedelta(seconds=float(text[:-1])) > _LONGEST_TTL:
        raise BadMessage(path, "must be at most 2419200s")
    return text


def _matching(pattern: re.Pattern[str], allowed: str) -> Check:
    def check(value: object, path: str) -> str:
        if pattern.fullmatch(_text(value, path)) is None:
            raise BadMessage(path, f"must be {allowed}")
        return str(value)

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: object, path: str) -> str:
        if _text(value, path).lower() not in allowed:
            raise BadMessage(path, f"must be one of {', '.join(allowed)}")
        return str(value)

    return check


def _object(fields: Mapping[str, Check]) -> Check:
    def check(value: object, path: str) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for given, item in _struct(value, path).items():
            name = given if given in fields else _snake(given)
            here = f"{path}.{given}" if path else given
            if name not in fields:
                raise BadMessage(here, "Cannot find field.")
            known[name] = fields[name](item, here)
        return known

    return check


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: "_" + match[0].lower(), name)


def _headers(rules: Mapping[str, Check]) -> Check:
    def check(value: object, path: str) -> dict[str, str]:
        headers = _text_map(value, path)
        for name, item in headers.items():
            rule = rules.get(name.lower())
            if rule is not None:
                rule(item, f"{path}.{name}")
        return headers

    return check


_WHOLE = _matching(re.compile(r"[0-9]{1,12}"), "a whole number")
_FCM_OPTIONS = {"analytics_label": _matching(_LABEL, "1 to 50 letters, digits or -_.~%")}
_NOTIFICATION = {"title": _text, "body": _text, "image": _text}
_LIGHT = {"color": _struct, "light_on_duration": _duration, "light_off_duration": _duration}
_ANDROID_NOTIFICATION: dict[str, Check] = {
    **dict.fromkeys(
        ("title", "body", "icon", "color", "sound", "tag", "click_action", "body_loc_key"), _text
    ),
    **dict.fromkeys(("title_loc_key", "channel_id", "ticker", "event_time", "image"), _text),
    **dict.fromkeys(("notification_priority", "visibility", "proxy"), _text),
    **dict.fromkeys(("sticky", "local_only", "default_sound", "default_light_settings"), _boolean),
    **dict.fromkeys(("default_vibrate_timings", "bypass_proxy_notification"), _boolean),
    **dict.fromkeys(("body_loc_args", "title_loc_args", "vibrate_timings"), _texts),
    "notification_count": _number,
    "light_settings": _object(_LIGHT),
}
_ANDROID: dict[str, Check] = {
    "collapse_key": _text,
    "priority": _one_of("high", "normal"),
    "ttl": _duration,
    "restricted_package_name": _text,
    "data": _data,
    "notification": _object(_ANDROID_NOTIFICATION),
    "fcm_options": _object(_FCM_OPTIONS),
    "direct_boot_ok": _boolean,
    "bandwidth_constrained_ok": _boolean,
    "restricted_satellite_ok": _boolean,
}
_WEBPUSH: dict[str, Check] = {
    "headers": _headers(
        {
            "ttl": _WHOLE,
            "urgency": _one_of("very-low", "low", "normal", "high"),
            "topic": _matching(_URL_SAFE, "at most 32 characters of URL-safe base64"),
        }
    ),
    "data": _text_map,
    "notification": _struct,
    "fcm_options": _object({"link": _text, **_FCM_OPTIONS}),
}
_APNS: dict[str, Check] = {
    "headers": _headers(
        {
            "apns-expiration": _WHOLE,
            "apns-priority": _one_of("1", "5", "10"),
            "apns-collapse-id": _matching(re.compile(r".{1,64}"), "at most 64 bytes"),
        }
    ),
    "payload": _struct,
    "fcm_options": _object({"image": _text, **_FCM_OPTIONS}),
    "live_activity_token": _text,
}
_MESSAGE: dict[str, Check] = {
    "name": _text,
    "data": _data,
    "notification": _object(_NOTIFICATION),
    "android": _object(_ANDROID),
    "webpush": _object(_WEBPUSH),
    "apns": _object(_APNS),
    "fcm_options": _object(_FCM_OPTIONS),
    "token": _text,
    "fid": _text,
    "topic": _matching(_TOPIC, "letters, digits or -_.~%, without /topics/"),
    "condition": _text,
}
_REQUEST = _object({"message": _object(_MESSAGE), "validate_only": _boolean})
