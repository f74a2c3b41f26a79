from typing import Any

import pytest

from prompting.fcm.emulator.validation import BadMessage, validate_request


def minimal(**message: Any) -> dict[str, Any]:
    return {"message": {"token": "emu-phone", **message}}


BAD_REQUESTS = [
    ([], ""),
    ({}, "message"),
    ({"message": minimal()["message"], "dry_run": True}, "dry_run"),
    ({"message": minimal()["message"], "validate_only": "yes"}, "validate_only"),
    ({"message": {}}, "message"),
    (minimal(topic="news"), "message"),
    (minimal(to="x"), "message.to"),
    (minimal(token=3), "message.token"),
    (minimal(data={"n": 3}), "message.data.n"),
    (minimal(data={"google.x": "1"}), "message.data.google.x"),
    (minimal(data={"from": "1"}), "message.data.from"),
    (minimal(data={"x": "é" * 2048}), "message.data"),
    (minimal(notification={"text": "x"}), "message.notification.text"),
    (minimal(notification="x"), "message.notification"),
    (minimal(android={"ttl": 60}), "message.android.ttl"),
    (minimal(android={"ttl": "60"}), "message.android.ttl"),
    (minimal(android={"ttl": "1.s"}), "message.android.ttl"),
    (minimal(android={"ttl": "-1s"}), "message.android.ttl"),
    (minimal(android={"ttl": "2419201s"}), "message.android.ttl"),
    (minimal(android={"priority": "urgent"}), "message.android.priority"),
    (minimal(android={"directBootOk": 1}), "message.android.directBootOk"),
    (minimal(android={"notification": {"tags": "x"}}), "message.android.notification.tags"),
    (
        minimal(android={"notification": {"body_loc_args": ["a", 1]}}),
        "message.android.notification.body_loc_args[1]",
    ),
    (
        minimal(android={"notification": {"notification_count": True}}),
        "message.android.notification.notification_count",
    ),
    (
        minimal(apns={"headers": {"apns-expiration": "soon"}}),
        "message.apns.headers.apns-expiration",
    ),
    (minimal(apns={"headers": {"apns-priority": "9"}}), "message.apns.headers.apns-priority"),
    (
        minimal(apns={"headers": {"apns-collapse-id": "x" * 65}}),
        "message.apns.headers.apns-collapse-id",
    ),
    (minimal(apns={"payload": "x"}), "message.apns.payload"),
    (minimal(webpush={"headers": {"Topic": "x" * 33}}), "message.webpush.headers.Topic"),
    (minimal(webpush={"headers": {"Topic": "a b"}}), "message.webpush.headers.Topic"),
    (minimal(webpush={"headers": {"Urgency": "huge"}}), "message.webpush.headers.Urgency"),
    (minimal(webpush={"headers": {"TTL": "1s"}}), "message.webpush.headers.TTL"),
    (minimal(fcm_options={"analytics_label": ""}), "message.fcm_options.analytics_label"),
    ({"message": {"topic": "/topics/x"}}, "message.topic"),
]


@pytest.mark.parametrize(("body", "field"), BAD_REQUESTS)
def test_a_bad_request_is_refused_with_the_field_at_fault(body, field):
    with pytest.raises(BadMessage) as caught:
        validate_request(body)
    assert caught.value.field == field
