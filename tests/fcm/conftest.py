import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from waiting import until

from engine.clock import VirtualClock
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.emulator import EmulatorApp, build_emulator
from prompting.fcm.limits import Limits
from prompting.fcm.message import Push
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Running:
    """An emulator on a real socket, with direct access to its insides."""

    url: str
    app: EmulatorApp
    clock: VirtualClock


class Front:
    """One server for the whole session, behind which each test puts its own emulator."""

    url = ""
    app: EmulatorApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def front() -> Iterator[Front]:
    front = Front()
    with served(front) as url:
        front.url = url
        yield front


@pytest.fixture
def emulator(front: Front) -> Running:
    clock = VirtualClock(NOON)
    front.app = build_emulator(clock=clock)
    return Running(front.url, front.app, clock)


@pytest.fixture
async def client(emulator: Running) -> AsyncIterator[FcmClient]:
    client = FcmClient(emulator.url, "clinic", StaticBearer(), limits=Limits(timeout_seconds=20))
    yield client
    await client.aclose()


@pytest.fixture
async def http(emulator: Running) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=emulator.url, timeout=60, trust_env=False) as http:
        yield http


@pytest.fixture
def make_push() -> Callable[..., Push]:
    def make(token: str = "emu-phone", minutes: float = 60, prompt_id: int | None = None) -> Push:
        chosen = uuid.uuid4() if prompt_id is None else uuid.UUID(int=prompt_id)
        return Push(chosen, token, NOON + timedelta(minutes=minutes))

    return make


class Counting:
    """An endpoint that takes `seconds` to answer and knows how many requests were open at once."""

    def __init__(self, seconds: float = 0.0, status: int = 200) -> None:
        self.seconds = seconds
        self.status = status
        self.open = 0
        self.most = 0
        self.requests: list[Request] = []
        path = "/prefix/v1/projects/{project}/messages:send"
        self.app = Starlette(routes=[Route(path, self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(request)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(self.seconds)
        self.open -= 1
        name = f"projects/p/messages/{body['message']['data']['prompt_id']}"
        return JSONResponse({"name": name}, self.status)

    async def asked(self, times: int = 1) -> None:
        """Wait until so many requests have come."""
        await until(lambda: len(self.requests) >= times)


@pytest.fixture
def counting() -> type[Counting]:
    return Counting
