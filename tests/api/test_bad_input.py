"""Bad input: refused with the name of its field, and nothing is stored."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from api_world import ANSWERS, BAD_ID, JSON, NEW_DEVICE, PROTOCOL, World, fields, is_problem

CHECKIN = ANSWERS["checkin.momentary"]


@dataclass(frozen=True)
class Bad:
    """A request and what must come of it."""

    name: str
    at: str | None
    method: str
    path: Callable[[World], str]
    body: Callable[[World], Any] = lambda world: None
    who: str | None = "phone"
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 422


def respond(world: World) -> str:
    return f"/v1/device/responses/{uuid4()}"


def answer(name: str, at: str | None, /, *, headers: Any = None, **changes: Any) -> Bad:
    return Bad(name, at, "PUT", respond, lambda world: world.body(**changes), headers=headers or {})


def checkin(name: str, at: str, /, **changes: Any) -> Bad:
    return answer(name, at, answers=CHECKIN | changes)


def receipt(name: str, at: str, /, **changes: Any) -> Bad:
    def body(world: World) -> Any:
        good = {"prompt_id": world.prompts["phone"], "kind": "shown", "at": world.clock()}
        return {"receipts": [good | {"at": world.clock().isoformat()} | changes]}

    return Bad(name, at, "POST", lambda world: "/v1/device/receipts", body)


def enrol(name: str, at: str, /, **changes: Any) -> Bad:
    return Bad(
        name, at, "POST", lambda world: "/v1/devices", lambda world: NEW_DEVICE | changes, None
    )


def therapist(
    name: str, at: str | None, method: str, path: str, body: Any = None, **rest: Any
) -> Bad:
    return Bad(
        name, at, method, lambda world: world.own(path), lambda world: body, "therapist", **rest
    )


def patient(name: str, at: str, /, **changes: Any) -> Bad:
    good = {"name": "P-99", "zone": "Europe/Berlin", "protocol": PROTOCOL}
    return Bad(
        name, at, "POST", lambda world: "/v1/patients", lambda world: good | changes, "therapist"
    )


def protocol(name: str, at: str, change: Callable[[Any], object]) -> Bad:
    document = json.loads(json.dumps(PROTOCOL))
    change(document)
    return therapist(
        name, at, "PUT", "/protocol", {"document": document}, headers={"If-Match": '"1"'}
    )


CASES = [
    answer("unknown prompt", "prompt_id", prompt_id=BAD_ID),
    answer("malformed prompt", "prompt_id", prompt_id="12"),
    answer("number as prompt", "prompt_id", prompt_id=12),
    answer("content of another prompt", "content_id", content_id="phq9"),
    answer("unknown content", "content_id", content_id="no.such"),
    answer("unknown version", "content_version", content_version="9.9.9"),
    answer("NUL in the version", "content_version", content_version="1\x000"),
    answer("naive answered_at", "answered_at", answered_at="2026-11-20T15:00:00"),
    answer("naive opened_at", "opened_at", opened_at="2026-11-20T15:00:00"),
    answer("no date", "answered_at", answered_at="yesterday"),
    answer("last year of all", "answered_at", answered_at="9999-12-31T23:59:59-14:00"),
    answer("first year of all", "opened_at", opened_at="0001-01-01T00:00:00+14:00"),
    answer("seconds without end", "answered_at", answered_at=1e300),
    answer("extra field", "patient_id", patient_id=BAD_ID),
    answer("answers as a list", "answers", answers=[]),
    answer("too many answers", "answers", answers={f"a{n}": 1 for n in range(201)}),
    answer("huge Device-Time", "Device-Time", headers={"Device-Time": "9" * 400}),
    answer("naive Device-Time", "Device-Time", headers={"Device-Time": "2026-11-20T15:00:00"}),
    answer(
        "Device-Time beyond reckoning",
        "Device-Time",
        headers={"Device-Time": "9999-12-31T23:59:59-14:00"},
    ),
    answer("no answers", "answers.valence", answers={}),
    checkin("unknown item", "answers.mood", mood=3),
    checkin("NUL as an item", "answers.\\x00", **{"\x00": 3}),
    checkin("half a surrogate as an item", "answers.\\ud800", **{"\ud800": 3}),
    checkin("too high", "answers.valence", valence=101),
    checkin("too low", "answers.valence", valence=-1),
    checkin("bool as a number", "answers.valence", valence=True),
    checkin("text as a number", "answers.valence", valence="62"),
    checkin("NaN", "answers.valence", valence=float("nan")),
    checkin("infinity", "answers.valence", valence=float("inf")),
    checkin("huge number", "answers.valence", valence=10**400),
    checkin("off the step", "answers.valence", valence=1.5),
    checkin("list as a number", "answers.valence", valence=[62]),
    checkin("missing required", "answers.energy", energy=None),
    checkin("unknown option", "answers.company", company="dog"),
    checkin("nested answer", "answers.company", company={"code": "close"}),
    Bad("malformed response id", "response_id", "PUT", lambda world: "/v1/device/responses/1",
        lambda world: world.body()),
    receipt("receipt of an unknown prompt", "receipts[0].prompt_id", prompt_id=BAD_ID),
    receipt("unknown kind", "receipts[0].kind", kind="read"),
    receipt("naive at", "receipts[0].at", at="2026-11-20T15:00:00"),
    receipt("receipt from year 1", "receipts[0].at", at="0001-01-01T00:00:00+14:00"),
    receipt("receipt from year 9999", "receipts[0].at", at="9999-12-31T23:59:59-14:00"),
    receipt("extra field in a receipt", "receipts[0].device_id", device_id=BAD_ID),
    Bad("no receipts", "receipts", "POST", lambda world: "/v1/device/receipts",
        lambda world: {"receipts": []}),
    Bad("empty push token", "push_token", "PUT", lambda world: "/v1/device/push-token",
        lambda world: {"push_token": ""}),
    Bad("NUL in the push token", "push_token", "PUT", lambda world: "/v1/device/push-token",
        lambda world: {"push_token": "a\x00b"}),
    Bad("half a surrogate in the push token", "push_token", "PUT",
        lambda world: "/v1/device/push-token", lambda world: {"push_token": "a\ud800"}),
    Bad("over-long push token", "push_token", "PUT", lambda world: "/v1/device/push-token",
        lambda world: {"push_token": "x" * 5000}),
    enrol("unknown code", "code"),
    enrol("mistyped code", "code", code="7K2MQ"),
    enrol("letters no code has", "code", code="UUUUUUUUUU"),
    enrol("code in surrogates", "code", code="\ud800" * 10),
    enrol("unknown zone", "zone", zone="Europe/Bonn"),
    enrol("zone that climbs", "zone", zone="../../etc/passwd"),
    enrol("zone with NUL", "zone", zone="Europe/\x00Berlin"),
    enrol("lower-case zone", "zone", zone="europe/berlin"),
    enrol("empty zone", "zone", zone=""),
    enrol("unknown platform", "platform", platform="palm"),
    enrol("extra field", "patient_id", patient_id=BAD_ID),
    patient("empty name", "name", name=" "),
    patient("over-long name", "name", name="x" * 201),
    patient("NUL in the name", "name", name="a\x00b"),
    patient("surrogate in the name", "name", name="a\ud800b"),
    patient("unknown zone of a patient", "zone", zone="Mars/Olympus"),
    patient("a role that was not asked for", "role", role="admin"),
    patient("protocol as text", "protocol", protocol="schema: welltimed-protocol/1"),
    patient("unknown content in a protocol", "assignments[0].content", protocol=PROTOCOL | {
        "assignments": [{"content": "no.such", "trigger": {"kind": "fixed", "at": ["12:00"]}}]}),
    therapist("no If-Match", "If-Match", "PUT", "/protocol", {"document": PROTOCOL}),
    *(
        therapist(f"If-Match {tag}", "If-Match", "PUT", "/protocol", {"document": PROTOCOL},
                  headers={"If-Match": tag})
        for tag in ("*", '"x"', "W/1", "9" * 30, "-1", "1.0", "", '"1", "2"')
    ),
    therapist("document as text", "document", "PUT", "/protocol", {"document": "x"}),
    therapist("NUL in a document", "document", "PUT", "/protocol", {
        "document": PROTOCOL | {"name": "a\x00b"}}, headers={"If-Match": '"1"'}),
    therapist("surrogate in a document", "document", "PUT", "/protocol", {
        "document": PROTOCOL | {"x": {"\ud800": 1}}}, headers={"If-Match": '"1"'}),
    protocol("window that ends first", "assignments[0].trigger.windows[1].to",
             lambda d: d["assignments"][0]["trigger"]["windows"][1].update(to="11:00")),
    protocol("unknown trigger", "assignments[1].trigger.kind",
             lambda d: d["assignments"][1]["trigger"].update(kind="lunar")),
    protocol("number as a time", "quiet_hours[0].from",
             lambda d: d["quiet_hours"][0].update({"from": 1290})),
    protocol("no assignments", "assignments", lambda d: d.update(assignments=[])),
    protocol("unknown key", "limits.per_week", lambda d: d["limits"].update(per_week=3)),
    protocol("time in quiet hours", "assignments[1].trigger.at[0]",
             lambda d: d["assignments"][1]["trigger"].update(at=["22:00"])),
    therapist("first after last", "first", "GET", "/prompts?first=2026-11-21&last=2026-11-20"),
    therapist("more than a year", "first", "GET", "/prompts?first=2024-01-01&last=2026-01-01"),
    therapist("no such day", "last", "GET", "/compliance?last=2026-02-30"),
    therapist("first days of all", "last", "GET", "/compliance?last=0001-01-03"),
    therapist("last days of all", "last", "GET", "/prompts?last=9999-12-31"),
    therapist("malformed prompt of a decision", "prompt_id", "GET", "/prompts/7/decision"),
    therapist("prompt without decision", None, "GET", f"/prompts/{BAD_ID}/decision", status=404),
    Bad("malformed patient", "patient_id", "GET", lambda world: "/v1/patients/%00",
        who="therapist"),
    Bad("unknown patient", None, "GET", lambda world: f"/v1/patients/{BAD_ID}", who="therapist",
        status=404),
    Bad("over-long e-mail address", "email", "POST", lambda world: "/v1/session",
        lambda world: {"email": "a" * 300, "password": "x"}, None),
    Bad("surrogate in the password", "password", "POST", lambda world: "/v1/session",
        lambda world: {"email": "a@b.example", "password": "\ud800"}, None),
    Bad("list as a password", "password", "POST", lambda world: "/v1/session",
        lambda world: {"email": "a@b.example", "password": ["x"]}, None),
]  # fmt: skip


@pytest.mark.parametrize("bad", CASES, ids=[case.name for case in CASES])
def test_bad_input_is_refused_by_the_name_of_its_field(lasting: World, bad: Bad) -> None:
    before = lasting.rows()
    body = bad.body(lasting)
    content = None if body is None else json.dumps(body).encode()
    reply = lasting.call(
        bad.method, bad.path(lasting), bad.who, content=content, headers=JSON | bad.headers
    )
    assert reply.status_code == bad.status, reply.text
    assert is_problem(reply)
    assert (bad.at in fields(reply)) if bad.at else fields(reply) == []
    assert all(fault["message"] for fault in reply.json()["errors"])
    assert lasting.rows() == before
