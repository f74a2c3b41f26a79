import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.emulator.faults import FaultKind, FaultRule
from prompting.fcm.limits import Limits
from prompting.fcm.message import NEUTRAL_BODY, NEUTRAL_TITLE, Push
from prompting.fcm.outcome import Kind
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

FAULTS = [
    (FaultKind.UNAVAILABLE, Kind.UNKNOWN, 503, "UNAVAILABLE"),
    (FaultKind.INTERNAL, Kind.UNKNOWN, 500, "INTERNAL"),
    (FaultKind.THROTTLED, Kind.THROTTLED, 429, "QUOTA_EXCEEDED"),
    (FaultKind.UNREGISTERED, Kind.TOKEN_DEAD, 404, "UNREGISTERED"),
    (FaultKind.INVALID, Kind.REFUSED, 400, "INVALID_ARGUMENT"),
    (FaultKind.UNAUTHENTICATED, Kind.THROTTLED, 401, "UNAUTHENTICATED"),
    (FaultKind.HANG, Kind.UNKNOWN, None, "TIMEOUT"),
    (FaultKind.RESET, Kind.UNKNOWN, None, "CONNECTION_LOST"),
    (FaultKind.GARBAGE, Kind.UNKNOWN, 200, "GARBAGE"),
    (FaultKind.ACCEPT_THEN_503, Kind.UNKNOWN, 503, "UNAVAILABLE"),
]


def test_every_fault_the_emulator_knows_is_in_the_table():
    assert {fault for fault, *_ in FAULTS} == set(FaultKind)


@pytest.mark.parametrize("warm", [False, True], ids=["new-connection", "kept-connection"])
@pytest.mark.parametrize(("fault", "kind", "status", "code"), FAULTS)
async def test_each_fault_costs_exactly_one_post_and_is_named(
    emulator, make_push, fault, kind, status, code, warm
):
    # Short only where nothing answers: a busy machine must not turn the other faults into this one.
    limits = Limits(timeout_seconds=1 if fault is FaultKind.HANG else 20)
    client = FcmClient(emulator.url, "clinic", StaticBearer(), limits=limits)
    if warm:
        assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED
    before = emulator.app.log.received
    emulator.app.faults.set([FaultRule(kind=fault, retry_after="7")])
    push = make_push()
    outcome = await client.send(push, now=NOON)
    # Long enough for a second POST to show, were there one.
    await asyncio.sleep(0.1)
    await client.aclose()

    assert (outcome.kind, outcome.http_status, outcome.code) == (kind, status, code)
    (entry,) = emulator.app.log.after(before)
    assert entry.prompt_id == str(push.prompt_id)
    waits = status in (429, 503, 500, 404, 400, 401)
    assert outcome.retry_after == (timedelta(seconds=7) if waits else None)


async def test_an_accepted_push_carries_its_message_name(client, emulator, make_push):
    outcome = await client.send(make_push(), now=NOON)
    assert outcome.kind is Kind.ACCEPTED
    assert outcome.http_status == 200
    assert outcome.message_name.startswith("projects/clinic/messages/")
    assert [entry.outcome for entry in emulator.app.log.after()] == ["accepted"]


async def test_nothing_but_ids_and_the_neutral_text_leaves_the_house(client, emulator, make_push):
    push = make_push()
    await client.send(push, now=NOON)
    (entry,) = emulator.app.log.after()
    text = json.dumps(entry.message)
    for known in (str(push.prompt_id), push.prompt_id.hex, push.token, NEUTRAL_TITLE, NEUTRAL_BODY):
        text = text.replace(known, "")
    words = set("".join(c if c.isalpha() else " " for c in text).split())
    fixed = "token data prompt id repeat renotify false expires at T notification title body"
    fixed += " android collapse key priority high ttl s tag apns headers expiration payload aps"
    fixed += " mutable content webpush"
    fixed += " TTL Urgency Topic"
    assert words <= set(fixed.split())


# ---- faults below HTTP: what the connection proves


@dataclass
class RawPeer:
    """A TCP peer that counts requests and answers each with the next of `answers`."""

    answers: list[bytes | None]
    requests: int = 0
    ports: list[int] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                self.requests += 1
                answer = self.answers.pop(0)
                if answer is None:
                    connection = writer.get_extra_info("socket")
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                    return
                writer.write(answer)
                await writer.drain()
                if b"keep-alive" not in answer:
                    return writer.close()


OK_BODY = b'{"name": "projects/p/messages/1"}'
KEPT = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s"
KEPT = KEPT % (len(OK_BODY), OK_BODY)


@pytest.fixture
async def raw_peer() -> AsyncIterator[Callable[..., Awaitable[tuple[RawPeer, str]]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def start(*answers: bytes | None) -> tuple[RawPeer, str]:
            peer = RawPeer(list(answers))
            server = await asyncio.start_server(peer.talk, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            return peer, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield start


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., FcmClient]]:
    clients: list[FcmClient] = []

    def make(endpoint: str, timeout_seconds: float = 20) -> FcmClient:
        limits = Limits(timeout_seconds=timeout_seconds)
        clients.append(FcmClient(endpoint, "p", StaticBearer(), limits=limits))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, Kind.UNKNOWN),
        (b"", Kind.UNKNOWN),
        (b"\x00\x01\x02 what?\r\n\r\n", Kind.UNKNOWN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", Kind.UNKNOWN),
        (b"HTTP/1.1 307 Away\r\nLocation: /v1/again\r\nContent-Length: 0\r\n\r\n", Kind.UNKNOWN),
        (b"HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n", Kind.UNKNOWN),
    ],
    ids=["reset", "closed", "not-http", "cut-short", "redirect", "request-timeout"],
)
async def test_once_the_request_is_out_a_lost_answer_stays_unknown(
    raw_peer, connect, make_push, answer, kind
):
    peer, address = await raw_peer(answer, KEPT, KEPT)
    outcome = await connect(f"http://{address}").send(make_push(), now=NOON)
    await asyncio.sleep(0.05)
    assert outcome.kind is kind
    assert not outcome.proven_not_delivered
    assert peer.requests == 1


async def test_a_reset_on_a_kept_connection_is_not_repeated_on_another(
    raw_peer, connect, make_push
):
    peer, address = await raw_peer(KEPT, None, KEPT)
    client = connect(f"http://{address}")
    assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED
    assert (await client.send(make_push(), now=NOON)).kind is Kind.UNKNOWN
    await asyncio.sleep(0.05)
    assert peer.requests == 2


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "https://no-such-host.invalid"])
async def test_without_a_connection_nothing_was_sent(connect, make_push, endpoint):
    outcome = await connect(endpoint).send(make_push(), now=NOON)
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, "CONNECT_FAILED")
    assert outcome.proven_not_delivered


async def test_a_failed_tls_handshake_means_nothing_was_sent(connect, make_push):
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(slam, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await connect(f"https://127.0.0.1:{port}").send(make_push(), now=NOON)
    assert outcome.kind is Kind.NOT_SENT


async def test_a_peer_that_never_takes_the_connection_is_told_from_one_that_never_answers(
    connect, make_push
):
    with contextlib.ExitStack() as stack:
        # A full backlog: the kernel lets further connection attempts wait.
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(deaf.getsockname())
        await asyncio.sleep(0.05)
        client = connect(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout_seconds=2)
        outcome = await client.send(make_push(), now=NOON)
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, "CONNECT_FAILED")


async def test_a_proxy_from_the_environment_does_not_come_between_us_and_the_emulator(
    emulator, make_push, monkeypatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    client = FcmClient(emulator.url, "clinic", StaticBearer())
    assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED
    await client.aclose()


# ---- what is not sent at all, and how many at once


async def test_expired_pushes_and_a_closed_client_send_nothing(client, emulator, make_push):
    late = await client.send(make_push(minutes=0), now=NOON)
    assert (late.kind, late.code) == (Kind.NOT_SENT, "EXPIRED")
    await client.aclose()
    closed = await client.send(make_push(), now=NOON)
    assert (closed.kind, closed.code) == (Kind.NOT_SENT, "CLIENT_CLOSED")
    assert emulator.app.log.received == 0


async def test_send_many_keeps_order_and_bound(counting, make_push):
    endpoint = counting(seconds=0.02)
    pushes = [make_push(prompt_id=n) for n in range(40)]
    with served(endpoint.app) as url:
        limits = Limits(connections=2, streams=4)
        client = FcmClient(f"{url}/prefix/", "p", StaticBearer(), limits=limits)
        outcomes = await client.send_many(pushes, now=NOON)
        assert await client.send_many([], now=NOON) == []
        await client.aclose()
    assert [outcome.message_name for outcome in outcomes] == [
        f"projects/p/messages/{push.prompt_id}" for push in pushes
    ]
    assert len(endpoint.requests) == 40
    assert endpoint.most == 8


async def test_batches_that_are_sent_together_share_the_bound_and_all_end(counting, make_push):
    endpoint = counting(seconds=0.01)
    with served(endpoint.app) as url:
        limits = Limits(connections=1, streams=3)
        client = FcmClient(f"{url}/prefix", "p", StaticBearer(), limits=limits)
        waves = [
            asyncio.create_task(client.send_many([make_push() for _ in range(size)], now=NOON))
            for size in (7, 1, 4, 1, 1)
        ]
        outcomes = await asyncio.wait_for(asyncio.gather(*waves), 60)
        for _ in range(50):  # each begins as the one worker there may be is about to end
            done = client.send_many([make_push()], now=NOON)
            assert len(await asyncio.wait_for(done, 60)) == 1
        await client.aclose()
    assert [len(wave) for wave in outcomes] == [7, 1, 4, 1, 1]
    assert endpoint.most == 3


async def test_one_push_that_cannot_be_written_costs_no_other_its_outcome(client, make_push):
    impossible = Push(make_push().prompt_id, "", NOON + timedelta(hours=1))
    outcomes = await client.send_many([make_push(), impossible, make_push()], now=NOON)
    assert [outcome.code for outcome in outcomes] == [None, "FAULT", None]


async def test_what_expires_while_a_slow_batch_is_sent_is_not_sent_any_more(counting, make_push):
    endpoint = counting(seconds=0.1)
    soon = make_push()
    soon = Push(soon.prompt_id, soon.token, NOON + timedelta(milliseconds=50))
    with served(endpoint.app) as url:
        limits = Limits(connections=1, streams=1)
        client = FcmClient(f"{url}/prefix", "p", StaticBearer(), limits=limits)
        outcomes = await client.send_many([make_push(), soon, make_push()], now=NOON)
        await client.aclose()
    assert [outcome.code for outcome in outcomes] == [None, "EXPIRED", None]
    assert len(endpoint.requests) == 2


class Watched(StaticBearer):
    """Remembers which bearers were rejected."""

    def __init__(self) -> None:
        super().__init__("secret")
        self.rejected: list[str] = []

    def reject(self, bearer: str) -> None:
        self.rejected.append(bearer)


@pytest.mark.parametrize(("status", "rejected"), [(200, []), (403, []), (401, ["secret"])])
async def test_the_bearer_goes_along_and_a_401_rejects_it(counting, make_push, status, rejected):
    endpoint, credentials = counting(status=status), Watched()
    with served(endpoint.app) as url:
        client = FcmClient(f"{url}/prefix", "a clinic", credentials)
        await client.send(make_push(), now=NOON)
        await client.aclose()
    (request,) = endpoint.requests
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["content-type"] == "application/json"
    assert request.path_params["project"] == "a clinic"
    assert credentials.rejected == rejected


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("fcm.example", "p"), "endpoint"),
        (("ftp://fcm.example", "p"), "endpoint"),
        (("https://", "p"), "endpoint"),
        (("https://fcm.example", ""), "project"),
    ],
)
def test_an_unusable_address_is_refused_at_once(arguments, field):
    with pytest.raises(ValueError, match=f"^{field}:"):
        FcmClient(*arguments, StaticBearer())
