import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from engine.clock import VirtualClock
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.emulator import build_emulator
from prompting.fcm.emulator.faults import FaultKind, FaultPlan, FaultRule
from prompting.fcm.emulator.log import MessageLog
from prompting.fcm.limits import Limits
from prompting.fcm.message import encode
from prompting.fcm.outcome import FCM_ERROR_TYPE, Kind
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SEND = "/v1/projects/clinic/messages:send"
OWNER = {"Authorization": "Bearer owner"}


def minimal(**message: Any) -> dict[str, Any]:
    return {"message": {"token": "emu-phone", **message}}


# ---- the send request


async def test_a_minimal_message_is_accepted_and_named(http):
    reply = await http.post(SEND, json=minimal(), headers=OWNER)
    assert reply.status_code == 200
    assert reply.json()["name"].startswith("projects/clinic/messages/")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}])
async def test_without_a_bearer_nothing_is_taken(http, emulator, headers):
    reply = await http.post(SEND, json=minimal(), headers=headers)
    assert reply.status_code == 401
    assert reply.json()["error"]["status"] == "UNAUTHENTICATED"
    assert [entry.outcome for entry in emulator.app.log.after()] == ["UNAUTHENTICATED"]


async def test_a_refusal_has_the_form_of_google_rpc_status(http):
    reply = await http.post(SEND, json=minimal(android={"ttl": "1h"}), headers=OWNER)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0] == {"@type": FCM_ERROR_TYPE, "errorCode": "INVALID_ARGUMENT"}
    assert error["details"][1]["fieldViolations"][0]["field"] == "message.android.ttl"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b'"message"'])
async def test_a_body_that_is_no_json_object_is_a_bad_request(http, emulator, body):
    reply = await http.post(SEND, content=body, headers=OWNER)
    assert reply.status_code == 400
    (entry,) = emulator.app.log.after()
    assert (entry.outcome, entry.message) == ("INVALID_ARGUMENT", None)


async def test_camel_case_is_understood_as_well(http, emulator):
    body = minimal(android={"collapseKey": "k", "ttl": "3.5s"})
    assert (await http.post(SEND, json=body, headers=OWNER)).status_code == 200
    assert emulator.app.log.after()[0].collapse_key == "k"


@pytest.mark.parametrize("token", ["nobody", "emu"])
async def test_an_unknown_token_is_unregistered(http, token):
    reply = await http.post(SEND, json={"message": {"token": token}}, headers=OWNER)
    assert reply.status_code == 404
    assert reply.json()["error"]["details"][0]["errorCode"] == "UNREGISTERED"


async def test_validate_only_delivers_nothing(http, emulator, client, make_push):
    body = json.loads(encode(make_push("emu-a"), now=NOON)) | {"validate_only": True}
    assert (await http.post(SEND, json=body, headers=OWNER)).status_code == 200
    await client.send(make_push("emu-a", prompt_id=9), now=NOON)
    async with stream(http, "emu-a") as events:
        assert (await anext(events))["data"]["prompt_id"].endswith("09")
    assert [entry.outcome for entry in emulator.app.log.after()] == ["validated", "accepted"]


async def test_a_deleted_registration_is_unregistered_from_then_on(http, client, make_push):
    reply = await http.post("/registrations")
    assert reply.status_code == 201
    token = reply.json()["token"]
    assert token.startswith("emu-")
    assert (await client.send(make_push(token), now=NOON)).kind is Kind.ACCEPTED
    assert (await http.delete(f"/registrations/{token}")).status_code == 204
    outcome = await client.send(make_push(token), now=NOON)
    assert (outcome.kind, outcome.code) == (Kind.TOKEN_DEAD, "UNREGISTERED")
    assert (await http.delete(f"/registrations/{token}")).status_code == 404
    assert (await http.get("/stream", params={"token": token})).status_code == 404


# ---- the stream


@asynccontextmanager
async def stream(
    http: httpx2.AsyncClient, token: str, last_event_id: str | None = None
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    request = http.stream("GET", "/stream", params={"token": token}, headers=headers)
    async with asyncio.timeout(60), request as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        while (await anext(lines)) != "":
            pass  # the greeting ends with an empty line; from here on nothing is missed

        async def events() -> AsyncIterator[dict[str, Any]]:
            fields: dict[str, Any] = {}
            async for line in lines:
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "data" in fields:
                    yield fields | {"data": json.loads(fields["data"])}
                    fields = {}

        yield events()


async def test_a_push_reaches_an_open_stream_of_its_device_only(http, client, emulator, make_push):
    push = make_push("emu-a", prompt_id=1)
    async with stream(http, "emu-a") as events:
        await client.send(make_push("emu-b"), now=NOON)
        await client.send(push, now=NOON)
        event = await anext(events)
    assert (event["event"], event["id"]) == ("message", "2")
    assert event["data"] == {
        "prompt_id": str(push.prompt_id),
        "data": {
            "prompt_id": str(push.prompt_id),
            "repeat": "0",
            "expires_at": push.expires_at.isoformat(),
        },
        "notification": {"title": "Welltimed", "body": "You have a new prompt."},
        "sent_at": NOON.isoformat(),
    }


async def test_what_was_sent_while_away_comes_on_connecting(http, client, make_push):
    pushes = [make_push("emu-a", prompt_id=n) for n in range(3)]
    await client.send_many(pushes, now=NOON)
    async with stream(http, "emu-a") as events:
        seen = {(await anext(events))["data"]["prompt_id"] for _ in pushes}
    assert seen == {str(push.prompt_id) for push in pushes}


async def test_a_reconnect_repeats_what_came_after_the_last_event_seen(http, client, make_push):
    for n in (1, 2, 3):
        await client.send(make_push("emu-a", prompt_id=n), now=NOON)
    async with stream(http, "emu-a") as events:
        ids = [(await anext(events))["id"] for _ in range(3)]
    async with stream(http, "emu-a", last_event_id=ids[0]) as events:
        assert [(await anext(events))["id"] for _ in range(2)] == ids[1:]
    async with stream(http, "emu-a", last_event_id=ids[2]) as events:
        await client.send(make_push("emu-a", prompt_id=4), now=NOON)
        assert (await anext(events))["data"]["prompt_id"].endswith("04")


async def test_an_event_id_from_before_a_restart_loses_nothing(http, client, make_push):
    await client.send(make_push("emu-a", prompt_id=1), now=NOON)
    async with stream(http, "emu-a", last_event_id="5000") as events:
        assert (await anext(events))["id"] == "1"


async def test_what_has_expired_is_not_delivered_late(http, client, emulator, make_push):
    await client.send(make_push("emu-a", minutes=5, prompt_id=1), now=NOON)
    await client.send(make_push("emu-a", minutes=6, prompt_id=2), now=NOON)
    emulator.clock.move_to(NOON + timedelta(minutes=5))
    async with stream(http, "emu-a") as events:
        assert (await anext(events))["data"]["prompt_id"].endswith("02")


async def test_a_repeat_under_one_collapse_key_replaces_the_first(http, client, make_push):
    for n in (1, 2, 1):
        await client.send(make_push("emu-a", prompt_id=n), now=NOON)
    async with stream(http, "emu-a") as events:
        assert [(await anext(events))["id"] for _ in range(2)] == ["2", "3"]


async def test_deleting_a_registration_ends_its_stream(http):
    async with stream(http, "emu-a") as events:
        assert (await http.get("/health")).json()["streams"] == 1
        await http.delete("/registrations/emu-a")
        assert [event async for event in events] == []
    assert (await http.get("/health")).json()["streams"] == 0


# ---- faults


async def test_a_message_accepted_under_a_503_is_delivered_all_the_same(
    http, client, emulator, make_push
):
    emulator.app.faults.set([FaultRule(kind=FaultKind.ACCEPT_THEN_503)])
    assert (await client.send(make_push("emu-a"), now=NOON)).http_status == 503
    (entry,) = emulator.app.log.after()
    assert (entry.outcome, entry.http_status) == ("accepted", 503)
    async with stream(http, "emu-a") as events:
        assert (await anext(events))["id"] == "1"


async def test_faults_are_put_and_deleted_over_http(http, client, make_push):
    rules = [{"kind": 429, "times": 2, "retry_after": 3, "token": "emu-a"}, {"kind": "503"}]
    reply = await http.put("/faults", json=rules)
    assert [rule["times"] for rule in reply.json()["rules"]] == [2, None]
    statuses = [
        (await client.send(make_push(token), now=NOON)).http_status
        for token in ("emu-a", "emu-b", "emu-a", "emu-a")
    ]
    assert statuses == [429, 503, 429, 503]
    assert [r["times"] for r in (await http.get("/faults")).json()["rules"]] == [0, None]
    assert (await http.delete("/faults")).json() == {"rules": []}
    assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({}, "rules:"),
        ([{}], r"rules\[0\]\.kind:"),
        ([{"kind": 418}], r"rules\[0\]\.kind:"),
        ([{"kind": 503}, {"kind": 503, "share": 1.1}], r"rules\[1\]\.share:"),
        ([{"kind": 503, "times": 0}], r"rules\[0\]\.times:"),
        ([{"kind": 503, "often": 1}], r"rules\[0\]\.often:"),
    ],
)
async def test_a_bad_rule_is_refused_and_leaves_the_old_ones(http, emulator, rules, field):
    emulator.app.faults.set([FaultRule(kind=FaultKind.INTERNAL)])
    reply = await http.put("/faults", json=rules)
    assert reply.status_code == 400
    assert re.search(field, reply.json()["error"]["message"])
    assert [rule["kind"] for rule in emulator.app.faults.as_json()] == ["500"]


def test_a_share_of_faults_is_drawn_from_the_seed():
    def struck(seed: int) -> list[bool]:
        plan = FaultPlan()
        plan.set([FaultRule(kind=FaultKind.INTERNAL, share=0.3, seed=seed)])
        return [plan.strike("emu-a") is not None for _ in range(2000)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 500 < sum(struck(1)) < 700


def test_a_share_of_nothing_never_strikes_and_spends_no_times():
    plan = FaultPlan()
    plan.set([FaultRule(kind=FaultKind.INTERNAL, share=0.0, times=1)])
    assert [plan.strike(None) for _ in range(100)] == [None] * 100
    assert plan.as_json()[0]["times"] == 1


# ---- log, health, mounting


async def test_the_log_pages_by_number_and_tells_what_came(http, client, emulator, make_push):
    emulator.app.faults.set([FaultRule(kind=FaultKind.INTERNAL, times=1)])
    pushes = [make_push(prompt_id=n) for n in (1, 2, 3)]
    for push in pushes:
        await client.send(push, now=NOON)
    first = (await http.get("/log", params={"limit": 2})).json()["messages"]
    rest = (await http.get("/log", params={"after": first[-1]["seq"]})).json()["messages"]
    assert [entry["seq"] for entry in first + rest] == [1, 2, 3]
    assert [entry["outcome"] for entry in first + rest] == ["500", "accepted", "accepted"]
    assert rest == [
        {
            "seq": 3,
            "at": NOON.isoformat(),
            "project": "clinic",
            "token": "emu-phone",
            "prompt_id": str(pushes[2].prompt_id),
            "repeat": 0,
            "collapse_key": str(pushes[2].prompt_id),
            "outcome": "accepted",
            "http_status": 200,
            "message": json.loads(encode(pushes[2], now=NOON))["message"],
        }
    ]
    health = (await http.get("/health")).json()
    assert health == {"status": "ok", "received": 3, "accepted": 2, "streams": 0}


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1.5", "limit=0", "limit=10001", "limit=", "after=²"]
)
async def test_a_bad_log_query_is_refused_by_name(http, query):
    reply = await http.get(f"/log?{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith(query.split("=")[0])


def test_the_log_file_holds_every_entry_and_numbering_goes_on_after_a_restart(tmp_path):
    path = tmp_path / "messages.jsonl"
    for expected in ([1, 2, 3], [4, 5, 6]):
        log = MessageLog(VirtualClock(NOON), path, kept=2)
        for _ in range(3):
            log.record(project="p", message=None, outcome="accepted", http_status=200)
        assert [entry.seq for entry in log.after()] == expected[1:]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_a_last_line_torn_by_a_crash_is_passed_over(tmp_path):
    path = tmp_path / "messages.jsonl"
    path.write_text('{"seq": 41}\n{"seq": 4')
    assert MessageLog(VirtualClock(NOON), path).seq == 41


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HANG])
async def test_mounted_under_a_prefix_it_behaves_the_same(make_push, kind):
    emulator = build_emulator(clock=VirtualClock(NOON))
    with served(Starlette(routes=[Mount("/fcm-emulator", emulator)])) as url:
        limits = Limits(timeout_seconds=3)
        client = FcmClient(f"{url}/fcm-emulator", "p", StaticBearer(), limits=limits)
        assert (await client.send(make_push("emu-a"), now=NOON)).kind is Kind.ACCEPTED
        emulator.faults.set([FaultRule(kind=kind)])
        assert (await client.send(make_push("emu-a"), now=NOON)).kind is Kind.UNKNOWN
        await client.aclose()
        async with (
            httpx2.AsyncClient(base_url=f"{url}/fcm-emulator", trust_env=False) as http,
            stream(http, "emu-a") as events,
        ):
            assert (await anext(events))["id"] == "1"
    assert emulator.log.received == 2


async def test_where_the_connection_is_out_of_reach_a_reset_is_an_answer_that_stops_short():
    emulator = build_emulator(clock=VirtualClock(NOON))
    emulator.faults.set([FaultRule(kind=FaultKind.RESET)])
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(minimal()).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SEND,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer owner")],
    }
    await emulator(scope, receive, send)
    assert (b"content-length", b"64") in sent[0]["headers"]
    assert sent[-1]["more_body"]
    assert len(sent[-1]["body"]) < 64
