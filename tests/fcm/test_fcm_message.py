import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompting.fcm.emulator.validation import time_to_live, validate_request
from prompting.fcm.message import LONGEST_TTL, Push, encode

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PROMPT = UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
KEY = str(PROMPT)


def test_a_message_says_exactly_this_and_no_more():
    push = Push(PROMPT, "device", NOW + timedelta(seconds=90.75))
    assert encode(push, now=NOW) == {
        "message": {
            "token": "device",
            "data": {"prompt_id": KEY, "expires_at": "2027-03-01T12:01:30.750000+00:00"},
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
                "notification": {"tag": KEY},
            },
        }
    }


def test_expiry_is_written_in_utc_whatever_zone_it_came_in():
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    push = Push(PROMPT, "device", (NOW + timedelta(hours=1)).astimezone(kathmandu))
    message = encode(push, now=NOW)["message"]
    assert message["data"]["expires_at"] == "2027-03-01T13:00:00+00:00"
    assert message["android"]["ttl"] == "3600s"


def test_two_pushes_differ_in_ids_token_and_expiry_only():
    def blanked(push: Push) -> str:
        text = json.dumps(encode(push, now=NOW))
        for secret in (str(push.prompt_id), push.prompt_id.hex, push.token):
            text = text.replace(secret, "*")
        return text

    other = Push(UUID(int=7), "another", NOW + timedelta(hours=1))
    assert blanked(Push(PROMPT, "device", NOW + timedelta(hours=1))) == blanked(other)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(days=2)])
def test_an_expired_push_is_not_encoded(late):
    with pytest.raises(ValueError, match=r"push\.expires_at"):
        encode(Push(PROMPT, "device", NOW - late), now=NOW)


def test_naive_instants_and_empty_tokens_are_refused():
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        encode(Push(PROMPT, "device", naive), now=NOW)
    with pytest.raises(ValueError, match="aware"):
        encode(Push(PROMPT, "device", NOW), now=naive)
    with pytest.raises(ValueError, match=r"push\.token"):
        encode(Push(PROMPT, "", NOW + timedelta(hours=1)), now=NOW)


@given(
    prompt_id=st.uuids(),
    left=st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=400)),
)
def test_every_message_passes_the_strict_check_and_never_outlives_its_prompt(prompt_id, left):
    body = encode(Push(prompt_id, "emu-x", NOW + left), now=NOW)
    message, validate_only = validate_request(json.loads(json.dumps(body)))
    assert not validate_only
    ttl = time_to_live(message)
    assert ttl <= min(left, LONGEST_TTL)
    assert ttl > min(left, LONGEST_TTL) - timedelta(seconds=1)
    expiration = datetime.fromtimestamp(int(message["apns"]["headers"]["apns-expiration"]), UTC)
    assert expiration <= NOW + left
    assert len(message["webpush"]["headers"]["Topic"]) == 32
