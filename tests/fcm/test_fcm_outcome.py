import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompting.fcm.outcome import BAD_REQUEST_TYPE, FCM_ERROR_TYPE, Kind, SendOutcome, classify

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def error(
    status: str, code: str | None = None, fields: tuple[str, ...] = (), message: str = "No."
) -> bytes:
    details: list[dict[str, object]] = []
    if code is not None:
        details.append({"@type": FCM_ERROR_TYPE, "errorCode": code})
    if fields:
        violations = [{"field": field, "description": "bad"} for field in fields]
        details.append({"@type": BAD_REQUEST_TYPE, "fieldViolations": violations})
    return json.dumps(
        {"error": {"message": message, "status": status, "details": details}}
    ).encode()


TOKEN_TEXT = "The registration token is not a valid FCM registration token"
TABLE = [
    (404, error("NOT_FOUND", "UNREGISTERED"), Kind.TOKEN_DEAD, "UNREGISTERED"),
    (404, error("NOT_FOUND"), Kind.REFUSED, "NOT_FOUND"),
    (404, b"<html>no such page</html>", Kind.REFUSED, None),
    (
        400,
        error("INVALID_ARGUMENT", "INVALID_ARGUMENT", ("message.token",)),
        Kind.TOKEN_DEAD,
        "INVALID_ARGUMENT",
    ),
    (
        400,
        error("INVALID_ARGUMENT", "INVALID_ARGUMENT", message=TOKEN_TEXT),
        Kind.TOKEN_DEAD,
        "INVALID_ARGUMENT",
    ),
    (400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT"), Kind.REFUSED, "INVALID_ARGUMENT"),
    (
        400,
        error("INVALID_ARGUMENT", "INVALID_ARGUMENT", ("message.android.ttl",), TOKEN_TEXT),
        Kind.REFUSED,
        "INVALID_ARGUMENT",
    ),
    (
        400,
        error("INVALID_ARGUMENT", "INVALID_ARGUMENT", ("message.token", "message.data")),
        Kind.REFUSED,
        "INVALID_ARGUMENT",
    ),
    (401, error("UNAUTHENTICATED"), Kind.THROTTLED, "UNAUTHENTICATED"),
    (
        401,
        error("UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
        Kind.REFUSED,
        "THIRD_PARTY_AUTH_ERROR",
    ),
    (403, error("PERMISSION_DENIED", "SENDER_ID_MISMATCH"), Kind.REFUSED, "SENDER_ID_MISMATCH"),
    (413, b"", Kind.REFUSED, None),
    (429, error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Kind.THROTTLED, "QUOTA_EXCEEDED"),
    (429, b"", Kind.THROTTLED, None),
    (408, b"", Kind.UNKNOWN, None),
    (500, error("INTERNAL", "INTERNAL"), Kind.UNKNOWN, "INTERNAL"),
    (502, b"bad gateway", Kind.UNKNOWN, None),
    (503, error("UNAVAILABLE", "UNAVAILABLE"), Kind.UNKNOWN, "UNAVAILABLE"),
    (504, b"", Kind.UNKNOWN, None),
    (302, b"", Kind.UNKNOWN, None),
    (204, b"", Kind.UNKNOWN, None),
    (200, b"", Kind.UNKNOWN, "GARBAGE"),
    (200, b"<html>", Kind.UNKNOWN, "GARBAGE"),
    (200, b"[]", Kind.UNKNOWN, "GARBAGE"),
    (200, b'{"name": 3}', Kind.UNKNOWN, "GARBAGE"),
    (200, b'{"name": "projects//messages/1"}', Kind.UNKNOWN, "GARBAGE"),
    (200, b"[" * 100_000, Kind.UNKNOWN, "GARBAGE"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), TABLE)
def test_each_answer_proves_what_the_table_says(status, body, kind, code):
    outcome = classify(status, {}, body, now=NOW)
    assert (outcome.kind, outcome.code, outcome.http_status) == (kind, code, status)
    assert outcome.message_name is None


def test_a_named_message_is_accepted():
    outcome = classify(200, {}, b'{"name": "projects/p/messages/0:12%34"}', now=NOW)
    assert outcome == SendOutcome(Kind.ACCEPTED, 200, message_name="projects/p/messages/0:12%34")


@pytest.mark.parametrize("kind", Kind)
def test_only_accepted_and_unknown_leave_a_delivery_possible(kind):
    proven = SendOutcome(kind).proven_not_delivered
    assert proven == (kind not in {Kind.ACCEPTED, Kind.UNKNOWN})


LATER = "Mon, 01 Mar 2027 12:00:30 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"RETRY-AFTER": " 7 "}, 7),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "9" * 400}, 86_400),
        ({"retry-after": LATER}, 30),
        ({"retry-after": LATER, "date": "Mon, 01 Mar 2027 12:00:20 GMT"}, 10),
        ({"retry-after": LATER, "date": "Mon, 01 Mar 2027 13:00:20 GMT"}, 1),
        ({"retry-after": LATER, "date": "yesterday"}, 30),
        ({"retry-after": "Mon, 01 Mar 2032 12:00:00 GMT"}, 86_400),
        ({"retry-after": "Monday, 01-Mar-27 12:00:30 GMT"}, 30),
        ({"retry-after": "Mon Mar  1 12:00:30 2027"}, 30),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Mon, 99 Xxx 2027 25:61:61 GMT"}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_between_a_second_and_a_day(headers, seconds):
    outcome = classify(429, headers, b"", now=NOW)
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def test_the_detail_is_one_short_line():
    outcome = classify(400, {}, error("INVALID_ARGUMENT", message="a\nb" + "c" * 5000), now=NOW)
    assert outcome.detail.startswith("a b")
    assert len(outcome.detail) <= 200
    assert "\n" not in outcome.detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "details",
                    "status",
                    "message",
                    "name",
                    "@type",
                    "errorCode",
                    "fieldViolations",
                    "field",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    status=st.integers(100, 599),
    body=st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    retry_after=st.text(),
)
def test_no_answer_however_mangled_raises_or_passes_for_accepted(status, body, retry_after):
    outcome = classify(status, {"Retry-After": retry_after}, body, now=NOW)
    assert outcome.kind is not Kind.ACCEPTED
    if outcome.retry_after is not None:
        assert timedelta(seconds=1) <= outcome.retry_after <= timedelta(days=1)
    if status >= 500:
        assert outcome.kind is Kind.UNKNOWN
