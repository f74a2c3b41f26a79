"""What only a database with many writers at once, and with its own ideas of text, can show."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from api_world import JSON, World, build_template, opened
from fakes import postgres_url
from httpx2 import Response

pytestmark = pytest.mark.postgres
AT_ONCE = 12


@pytest.fixture(scope="module")
def postgres() -> Iterator[World]:
    with opened(build_template(postgres_url())) as world:
        yield world


def test_odd_characters_are_refused_before_the_database_sees_them(postgres: World) -> None:
    sent = [
        ("POST", "/v1/session", None, {"email": "a\x00@b.example", "password": "x" * 12}),
        ("PUT", "/v1/device/push-token", "phone", {"push_token": "a\x00"}),
        ("PUT", "/v1/device/push-token", "phone", {"push_token": "\ud800"}),
        ("POST", "/v1/patients", "therapist",
         {"name": "a\x00", "zone": "Europe/Berlin", "protocol": {}}),
        ("PUT", f"/v1/device/responses/{uuid4()}", "phone",
         postgres.body(content_version="\x00")),
        ("PUT", f"/v1/device/responses/{uuid4()}", "phone",
         postgres.body(answers={"valence": "\x00", "\ud800": 1})),
    ]  # fmt: skip
    for method, path, who, body in sent:
        content = json.dumps(body).encode()
        reply = postgres.call(method, path, who, content=content, headers=JSON)
        assert reply.status_code == 422, (path, reply.text)
    form = {"email": "a\x00@b.example", "password": "x" * 12}
    assert postgres.client.post("/sign-in", data=form).status_code == 401


def test_of_many_phones_that_redeem_one_code_at_once_exactly_one_wins(postgres: World) -> None:
    path = postgres.own("/enrolment-codes")
    code = postgres.call("POST", path, "therapist").json()["code"]
    body = {"code": code, "zone": "Europe/Berlin", "platform": "web"}
    replies = at_once([("POST", "/v1/devices", body)] * AT_ONCE, postgres)
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * (AT_ONCE - 1)


def test_one_answer_sent_many_times_at_once_is_stored_once_and_told_alike(
    postgres: World,
) -> None:
    path, body = f"/v1/device/responses/{uuid4()}", postgres.body()
    replies = at_once([("PUT", path, body)] * AT_ONCE, postgres)
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    others = [("PUT", f"/v1/device/responses/{uuid4()}", body) for _ in range(AT_ONCE)]
    assert {reply.status_code for reply in at_once(others, postgres)} == {409}


def at_once(calls: Sequence[tuple[str, str, object]], world: World) -> list[Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda call: world.call(call[0], call[1], json=call[2]), calls))
