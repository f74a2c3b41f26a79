"""How fast the stand-in answers when nothing but bare frames is thrown at it."""

import asyncio
import ssl
import time
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from benchmarks.standin import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS,
    STREAMS,
    frame,
)

CONNECTIONS = 16
_BODY = b'{"message":{"data":{"prompt_id":"%032d","repeat":"0"},"padding":"' + b"x" * 700 + b'"}}'
# :method POST, then an authority the stand-in does not look at (RFC 7541 section 6.2.2).
_FIELDS = b"\x83\x87\x84\x01\x04fcm."


class _Thrower(asyncio.Protocol):
    """Keeps as many requests under way as a connection allows, until all are answered."""

    def __init__(self, messages: int) -> None:
        self._left, self._unanswered, self._stream = messages, messages, 1
        self._rest = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(PREFACE + frame(SETTINGS, 0, 0, b""))
        self._throw(STREAMS)

    def data_received(self, data: bytes) -> None:
        """Count answers and replace each by a new request."""
        self._rest += data
        data, at, answered = self._rest, 0, 0
        while len(data) - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3], "big")
            if len(data) < end:
                break
            answered += data[at + 3] == DATA
            at = end
        self._rest = data[at:]
        self._unanswered -= answered
        self._throw(answered)
        if not self._unanswered and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the stand-in hung up"))

    def _throw(self, count: int) -> None:
        parts = []
        for _ in range(min(count, self._left)):
            parts.append(frame(HEADERS, END_HEADERS, self._stream, _FIELDS))
            parts.append(frame(DATA, END_STREAM, self._stream, _BODY % self._stream))
            self._stream += 2
            self._left -= 1
        if parts:
            self.transport.write(b"".join(parts))


async def _throw_all(host: str, port: int, context: ssl.SSLContext, messages: int) -> float:
    loop = asyncio.get_running_loop()
    each = messages // CONNECTIONS
    began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Thrower(each), host, port, ssl=context)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(thrower.done for _, thrower in made))
    seconds = time.perf_counter() - began
    for transport, _ in made:
        transport.close()
    return each * CONNECTIONS / seconds


def ceiling(secure_url: str, authority: Path, messages: int) -> float:
    """Return answers a second over TLS and HTTP/2, as the sender uses them."""
    parts = urlsplit(secure_url)
    context = ssl.create_default_context(cafile=str(authority))
    context.set_alpn_protocols(["h2"])
    at_least_one_each = max(messages, CONNECTIONS)
    return asyncio.run(
        _throw_all(str(parts.hostname), int(parts.port or 443), context, at_least_one_each)
    )
