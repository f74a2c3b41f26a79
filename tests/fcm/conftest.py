import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from engine.clock import VirtualClock
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.emulator import EmulatorApp, build_emulator
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
    client = FcmClient(emulator.url, "clinic", StaticBearer(), timeout_seconds=5)
    yield client
    await client.aclose()


@pytest.fixture
async def http(emulator: Running) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=emulator.url, timeout=5, trust_env=False) as http:
        yield http


@pytest.fixture
def make_push() -> Callable[..., Push]:
    def make(token: str = "emu-phone", minutes: float = 60, prompt_id: int | None = None) -> Push:
        chosen = uuid.uuid4() if prompt_id is None else uuid.UUID(int=prompt_id)
        return Push(chosen, token, NOON + timedelta(minutes=minutes))

    return make
