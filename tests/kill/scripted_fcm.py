"""An FCM that does as it is told and writes down what it saw; it runs in a process of its own.

What it is to do stands in the path, so nothing has to be set up between two scenarios:
`/<lane>/<scenario>/<behaviour>/<times>/v1/projects/...`. The first `times` requests of each
(prompt, repeat) meet the behaviour, all later ones an orderly 200. `GET /<lane>/<scenario>/log`
returns the log of a scenario and forgets it.
"""

import asyncio
import json
import random
import socket
import struct
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lanes import Shared

TOKEN_FAULTS = {"404", "400 token"}
FIRM = {*TOKEN_FAULTS, "429"}
"""Behaviours whose answer proves that nothing was delivered."""
BEHAVIOURS = (
    "200",
    "200 slow",
    "503",
    "503 accepted",
    "429",
    "404",
    "400 token",
    "hang",
    "reset",
    "garbage",
)
MIXED = "mixed"
"""One of the ten by prompt and count."""
RETRY_AFTER_SECONDS = 40
SLOW_SECONDS = 0.1
TIMEOUT_SECONDS = 0.3
"""What clients of the harness are given, so that a hang does not cost seconds."""

_NAME = '{"name": "projects/clinic/messages/1"}'
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived; `received_at` and `expires_at` are POSIX seconds.

    `accepted`: the phone may have it. Where no orderly answer went out, it is taken to.
    `proven_negative`: the answer says that nothing was delivered.
    """

    prompt_id: str
    repeat: int
    token: str
    collapse_key: str
    tags: tuple[str, ...]
    received_at: float
    expires_at: str
    behaviour: str
    accepted: bool
    proven_negative: bool


class ScriptedFcm:
    """The log of all lanes' scenarios, and what answers them."""

    def __init__(self, lanes: Sequence[Shared]) -> None:
        self._lanes = lanes
        self._log: dict[tuple[int, str], list[Seen]] = defaultdict(list)
        self._count: dict[tuple[int, str], Counter[tuple[str, int]]] = defaultdict(Counter)

    async def serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._converse, sock=listener, backlog=500)
        async with server:
            await server.serve_forever()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path = head.split(" ", 2)[:2]
        length = next(
            (
                int(line[15:])
                for line in head.lower().split("\r\n")
                if line[:15] == "content-length:"
            ),
            0,
        )
        body = await reader.readexactly(length)
        parts = [part.replace("%20", " ") for part in path.split("/")]
        lane, scenario = int(parts[1]), parts[2]
        if method == "GET":
            seen = self._log.pop((lane, scenario), [])
            self._count.pop((lane, scenario), None)
            await _reply(writer, 200, json.dumps([asdict(entry) for entry in seen]))
            return True
        message = json.loads(body)["message"]
        behaviour = self._note(lane, scenario, message, parts[3], int(parts[4]))
        return await _behave(behaviour, writer)

    def _note(
        self, lane: int, scenario: str, message: dict[str, Any], behaviour: str, times: int
    ) -> str:
        """Write the request down and return how it is to be answered."""
        data = message["data"]
        key = (data["prompt_id"], int(data["repeat"]))
        # A dead token is the prompt's and its reminder's: a patient has but two phones.
        counted = (key[0], 0) if behaviour in TOKEN_FAULTS else key
        self._count[lane, scenario][counted] += 1
        nth = self._count[lane, scenario][counted]
        if behaviour == MIXED:
            behaviour = random.Random(f"{key}{nth}").choice(BEHAVIOURS)
        if nth > times:
            behaviour = "200"
        shared = self._lanes[lane]
        self._log[lane, scenario].append(
            Seen(
                *key,
                token=message["token"],
                collapse_key=message["android"]["collapse_key"],
                tags=(
                    message["android"]["notification"]["tag"],
                    message["apns"]["headers"]["apns-collapse-id"],
                    message["webpush"]["notification"]["tag"],
                ),
                received_at=shared.fair_clock().timestamp(),
                expires_at=data["expires_at"],
                behaviour=behaviour,
                accepted=behaviour not in FIRM and behaviour != "503",
                proven_negative=behaviour in FIRM,
            )
        )
        shared.received += 1
        return behaviour


async def _behave(behaviour: str, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; return whether the connection is to be kept."""
    if behaviour == "hang":
        await asyncio.sleep(2 * TIMEOUT_SECONDS)
        return False
    if behaviour == "reset":
        # Lingering for 0 s makes the kernel send RST, as a crashed peer's kernel does.
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False
    if behaviour == "200 slow":
        await asyncio.sleep(SLOW_SECONDS)
    status, body, extra = _ANSWERS.get(behaviour, (200, _NAME, ""))
    await _reply(writer, status, body, extra)
    return True


def _error(status: int, code: str, fcm: str, *details: Mapping[str, object]) -> str:
    error = {"@type": _FCM_ERROR, "errorCode": fcm}
    return json.dumps(
        {"error": {"code": status, "message": code, "status": code, "details": [error, *details]}}
    )


_TOKEN_NAMED = {"@type": _BAD_REQUEST, "fieldViolations": [{"field": "message.token"}]}
_UNAVAILABLE = (503, _error(503, "UNAVAILABLE", "UNAVAILABLE"), "")
_ANSWERS = {
    "503": _UNAVAILABLE,
    "503 accepted": _UNAVAILABLE,
    "429": (
        429,
        _error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
        f"retry-after: {RETRY_AFTER_SECONDS}\r\n",
    ),
    "404": (404, _error(404, "NOT_FOUND", "UNREGISTERED"), ""),
    "400 token": (
        400,
        _error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", _TOKEN_NAMED),
        "",
    ),
    "garbage": (200, "<html>bad gateway?</html>", ""),
}


async def _reply(writer: asyncio.StreamWriter, status: int, body: str, extra: str = "") -> None:
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{extra}"
    writer.write(f"{head}content-length: {len(body.encode())}\r\n\r\n{body}".encode())
    await writer.drain()


def run(listener: socket.socket, lanes: Sequence[Shared]) -> None:
    """Serve until the process is ended."""
    asyncio.run(ScriptedFcm(lanes).serve(listener))
