"""Whatever is sent to whatever route: never a 5xx, and errors are problem documents."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from api_world import BAD_ID, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_access import endpoints, filled

SCALARS: list[Any] = [
    None, True, False, 0, -1, 2**63, 10**30, 1.5, 1e308, float("nan"), float("inf"), "", " ",
    "x", "x" * 5_000, "\x00", "\ud800", "é" * 70, "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2026-11-20", BAD_ID, "Europe/Berlin", "../..", [], {}, [[]],
    {"": ""}, ["\ud800"], {"\x00": 1},
]  # fmt: skip
HEADERS = [
    {},
    {"Device-Time": "0001-01-01T00:00:00+14:00"},
    {"Device-Time": "\xff"},
    {"If-Match": '"1"'},
]
WRITING = {"POST", "PUT"}


def bodies(world: World) -> dict[str, Any]:
    """Return a good body for the end of each path, to be spoilt in one place at a time."""
    document = world.call("GET", world.own("/protocol"), "therapist").json()["document"]
    at = world.clock().isoformat()
    receipt = {"prompt_id": world.prompts["phone"], "kind": "shown", "at": at}
    return {
        "/session": {"email": "nobody@clinic.example", "password": "x" * 12},
        "/devices": {"code": "7K2MQ9XW4D", "zone": "Europe/Berlin", "platform": "web"},
        "/push-token": {"push_token": "x"},
        "/receipts": {"receipts": [receipt]},
        "/responses/{response_id}": world.body(prompt_id=BAD_ID),
        "/patients": {"name": "P", "zone": "Europe/Berlin", "protocol": {}},
        "/protocol": {"document": document},
        "/preview": {"document": document},
        "/compare": {"document": document},
        "/enrolment-codes": None,
        "/tests": None,
        "/zone": {"zone": "Europe/Berlin"},
        "/snooze": {"minutes": 15},
        "/not-now": {"reason": "work"},
        "/startable/{assignment}": None,
        "/reports/{report_id}": {"name": "smoked", "at": at},
        "/rules": {
            "rules": {
                "quiet_hours": [{"from": "20:00", "to": "09:00"}],
                "pauses": [{"from": "2026-12-24", "to": "2026-12-26"}],
                "per_day": 3,
                "without": ["checkin.momentary"],
            }
        },
        "/milestones": {"name": "first-session", "date": "2026-11-20"},
        "/declared-hours": {"wake": "07:00", "bed": "23:00", "work_start": None, "work_end": None},
        "/mark": {"good": True},
    }


def places(part: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a document."""
    yield here
    if isinstance(part, dict):
        for key, value in part.items():
            yield from places(value, (*here, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from places(value, (*here, index))


def spoilt(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of the document with `value` at the place."""
    if not place:
        return value
    copy = json.loads(json.dumps(document))
    node = copy
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    return copy


def calls(world: World) -> list[tuple[str, str, Any]]:
    good = bodies(world)
    found = []
    for method, path in endpoints(world.app):
        if method not in WRITING or not path.startswith("/v1"):
            continue
        body = next(body for end, body in good.items() if path.endswith(end))
        found.append((method, path, body))
    return found


def who(path: str) -> str:
    return "phone" if path.startswith("/v1/device") else "therapist"


def check(world: World, method: str, path: str, **sent: Any) -> None:
    reply = world.call(method, path, who(path), **sent)
    assert reply.status_code < 500, (method, path, sent, reply.text)
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == "application/problem+json"


def test_every_place_of_every_body_spoilt_by_every_odd_value_is_never_a_5xx(world: World) -> None:
    rng = random.Random(20261120)
    tried = 0
    for method, path, body in calls(world):
        full = filled(path, world.patients["therapist"])
        every = [(place, value) for place in places(body) for value in SCALARS]
        for place, value in rng.sample(every, min(len(every), 70)):
            content = json.dumps(spoilt(body, place, value)).encode()
            text = {"Content-Type": "application/json"} | rng.choice(HEADERS)
            headers = {name: value.encode("latin-1") for name, value in text.items()}
            check(world, method, full, content=content, headers=headers)
            tried += 1
    assert tried > 450


def test_odd_path_and_query_parameters_are_never_a_5xx(lasting: World) -> None:
    odd = ["%00", "%ff", "x", "0", BAD_ID.upper(), "{}", "..%2f", "%ed%a0%80", "a" * 3_000]
    spans = ["", "0001-01-01", "9999-12-31", "1e9", "-1", "%00", "2026-11-20T00:00:00Z", "inf"]
    for method, path in endpoints(lasting.app):
        if not path.startswith("/v1") or method in WRITING or path == "/v1/session":
            continue
        if method == "DELETE":
            continue
        for value in odd:
            check(lasting, method, filled(path, value, value))
        for span in spans:
            own = filled(path, lasting.patients["therapist"])
            check(lasting, method, f"{own}?first={span}&last={span}")
            check(lasting, method, f"{own}?last={span}")


@pytest.mark.parametrize("path", ["/v1/device/receipts", "/v1/device/responses/" + BAD_ID])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(raw=st.binary(max_size=300), header=st.binary(max_size=40))
def test_any_bytes_as_body_and_header_are_never_a_5xx(
    lasting: World, path: str, raw: bytes, header: bytes
) -> None:
    clean = bytes(byte for byte in header if byte not in b"\r\n\x00")
    method = "POST" if path.endswith("receipts") else "PUT"
    headers = {"Content-Type": b"application/json", "Device-Time": clean}
    reply = lasting.call(method, path, content=raw, headers=headers)
    assert 400 <= reply.status_code < 500
