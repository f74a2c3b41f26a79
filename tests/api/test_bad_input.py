"""Bad input: refused with the name of its field, and nothing is stored."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from api_world import BAD_ID, World, fields, is_problem
from builders import ANSWERS, PROTOCOL

CHECKIN = ANSWERS["checkin.momentary"]
JSON = {"Content-Type": "application/json"}
NEW_DEVICE = {"code": "7K2MQ9XW4D", "zone": "Europe/Berlin", "platform": "web"}


@dataclass(frozen=True)
class Bad:
    """A request and what must come of it."""

    name: str
    field: str | None
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
    assert (bad.field in fields(reply)) if bad.field else fields(reply) == []
    assert all(fault["message"] for fault in reply.json()["errors"])
    assert lasting.rows() == before


BODIES = {
    "no body": b"",
    "broken JSON": b'{"code": ',
    "a list": b"[]",
    "null": b"null",
    "text": b'"code"',
    "a number": b"1",
    "not UTF-8": b'{"code": "\xff\xfe"}',
    "two documents": b"{}{}",
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "a number of many digits": b'{"code": ' + b"9" * 10_000 + b"}",
}
ROUTES = [
    ("POST", "/v1/session", None),
    ("POST", "/v1/devices", None),
    ("POST", "/v1/device/receipts", "phone"),
    ("PUT", f"/v1/device/responses/{BAD_ID}", "phone"),
    ("PUT", "/v1/device/push-token", "phone"),
    ("POST", "/v1/patients", "therapist"),
    ("PUT", "{own}/protocol", "therapist"),
    ("POST", "{own}/protocol/preview", "therapist"),
]


@pytest.mark.parametrize(("method", "path", "who"), ROUTES)
def test_a_body_that_is_no_json_object_is_refused_as_the_body(
    lasting: World, method: str, path: str, who: str | None
) -> None:
    before = lasting.rows()
    for name, content in BODIES.items():
        reply = lasting.call(
            method, path.format(own=lasting.own("")), who, content=content, headers=JSON
        )
        assert reply.status_code in {400, 422}, name
        assert is_problem(reply), name
        assert fields(reply) == ["body"], name
    assert lasting.rows() == before


@pytest.mark.parametrize(("method", "path", "who"), ROUTES)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_of_another_content_type_is_refused(
    lasting: World, method: str, path: str, who: str | None, kind: str
) -> None:
    reply = lasting.call(
        method, path.format(own=lasting.own("")), who, content=b"{}", headers={"Content-Type": kind}
    )
    assert reply.status_code in {415, 422}
    assert fields(reply) == ["body"]


@pytest.mark.parametrize(("method", "path", "who"), ROUTES)
@pytest.mark.parametrize("chunked", [False, True])
def test_an_oversized_body_is_refused_with_413(
    lasting: World, method: str, path: str, who: str | None, chunked: bool
) -> None:
    parts = [b'{"code": "'] + [b"x" * 10_000] * 40
    content = iter(parts) if chunked else b"".join(parts)
    reply = lasting.call(
        method, path.format(own=lasting.own("")), who, content=content, headers=JSON
    )
    assert reply.status_code == 413
    assert is_problem(reply)
    assert fields(reply) == ["body"]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_deep_documents_within_the_size_limit_are_refused_and_not_a_fault_of_ours(
    lasting: World,
) -> None:
    for depth in (100, 400, 900, 2_000, 10_000):
        deep = b"[" * depth + b"]" * depth
        content = b'{"document": {"name": ' + deep + b"}}"
        reply = lasting.call(
            "POST", lasting.own("/protocol/preview"), "therapist", content=content, headers=JSON
        )
        assert reply.status_code in {400, 422}, depth
        body = json.dumps(lasting.body(answers={"valence": "DEEP"})).encode()
        reply = lasting.call(
            "PUT", respond(lasting), content=body.replace(b'"DEEP"', deep), headers=JSON
        )
        assert reply.status_code in {400, 422}, depth


def new_code(world: World) -> str:
    code: str = world.call("POST", world.own("/enrolment-codes"), "therapist").json()["code"]
    return code


def test_a_code_works_up_to_its_last_second_and_only_once(world: World) -> None:
    used = NEW_DEVICE | {"code": new_code(world)}
    world.clock.move_to(world.clock() + timedelta(hours=24) - timedelta(microseconds=1))
    assert world.call("POST", "/v1/devices", None, json=used).status_code == 201
    before = world.rows()
    again = world.call("POST", "/v1/devices", None, json=used)
    assert again.status_code == 422
    assert fields(again) == ["code"]
    assert world.rows() == before


def test_a_code_ends_to_the_second(world: World) -> None:
    old = NEW_DEVICE | {"code": new_code(world)}
    world.clock.move_to(world.clock() + timedelta(hours=24))
    before = world.rows()
    reply = world.call("POST", "/v1/devices", None, json=old)
    assert reply.status_code == 422
    assert fields(reply) == ["code"]
    assert world.rows() == before


def test_refused_input_leaves_a_code_good(world: World) -> None:
    code = new_code(world)
    bad = NEW_DEVICE | {"code": code, "zone": "Europe/Bonn"}
    assert world.call("POST", "/v1/devices", None, json=bad).status_code == 422
    good = bad | {"zone": "Europe/Berlin"}
    assert world.call("POST", "/v1/devices", None, json=good).status_code == 201


def test_of_fifty_phones_that_redeem_one_code_at_once_exactly_one_wins(world: World) -> None:
    body = NEW_DEVICE | {"code": new_code(world)}
    devices = len(world.rows()["devices"])
    with ThreadPoolExecutor(25) as pool:
        replies = list(
            pool.map(lambda _: world.call("POST", "/v1/devices", None, json=body), range(50))
        )
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 49
    assert len(world.rows()["devices"]) == devices + 1


def test_an_item_hidden_by_the_other_answers_takes_no_answer_and_text_has_a_limit(
    world: World,
) -> None:
    plan = PROTOCOL | {"assignments": [PROTOCOL["assignments"][1]]}
    created = world.call(
        "POST", "/v1/patients", "therapist",
        json={"name": "P-5", "zone": "Europe/Berlin", "protocol": plan},
    ).json()["id"]  # fmt: skip
    path = f"/v1/patients/{created}/enrolment-codes"
    code = world.call("POST", path, "therapist").json()["code"]
    body = NEW_DEVICE | {"code": code, "push_token": "plans"}
    phone = world.call("POST", "/v1/devices", None, json=body).json()["credential"]
    world.pass_time(seconds=6)
    (prompt,) = world.call("GET", "/v1/device/prompts", phone).json()["prompts"]
    about = {
        "prompt_id": prompt["id"],
        "content_id": "ba.plan-tomorrow",
        "content_version": prompt["content"]["version"],
    }
    good = ANSWERS["ba.plan-tomorrow"]
    bad = {
        "obstacle": good | {"obstacle": "Rain"},
        "activity": good | {"activity": "x" * 301},
        "start": good | {"start": "25:00"},
        "reason": good | {"reason": "a\ud800"},
        "if_then": good | {"likely": 20, "obstacle": "Rain\x00", "if_then": "\udfff"},
    }
    before = world.rows()
    for name, answers in bad.items():
        content = json.dumps(world.body(**about, answers=answers)).encode()
        reply = world.call("PUT", respond(world), phone, content=content, headers=JSON)
        assert reply.status_code == 422
        assert f"answers.{name}" in fields(reply)
        assert "Rain" not in reply.text
    assert world.rows() == before
    assert world.answer(phone, **about, answers=good).status_code == 201


def test_a_path_of_a_million_characters_is_not_found(lasting: World) -> None:
    assert ask_raw(lasting, b"/v1/" + b"a" * 10**6) == 404
    assert ask_raw(lasting, b"/static/" + b"a" * 10**6) == 404
    assert ask_raw(lasting, b"/v1/patients/" + b"a" * 10**6) in {401, 404, 422}


def ask_raw(world: World, path: bytes) -> int:
    """Ask the app itself for a path no client would send; return the status."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": b"",
        "root_path": "", "headers": [(b"host", b"testserver")], "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }  # fmt: skip
    assert world.client.portal is not None
    world.client.portal.call(world.app, scope, receive, send)
    status: int = sent[0]["status"]
    return status
