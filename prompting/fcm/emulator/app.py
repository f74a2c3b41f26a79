"""The emulator as an ASGI app: FCM's send request, registrations, a stream for browsers, a log.

It binds nothing: mount it under a prefix of another app, or serve it by itself. A device is any
token that begins with `emu-` and was not deleted, so a restart loses none.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import uuid4

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.clock import Clock
from engine.errors import FieldsRefused
from prompting.fcm.emulator.faults import FaultKind, FaultPlan, parse_rules
from prompting.fcm.emulator.log import ACCEPTED, LogEntry, MessageLog, identify
from prompting.fcm.emulator.mailbox import Letter, Mailroom
from prompting.fcm.emulator.replies import error_reply, fault_reply
from prompting.fcm.emulator.validation import BadMessage, time_to_live, validate_request

TOKEN_PREFIX = "emu-"
"""What the emulator's registration tokens begin with."""

_RECONNECT_MILLISECONDS = 1_000
_KEEP_ALIVE_SECONDS = 15
_LOG_PAGE = 100
_LARGEST_LOG_PAGE = 10_000


class EmulatorApp:
    """An ASGI app that behaves as FCM HTTP v1 does; `log` and `faults` may be used directly."""

    def __init__(self, clock: Clock, log_path: Path | None = None) -> None:
        self.log = MessageLog(clock, log_path)
        self.faults = FaultPlan()
        self._clock = clock
        self._mail = Mailroom(clock)
        self._app = Starlette(
            routes=[
                Route("/v1/projects/{project}/messages:send", self._send, methods=["POST"]),
                Route("/registrations", self._register, methods=["POST"]),
                Route("/registrations/{token}", self._unregister, methods=["DELETE"]),
                Route("/stream", self._stream, methods=["GET"]),
                Route("/log", self._read_log, methods=["GET"]),
                Route("/faults", self._faults, methods=["GET", "PUT", "DELETE"]),
                Route("/health", self._health, methods=["GET"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call."""
        await self._app(scope, receive, send)

    def registered(self, token: str) -> bool:
        """Return whether `token` is a device's."""
        return token.startswith(TOKEN_PREFIX) and not self._mail.closed(token)

    async def _send(self, request: Request) -> Response:
        body = _json(await request.body())
        raw = body.get("message") if isinstance(body, dict) else None
        message = raw if isinstance(raw, dict) else None
        project = request.path_params["project"]
        fault = self.faults.strike(identify(message)[0]) if _has_bearer(request) else None
        if fault is not None and fault.kind is not FaultKind.ACCEPT_THEN_503:
            reply, status = fault_reply(fault)
            self._record(project, message, fault.kind.value, status)
            return reply
        try:
            checked, validate_only = self._check(request, body)
        except _Refused as refusal:
            self._record(project, message, refusal.outcome, refusal.reply.status_code)
            return refusal.reply
        if validate_only:
            self._record(project, message, "validated", 200)
            return JSONResponse({"name": f"projects/{project}/messages/fake_message_id"})
        entry = self._record(project, message, ACCEPTED, 200 if fault is None else 503)
        self._deliver(checked, entry)
        if fault is not None:
            return fault_reply(fault)[0]
        return JSONResponse({"name": f"projects/{project}/messages/{uuid4().hex}"})

    def _check(self, request: Request, body: object) -> tuple[dict[str, Any], bool]:
        """Return (message, validate_only). Raises _Refused as FCM would refuse."""
        if not _has_bearer(request):
            raise _Refused("UNAUTHENTICATED", error_reply(FaultKind.UNAUTHENTICATED))
        try:
            message, validate_only = validate_request(body)
        except BadMessage as error:
            reply = error_reply(FaultKind.INVALID, message=str(error), field=error.field)
            raise _Refused("INVALID_ARGUMENT", reply) from error
        if "token" in message and not self.registered(message["token"]):
            raise _Refused("UNREGISTERED", error_reply(FaultKind.UNREGISTERED))
        return message, validate_only

    def _record(
        self, project: str, message: dict[str, Any] | None, outcome: str, status: int | None
    ) -> LogEntry:
        return self.log.record(
            project=project, message=message, outcome=outcome, http_status=status
        )

    def _deliver(self, message: dict[str, Any], entry: LogEntry) -> None:
        token = message.get("token")
        if token is None:
            return
        content = {
            "prompt_id": entry.prompt_id,
            "data": message.get("data", {}),
            "notification": message.get("notification"),
            "sent_at": entry.at.isoformat(),
        }
        key = entry.collapse_key or f"#{entry.seq}"
        expires_at = entry.at + time_to_live(message)
        self._mail.put(token, key, Letter(entry.seq, expires_at, content))

    async def _register(self, request: Request) -> Response:
        return JSONResponse({"token": f"{TOKEN_PREFIX}{uuid4().hex}"}, 201)

    async def _unregister(self, request: Request) -> Response:
        token = request.path_params["token"]
        if not self.registered(token):
            return error_reply(FaultKind.UNREGISTERED)
        self._mail.close(token)
        return Response(status_code=204)

    async def _stream(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if not self.registered(token):
            return error_reply(FaultKind.UNREGISTERED)
        after = _whole(request.headers.get("last-event-id"))
        if after is not None and after > self.log.seq:
            # The browser remembers an emulator that numbered further before its restart.
            after = None
        return EventSourceResponse(
            self._events(token, after),
            ping=_KEEP_ALIVE_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="keep-alive"),
        )

    async def _events(self, token: str, after: int | None) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="connected", retry=_RECONNECT_MILLISECONDS)
        async with aclosing(self._mail.letters(token, after)) as letters:
            async for letter in letters:
                content = json.dumps(letter.content)
                yield ServerSentEvent(content, event="message", id=str(letter.seq))

    async def _read_log(self, request: Request) -> Response:
        after = _whole(request.query_params.get("after", "0"))
        limit = _whole(request.query_params.get("limit", str(_LOG_PAGE)))
        if after is None:
            return _refused("after: must be a whole number of at least 0")
        if limit is None or not 1 <= limit <= _LARGEST_LOG_PAGE:
            return _refused(f"limit: must be a whole number from 1 to {_LARGEST_LOG_PAGE}")
        entries = self.log.after(after, limit=limit)
        return JSONResponse({"messages": [entry.as_json() for entry in entries]})

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "PUT":
            try:
                self.faults.set(parse_rules(_json(await request.body())))
            except FieldsRefused as error:
                return _refused(str(error))
        return JSONResponse({"rules": self.faults.as_json()})

    async def _health(self, request: Request) -> Response:
        counts = {"received": self.log.received, "accepted": self.log.accepted}
        return JSONResponse({"status": "ok", **counts, "streams": self._mail.listening})


class _Refused(Exception):
    """A send request that gets an error for its own faults."""

    def __init__(self, outcome: str, reply: JSONResponse) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reply = reply


def build_emulator(*, clock: Clock, log_path: Path | None = None) -> EmulatorApp:
    """Return an emulator that reads time from `clock` and appends its log to `log_path`."""
    return EmulatorApp(clock, log_path)


def _has_bearer(request: Request) -> bool:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(value.strip())


def _json(body: bytes) -> object:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _refused(text: str) -> JSONResponse:
    return JSONResponse({"error": {"code": 400, "message": text}}, 400)
