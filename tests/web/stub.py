"""A stand-in for the server, with the patient page's contract and switches for bad weather.

Content, checks, feedback and safety texts are the real ones; only storage and time are made up.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from content.answers import AnswersRefused, check_answers, feedback_for, risk_texts
from content.item import ContentItem
from content.library import public_view
from content.scoring import score

PAGE = Path(__file__).parents[2] / "api" / "web" / "patient"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
CODE = "ABCD2345"


@dataclass
class Clinic:
    """Everything the stub knows; tests set the switches and read what arrived."""

    channel: str = "poll"
    prompts: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, ContentItem] = field(default_factory=dict)
    credentials: set[str] = field(default_factory=set)
    push_tokens: set[str] = field(default_factory=set)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)
    receipts: list[tuple[str, str]] = field(default_factory=list)
    device_times: list[str] = field(default_factory=list)
    lose_replies: int = 0
    retry_after: int | None = None
    fault_items: dict[str, str] = field(default_factory=dict)
    streams: list[asyncio.Queue[str]] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None
    tests: set[str] = field(default_factory=set)

    def send_test(self) -> str:
        """Announce a test notification, which opens nothing; returns its id."""
        test_id = str(uuid4())
        self.tests.add(test_id)
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._announce, test_id)
        return test_id

    def send(self, content: ContentItem, *, minutes: float = 60, push: bool = True) -> str:
        """Open a prompt and, unless told not to, announce it on the stream; returns its id."""
        now = datetime.now(UTC)
        prompt_id = str(uuid4())
        self.contents[prompt_id] = content
        self.prompts[prompt_id] = {
            "id": prompt_id,
            "sent_at": now.isoformat(),
            "expires_at": (now + timedelta(minutes=minutes)).isoformat(),
            "content": public_view(content),
        }
        if push and self.loop is not None:
            self.loop.call_soon_threadsafe(self._announce, prompt_id)
        return prompt_id

    def _announce(self, prompt_id: str) -> None:
        message = {"prompt_id": prompt_id, "data": {}, "notification": {}, "sent_at": "now"}
        for stream in self.streams:
            stream.put_nowait(json.dumps(message))

    def open_prompts(self) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        answered = {body["prompt_id"] for body in self.responses.values()}
        return [
            prompt
            for prompt in self.prompts.values()
            if prompt["id"] not in answered and datetime.fromisoformat(prompt["expires_at"]) > now
        ]

    def channel_json(self) -> dict[str, str]:
        url = {"url": "/fcm-emulator"} if self.channel == "emulator" else {}
        return {"kind": self.channel, **url}

    def week(self) -> dict[str, Any]:
        sent = max(len(self.prompts), 1) + 10
        return {
            "from": "2026-11-23",
            "to": "2026-11-29",
            "answered": 8 + len(self.responses),
            "sent": sent,
        }


def problem(status: int, detail: str, *errors: tuple[str, str]) -> Response:
    body = {
        "type": "about:blank",
        "title": "Refused",
        "status": status,
        "detail": detail,
        "errors": [{"field": name, "message": message} for name, message in errors],
    }
    return JSONResponse(body, status, media_type="application/problem+json")


def clinic_of(request: Request) -> Clinic:
    clinic: Clinic = request.app.state.clinic
    if stamp := request.headers.get("Device-Time"):
        clinic.device_times.append(stamp)
    return clinic


def stranger(request: Request) -> Response | None:
    credential = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if credential in clinic_of(request).credentials:
        return None
    return problem(401, "This device is not known.")


async def enrol(request: Request) -> Response:
    clinic = clinic_of(request)
    body = await request.json()
    if body["code"] != CODE:
        message = "This code is not valid. Please check it or ask for a new one."
        return problem(422, "The code was refused.", ("code", message))
    credential = str(uuid4())
    clinic.credentials.add(credential)
    channel = clinic.channel_json()
    reply = {"device_id": str(uuid4()), "credential": credential, "channel": channel}
    return JSONResponse(reply, 201)


async def device(request: Request) -> Response:
    if refusal := stranger(request):
        return refusal
    clinic = clinic_of(request)
    if request.method == "GET":
        channel = clinic.channel_json()
        return JSONResponse({"device_id": "known", "zone": "Europe/Berlin", "channel": channel})
    clinic.credentials.clear()
    return Response(status_code=204)


async def push_token(request: Request) -> Response:
    if refusal := stranger(request):
        return refusal
    clinic_of(request).push_tokens.add((await request.json())["push_token"])
    return Response(status_code=204)


async def prompts(request: Request) -> Response:
    if refusal := stranger(request):
        return refusal
    open_now = clinic_of(request).open_prompts()
    return JSONResponse({"server_now": datetime.now(UTC).isoformat(), "prompts": open_now})


async def receipts(request: Request) -> Response:
    if refusal := stranger(request):
        return refusal
    received = (await request.json())["receipts"]
    clinic_of(request).receipts.extend((one["prompt_id"], one["kind"]) for one in received)
    return JSONResponse({"stored": len(received)})


async def test(request: Request) -> Response:
    if refusal := stranger(request):
        return refusal
    known = request.path_params["id"] in clinic_of(request).tests
    return JSONResponse({"ended": False}) if known else problem(404, "no such test")


async def progress(request: Request) -> Response:
    return stranger(request) or JSONResponse({"week": clinic_of(request).week()})


async def response(request: Request) -> Response:
    if refusal := stranger(request):
        return refusal
    clinic, response_id = clinic_of(request), request.path_params["id"]
    body = await request.json()
    clinic.attempts.append(response_id)
    if response_id not in clinic.responses:
        if refusal := store(clinic, response_id, body):
            return refusal
    elif clinic.responses[response_id] != body:
        return problem(409, "Another answer has this id.")
    if clinic.lose_replies > 0:
        clinic.lose_replies -= 1
        headers = {} if clinic.retry_after is None else {"Retry-After": str(clinic.retry_after)}
        return Response("upstream lost", status_code=502, headers=headers)
    return JSONResponse(clinic.replies[response_id], 201)


def store(clinic: Clinic, response_id: str, body: dict[str, Any]) -> Response | None:
    if any(other["prompt_id"] == body["prompt_id"] for other in clinic.responses.values()):
        return problem(409, "This prompt has an answer already.")
    if body["prompt_id"] not in clinic.prompts:
        return problem(404, "There is no such prompt for this device.")
    content = clinic.contents[body["prompt_id"]]
    if clinic.fault_items:
        faults, clinic.fault_items = clinic.fault_items, {}
        return problem(422, "Faults.", *((f"answers.{key}", why) for key, why in faults.items()))
    try:
        answers = check_answers(content, body["answers"])
    except AnswersRefused as refused:
        return problem(422, "Faults.", *((fault.path, fault.message) for fault in refused.faults))
    expiry = datetime.fromisoformat(clinic.prompts[body["prompt_id"]]["expires_at"])
    clinic.responses[response_id] = body
    clinic.replies[response_id] = {
        "response_id": response_id,
        "prompt_id": body["prompt_id"],
        "answered_at": body["answered_at"],
        "late": datetime.fromisoformat(body["answered_at"]) >= expiry,
        "feedback": feedback_for(content, answers, score(content, answers)),
        "safety": risk_texts(content, answers),
        "progress": clinic.week(),
    }
    return None


async def register(_: Request) -> Response:
    return JSONResponse({"token": f"emu-{uuid4()}"})


async def stream(request: Request) -> Response:
    clinic = clinic_of(request)
    queue: asyncio.Queue[str] = asyncio.Queue()
    clinic.loop = asyncio.get_running_loop()
    clinic.streams.append(queue)

    async def messages() -> AsyncIterator[dict[str, str]]:
        while True:
            yield {"event": "message", "data": await queue.get()}

    return EventSourceResponse(messages())


def policed(app: ASGIApp) -> ASGIApp:
    """Return the app with the page's content security policy on every answer."""

    async def with_policy(scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"content-security-policy", POLICY.encode()))
            await send(message)

        await app(scope, receive, add)

    return with_policy


def build(clinic: Clinic) -> Starlette:
    routes = [
        Route("/v1/devices", enrol, methods=["POST"]),
        Route("/v1/device", device, methods=["GET", "DELETE"]),
        Route("/v1/device/push-token", push_token, methods=["PUT"]),
        Route("/v1/device/prompts", prompts),
        Route("/v1/device/receipts", receipts, methods=["POST"]),
        Route("/v1/device/progress", progress),
        Route("/v1/device/tests/{id}", test),
        Route("/v1/device/responses/{id}", response, methods=["PUT"]),
        Route("/fcm-emulator/registrations", register, methods=["POST"]),
        Route("/fcm-emulator/stream", stream),
        Mount("/app", policed(StaticFiles(directory=PAGE, html=True))),
    ]
    app = Starlette(routes=routes)
    app.state.clinic = clinic
    return app


@contextmanager
def running(clinic: Clinic) -> Iterator[str]:
    """Serve the stub on a free loopback port; yields its address."""
    config = uvicorn.Config(
        build(clinic),
        log_level="error",
        log_config=None,  # the loggers are the whole process's
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the stub did not start within 10 s")
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=60)
