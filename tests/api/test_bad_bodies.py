"""Bodies and paths that are no input at all: refused, and never a fault of ours."""

import json
from typing import Any
from uuid import uuid4

import pytest
from api_world import BAD_ID, JSON, World, fields, is_problem

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
            "PUT",
            f"/v1/device/responses/{uuid4()}",
            content=body.replace(b'"DEEP"', deep),
            headers=JSON,
        )
        assert reply.status_code in {400, 422}, depth


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
