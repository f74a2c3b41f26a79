"""The way to Firebase itself: HTTP/2 over TLS, against a server built on another library."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.settings import SettingCodes
from waiting import until

from benchmarks.certificates import Certificates, for_loopback
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.limits import Limits
from prompting.fcm.outcome import Kind

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
STREAMS = 10
NAME = b'{"name": "projects/p/messages/1"}'


class Firebase:
    """What all connections of the server have in common: how it answers, and what it saw."""

    def __init__(self) -> None:
        self.answer: Callable[[Peer, int], None] = lambda peer, stream: peer.reply(stream)
        self.connections = 0
        self.living: set[Peer] = set()
        self.protocols: set[str | None] = set()
        self.posts: list[dict[str, str]] = []
        self.bodies: list[bytes] = []


class Peer(asyncio.Protocol):
    """One HTTP/2 connection."""

    def __init__(self, firebase: Firebase) -> None:
        self.firebase = firebase
        self.http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests: dict[int, tuple[dict[str, str], bytes]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.firebase.connections += 1
        self.firebase.living.add(self)
        tls = transport.get_extra_info("ssl_object")
        self.firebase.protocols.add(tls.selected_alpn_protocol())
        self.http2.initiate_connection()
        self.http2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS})
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self.firebase.living.discard(self)

    def data_received(self, data: bytes) -> None:
        for event in self.http2.receive_data(data):
            self.take(event)
        self.flush()

    def take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.requests[event.stream_id] = (dict(event.headers), b"")
        elif isinstance(event, DataReceived):
            headers, body = self.requests[event.stream_id]
            self.requests[event.stream_id] = (headers, body + event.data)
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            headers, body = self.requests[event.stream_id]
            self.firebase.posts.append(headers)
            self.firebase.bodies.append(body)
            self.firebase.answer(self, event.stream_id)

    def reply(self, stream: int, status: int = 200, body: bytes = NAME) -> None:
        self.http2.send_headers(stream, [(":status", str(status))])
        self.http2.send_data(stream, body, end_stream=True)
        self.flush()

    def flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.http2.data_to_send())


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return for_loopback()


@pytest.fixture
async def firebase(certificates: Certificates, tmp_path: Path) -> AsyncIterator[Firebase]:
    (tmp_path / "chain").write_bytes(certificates.chain)
    (tmp_path / "key").write_bytes(certificates.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    context.set_alpn_protocols(["h2", "http/1.1"])
    firebase = Firebase()
    server = await asyncio.get_running_loop().create_server(
        lambda: Peer(firebase), "127.0.0.1", 0, ssl=context
    )
    firebase.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield firebase
    server.close()
    async with asyncio.timeout(60):
        while firebase.living:
            for peer in firebase.living:
                peer.transport.abort()
            await asyncio.sleep(0.001)


@pytest.fixture
async def client(firebase: Firebase, certificates: Certificates) -> AsyncIterator[FcmClient]:
    limits = Limits(
        timeout_seconds=20, connections=3, streams=STREAMS, trusted_pem=certificates.authority
    )
    client = FcmClient(firebase.url, "p", StaticBearer("secret"), limits=limits)
    yield client
    await client.aclose(drain_seconds=0)


async def test_over_tls_a_push_goes_out_as_http2(firebase, client, make_push):
    push = make_push()
    outcome = await client.send(push, now=NOON)
    assert (outcome.kind, outcome.message_name) == (Kind.ACCEPTED, "projects/p/messages/1")
    assert firebase.protocols == {"h2"}
    (headers,) = firebase.posts
    assert headers[":method"] == "POST"
    assert headers[":path"] == "/v1/projects/p/messages:send"
    assert headers["authorization"] == "Bearer secret"
    assert headers["content-type"] == "application/json"
    assert int(headers["content-length"]) == len(firebase.bodies[0])
    assert str(push.prompt_id).encode() in firebase.bodies[0]


async def test_a_server_without_our_authoritys_certificate_gets_nothing(firebase, make_push):
    client = FcmClient(firebase.url, "p", StaticBearer())
    outcome = await client.send(make_push(), now=NOON)
    await client.aclose()
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, "CONNECT_FAILED")
    assert firebase.posts == []


async def test_pushes_one_after_the_other_keep_to_one_connection(firebase, client, make_push):
    for _ in range(12):
        assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED
    assert firebase.connections == 1


async def test_a_burst_is_spread_over_the_connections_and_opens_no_more(
    firebase, client, make_push
):
    waiting: list[tuple[Peer, int]] = []
    firebase.answer = lambda peer, stream: waiting.append((peer, stream))
    pushes = [make_push() for _ in range(45)]
    sending = asyncio.create_task(client.send_many(pushes, now=NOON))
    await until(lambda: len(waiting) >= 30)
    await asyncio.sleep(0.05)
    assert len(waiting) == 30
    assert firebase.connections == 3
    firebase.answer = lambda peer, stream: peer.reply(stream)
    for peer, stream in waiting:
        peer.reply(stream)
    outcomes = await sending
    assert [outcome.kind for outcome in outcomes] == [Kind.ACCEPTED] * 45
    assert len(firebase.posts) == 45
    assert firebase.connections == 3


def refused(peer: Peer, stream: int) -> None:
    peer.http2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)


def cancelled(peer: Peer, stream: int) -> None:
    peer.http2.reset_stream(stream, ErrorCodes.CANCEL)


def retired_before(peer: Peer, stream: int) -> None:
    peer.http2.close_connection(last_stream_id=0)


def retired_after(peer: Peer, stream: int) -> None:
    peer.http2.close_connection(last_stream_id=stream)
    peer.flush()
    peer.transport.close()


def broken(peer: Peer, stream: int) -> None:
    peer.http2.close_connection(ErrorCodes.INTERNAL_ERROR, last_stream_id=stream)
    peer.flush()
    peer.transport.close()


def gone(peer: Peer, stream: int) -> None:
    peer.transport.abort()


def silent(peer: Peer, stream: int) -> None:
    pass


def unavailable(peer: Peer, stream: int) -> None:
    peer.reply(stream, 503, b"{}")


@pytest.mark.parametrize("warm", [False, True], ids=["new-connection", "kept-connection"])
@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (refused, Kind.NOT_SENT, "NOT_PROCESSED"),
        (retired_before, Kind.NOT_SENT, "NOT_PROCESSED"),
        (retired_after, Kind.UNKNOWN, "CONNECTION_LOST"),
        (broken, Kind.UNKNOWN, "CONNECTION_LOST"),
        (cancelled, Kind.UNKNOWN, "CONNECTION_LOST"),
        (gone, Kind.UNKNOWN, "CONNECTION_LOST"),
        (silent, Kind.UNKNOWN, "TIMEOUT"),
        (unavailable, Kind.UNKNOWN, None),
    ],
)
async def test_each_fault_of_http2_costs_one_post_and_proves_what_the_standard_says(
    firebase, certificates, make_push, fault, kind, code, warm
):
    # Short only where nothing answers: a busy machine must not turn the other faults into this one.
    limits = Limits(
        timeout_seconds=1 if fault is silent else 20, trusted_pem=certificates.authority
    )
    client = FcmClient(firebase.url, "p", StaticBearer(), limits=limits)
    if warm:
        assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED
    firebase.posts.clear()
    firebase.answer = fault
    outcome = await client.send(make_push(), now=NOON)
    # Long enough for a second POST to show, were there one.
    await asyncio.sleep(0.1)
    await client.aclose(drain_seconds=0)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert len(firebase.posts) == 1
