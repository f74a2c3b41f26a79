"""A stand-in for FCM that is no bottleneck: `python -m benchmarks.standin --latency-ms 50`.

It checks nothing and answers every POST with a message name after the artificial latency. HTTP/2
over TLS on one port, HTTP/1.1 in plain text on another. Both are read by hand and only as far as a
client's requests go: the parser of a general library would cost more than the sender measured.
The first line on stdout is a JSON object with the two ports; after that each line on stdin is a
question, `count`, `report` or `reset`, answered by one line. It ends when stdin does.
"""

import argparse
import asyncio
import json
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.certificates import Certificates, for_loopback

STREAMS = 100
"""Requests under way on one HTTP/2 connection, as FCM itself allows."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0x0, 0x1, 0x4, 0x6, 0x8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
_WIDE_OPEN = 0x3FFFFFFF
_REFILL_AFTER = 0x10000000
_STATUS_200 = b"\x88"  # RFC 7541 appendix A: entry 8 of the static table


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame (RFC 9113 section 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


_GREETING = (
    frame(SETTINGS, 0, 0, (3).to_bytes(2, "big") + STREAMS.to_bytes(4, "big"))
    + frame(WINDOW_UPDATE, 0, 0, _WIDE_OPEN.to_bytes(4, "big"))
)  # fmt: skip


class Log:
    """What arrived, and when. It is read when somebody asks, so as to cost nobody's time before."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.arrivals: list[float] = []

    def take(self, body: bytes) -> None:
        """Note one message."""
        self.arrivals.append(time.time())
        self.bodies.append(body)

    def count(self) -> dict[str, object]:
        """Return how many arrived."""
        return {"received": len(self.arrivals)}

    def report(self) -> dict[str, object]:
        """Return counts, (prompt id, repeat) making two alike, and arrivals in epoch seconds."""
        distinct = {(_value(b, b'"prompt_id"'), _value(b, b'"repeat"')) for b in self.bodies}
        return {
            "received": len(self.arrivals),
            "distinct": len(distinct),
            "doubles": len(self.arrivals) - len(distinct),
            "arrivals": self.arrivals,
        }

    def reset(self) -> dict[str, object]:
        """Forget everything."""
        self.bodies.clear()
        self.arrivals.clear()
        return {}


def _value(body: bytes, key: bytes) -> bytes:
    at = body.find(key)
    if at < 0:
        return b""
    begin = body.find(b'"', at + len(key)) + 1
    return body[begin : body.find(b'"', begin)]


class Peer(asyncio.Protocol):
    """One connection; HTTP/2 if it begins with its preface, else HTTP/1.1."""

    transport: asyncio.Transport

    def __init__(self, log: Log, latency: float) -> None:
        self._log = log
        self._latency = latency
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._bodies: dict[int, bytes] = {}
        self._speaks_http2: bool | None = None
        self._consumed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """Take what came, and answer whatever is complete after the latency."""
        self._rest += data
        if self._speaks_http2 is None:
            if len(self._rest) < len(PREFACE):
                return
            self._speaks_http2 = self._rest.startswith(PREFACE)
            if self._speaks_http2:
                self._rest = self._rest[len(PREFACE) :]
                self.transport.write(_GREETING)
        complete = self._frames() if self._speaks_http2 else self._requests()
        if not complete:
            return
        if self._latency:
            self._loop.call_later(self._latency, self._answer, complete)
        else:
            self._answer(complete)

    def _frames(self) -> list[int]:
        """Return the streams whose request is complete."""
        data, at, complete = self._rest, 0, []
        while len(data) - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3], "big")
            if len(data) < end:
                break
            kind, flags = data[at + 3], data[at + 4]
            if kind == DATA:
                stream = int.from_bytes(data[at + 5 : at + 9], "big")
                body = self._bodies.pop(stream, b"") + data[at + 9 : end]
                if flags & END_STREAM:
                    self._log.take(body)
                    complete.append(stream)
                else:
                    self._bodies[stream] = body
                self._consumed += end - at
            elif kind == SETTINGS and not flags & ACK:
                self.transport.write(frame(SETTINGS, ACK, 0, b""))
            elif kind == PING and not flags & ACK:
                self.transport.write(frame(PING, ACK, 0, data[at + 9 : end]))
            at = end
        self._rest = data[at:]
        if self._consumed > _REFILL_AFTER:
            self.transport.write(frame(WINDOW_UPDATE, 0, 0, self._consumed.to_bytes(4, "big")))
            self._consumed = 0
        return complete

    def _requests(self) -> list[int]:
        """Return one 0 for each HTTP/1.1 request that is complete."""
        complete = []
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            begin = end + 4
            if len(self._rest) < begin + length:
                break
            self._log.take(self._rest[begin : begin + length])
            self._rest = self._rest[begin + length :]
            complete.append(0)
        return complete

    def _answer(self, streams: list[int]) -> None:
        if self.transport.is_closing():
            return
        body = b'{"name": "projects/bench/messages/%d"}' % len(self._log.arrivals)
        if self._speaks_http2:
            parts = [
                frame(HEADERS, END_HEADERS, stream, _STATUS_200)
                + frame(DATA, END_STREAM, stream, body)
                for stream in streams
            ]
        else:
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            )
            parts = [head % len(body) + body] * len(streams)
        self.transport.write(b"".join(parts))


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(certificates.chain)
        key.write_bytes(certificates.key)
        context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def _serve(latency: float) -> None:
    log, loop, ended = Log(), asyncio.get_running_loop(), asyncio.Event()
    certificates = for_loopback()

    def peer() -> Peer:
        return Peer(log, latency)

    context = _context(certificates)
    secure = await loop.create_server(peer, "127.0.0.1", 0, ssl=context, backlog=2048)
    plain = await loop.create_server(peer, "127.0.0.1", 0, backlog=2048)

    answers = {"count": log.count, "report": log.report, "reset": log.reset}

    def asked() -> None:
        question = sys.stdin.readline().strip()
        if not question:
            ended.set()
            return
        _say(answers[question]())

    loop.add_reader(sys.stdin.fileno(), asked)
    ports = [server.sockets[0].getsockname()[1] for server in (secure, plain)]
    _say({"secure": ports[0], "plain": ports[1], "authority": certificates.authority.decode()})
    await ended.wait()


def _say(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(prog="benchmarks.standin", description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    uvloop.run(_serve(parser.parse_args().latency_ms / 1000))


if __name__ == "__main__":
    main()
