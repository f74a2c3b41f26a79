import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from firebase_admin import messaging
from firebase_admin._messaging_encoder import MessageEncoder
from hypothesis import given
from hypothesis import strategies as st

from prompting.fcm.emulator.validation import time_to_live, validate_request
from prompting.fcm.message import LONGEST_TTL, NEUTRAL_BODY, NEUTRAL_TITLE, Push, encode

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PROMPT = UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
KEY = str(PROMPT)
HOUR = timedelta(hours=1)


def test_a_message_says_exactly_this_and_no_more():
    push = Push(PROMPT, "device", NOW + timedelta(seconds=90.75))
    assert json.loads(encode(push, now=NOW)) == {
        "message": {
            "token": "device",
            "data": {
                "prompt_id": KEY,
                "repeat": "0",
                "expires_at": "2027-03-01T12:01:30.750000+00:00",
            },
            "notification": {"title": "Welltimed", "body": "You have a new prompt."},
            "android": {
                "collapse_key": KEY,
                "priority": "high",
                "ttl": "90s",
                "notification": {"tag": KEY},
            },
            "apns": {
                "headers": {
                    "apns-collapse-id": KEY,
                    "apns-expiration": str(int(NOW.timestamp()) + 90),
                    "apns-priority": "10",
                },
                "payload": {"aps": {"mutable-content": 1}},
            },
            "webpush": {
                "headers": {"TTL": "90", "Urgency": "high", "Topic": PROMPT.hex},
                "notification": {"tag": KEY, "renotify": False},
            },
        }
    }


def by_firebase_admin(push: Push) -> dict[str, object]:
    """The same message built and checked by firebase-admin's own classes."""
    key, ttl = str(push.prompt_id), timedelta(seconds=(push.expires_at - NOW) // HOUR * 3600)
    seconds = str(int(ttl.total_seconds()))
    apns = {
        "apns-collapse-id": key,
        "apns-expiration": str(int(push.expires_at.timestamp())),
        "apns-priority": "10",
    }
    message = messaging.Message(
        data={
            "prompt_id": key,
            "repeat": str(push.repeat),
            "expires_at": push.expires_at.isoformat(),
        },
        notification=messaging.Notification(title=NEUTRAL_TITLE, body=NEUTRAL_BODY),
        android=messaging.AndroidConfig(
            collapse_key=key,
            priority="high",
            ttl=ttl,
            notification=messaging.AndroidNotification(tag=key),
        ),
        apns=messaging.APNSConfig(
            headers=apns,
            payload=messaging.APNSPayload(aps=messaging.Aps(mutable_content=True)),
        ),
        webpush=messaging.WebpushConfig(
            headers={"TTL": seconds, "Urgency": "high", "Topic": push.prompt_id.hex},
            notification=messaging.WebpushNotification(tag=key, renotify=push.repeat > 0),
        ),
    )
    message.token = push.token  # the constructor's argument warns in favour of `fid`
    return {"message": MessageEncoder().default(message)}


@given(
    prompt_id=st.uuids(),
    token=st.text(min_size=1),
    hours=st.integers(1, 600),
    repeat=st.integers(0, 9),
)
def test_the_message_is_what_firebase_admin_would_have_made_of_it(prompt_id, token, hours, repeat):
    push = Push(prompt_id, token, NOW + hours * HOUR, repeat)
    assert json.loads(encode(push, now=NOW)) == by_firebase_admin(push)


def test_a_reminder_carries_its_prompts_id_and_is_noticed():
    first, reminder = (
        json.loads(encode(Push(PROMPT, "device", NOW + HOUR, repeat), now=NOW))["message"]
        for repeat in (0, 2)
    )
    assert reminder["data"].pop("repeat") == "2"
    assert first["data"].pop("repeat") == "0"
    assert reminder["webpush"]["notification"].pop("renotify") is True
    assert first["webpush"]["notification"].pop("renotify") is False
    assert reminder == first


def test_expiry_is_written_in_utc_whatever_zone_it_came_in():
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    push = Push(PROMPT, "device", (NOW + HOUR).astimezone(kathmandu))
    message = json.loads(encode(push, now=NOW))["message"]
    assert message["data"]["expires_at"] == "2027-03-01T13:00:00+00:00"
    assert message["android"]["ttl"] == "3600s"


def test_two_pushes_differ_in_ids_token_and_expiry_only():
    def blanked(push: Push) -> str:
        text = encode(push, now=NOW).decode()
        for secret in (str(push.prompt_id), push.prompt_id.hex, push.token):
            text = text.replace(secret, "*")
        return text

    other = Push(UUID(int=7), "another", NOW + HOUR)
    assert blanked(Push(PROMPT, "device", NOW + HOUR)) == blanked(other)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(days=2)])
def test_an_expired_push_is_not_encoded(late):
    with pytest.raises(ValueError, match=r"push\.expires_at"):
        encode(Push(PROMPT, "device", NOW - late), now=NOW)


def test_naive_instants_empty_tokens_and_negative_repeats_are_refused():
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        encode(Push(PROMPT, "device", naive), now=NOW)
    with pytest.raises(ValueError, match="aware"):
        encode(Push(PROMPT, "device", NOW), now=naive)
    with pytest.raises(ValueError, match=r"push\.token"):
        encode(Push(PROMPT, "", NOW + HOUR), now=NOW)
    with pytest.raises(ValueError, match=r"push\.repeat"):
        encode(Push(PROMPT, "device", NOW + HOUR, -1), now=NOW)


@given(
    prompt_id=st.uuids(),
    left=st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=400)),
)
def test_every_message_passes_the_strict_check_and_never_outlives_its_prompt(prompt_id, left):
    body = encode(Push(prompt_id, "emu-x", NOW + left), now=NOW)
    message, validate_only = validate_request(json.loads(body))
    assert not validate_only
    ttl = time_to_live(message)
    assert ttl <= min(left, LONGEST_TTL)
    assert ttl > min(left, LONGEST_TTL) - timedelta(seconds=1)
    expiration = datetime.fromtimestamp(int(message["apns"]["headers"]["apns-expiration"]), UTC)
    assert expiration <= NOW + left
    assert len(message["webpush"]["headers"]["Topic"]) == 32
