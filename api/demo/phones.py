"""The patients' phones: each enrols, gets its pushes from the emulator, and answers over HTTP.

A phone knows nothing of the server but its API. What a patient does with a prompt is told by the
simulated world; here it becomes requests at the instants at which a phone would send them.
"""

import asyncio
import heapq
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

from pyreqwest.client import Client, ClientBuilder

from api.demo.clinic import Member
from api.demo.moods import answers_for
from content.library import Library

ARRIVES_AFTER = timedelta(seconds=2)
IDLE = timedelta(seconds=30)
_SPACE = UUID("2b1f6a5e-61a4-4a0e-8a1f-8f0d3d3f5b77")


class PhoneRefused(RuntimeError):
    """The server answered a phone of the demo with an error: a fault of ours."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A push that came to a phone, and how long its owner takes to answer: None if for ever."""

    at: datetime
    phone: int
    prompt_id: UUID
    delay_minutes: float | None


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """A moment at which a phone calls the server: a push has come, or its owner answers it."""

    at: datetime
    phone: int
    prompt_id: UUID
    answers: bool


@dataclass(slots=True)
class Phone:
    """One simulated device, the contents it holds, and its owner's state of mind."""

    token: str
    credential: str
    distress: float
    contents: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Phones:
    """All simulated devices, by number, with the visits they are going to make."""

    api: str
    emulator: str
    library: Library
    seed: int
    phones: list[Phone] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = (
            ClientBuilder()
            .no_proxy()
            .timeout(timedelta(seconds=30))
            .pool_idle_timeout(IDLE)
            .build()
        )

    async def enrol(self, members: Sequence[Member]) -> list[str]:
        """Redeem each member's code with a fresh token from the emulator; return the tokens."""
        rng = Random(self.seed)
        for member in members:
            token = (await self._call("POST", f"{self.emulator}/registrations", None))["token"]
            body = {
                "code": member.code,
                "zone": member.patient.zone,
                "platform": "android",
                "push_token": token,
            }
            reply = await self._call("POST", f"{self.api}/v1/devices", body)
            distress = rng.uniform(0.35, 0.75)
            self.phones.append(Phone(token, reply["credential"], distress))
        return [phone.token for phone in self.phones]

    def expect(self, arrivals: Sequence[Arrival]) -> None:
        """Note pushes that have come, and the answers that their owners will give."""
        for push in arrivals:
            came_at = push.at + ARRIVES_AFTER
            heapq.heappush(self.visits, Visit(came_at, push.phone, push.prompt_id, answers=False))
            if push.delay_minutes is not None:
                at = max(push.at + timedelta(minutes=push.delay_minutes), came_at)
                heapq.heappush(self.visits, Visit(at, push.phone, push.prompt_id, answers=True))

    async def make_visits(self, now: datetime) -> None:
        """Make every call that is due by `now`; each phone's calls go in order."""
        due: dict[int, list[Visit]] = {}
        while self.visits and self.visits[0].at <= now:
            visit = heapq.heappop(self.visits)
            due.setdefault(visit.phone, []).append(visit)
        await asyncio.gather(
            *(self._visit(self.phones[number], visits, now) for number, visits in due.items())
        )

    async def _visit(self, phone: Phone, visits: Sequence[Visit], now: datetime) -> None:
        for visit in visits:
            await (self._answer if visit.answers else self._report)(phone, visit, now)

    async def _report(self, phone: Phone, visit: Visit, now: datetime) -> None:
        receipts = [
            {"prompt_id": str(visit.prompt_id), "kind": kind, "at": visit.at.isoformat()}
            for kind in ("delivered", "shown")
        ]
        reply = await self._device(phone, "POST", "receipts?pull=true", now, {"receipts": receipts})
        phone.contents |= {prompt["id"]: prompt["content"] for prompt in reply["prompts"]}

    async def _answer(self, phone: Phone, visit: Visit, now: datetime) -> None:
        content = phone.contents.pop(str(visit.prompt_id), None)
        if content is None:
            raise PhoneRefused(f"prompt {visit.prompt_id} was pushed but could not be pulled")
        phone.distress = max(phone.distress - 0.002, 0.15)
        item = self.library.get(content["id"], content["version"])
        # Randomness of the prompt's own, so that the order of calls does not matter.
        rng = Random(self.seed ^ visit.prompt_id.int)
        body = {
            "prompt_id": str(visit.prompt_id),
            "content_id": content["id"],
            "content_version": content["version"],
            "answers": answers_for(item, phone.distress, rng),
            "opened_at": visit.at.isoformat(),
            "answered_at": visit.at.isoformat(),
        }
        response_id = uuid5(_SPACE, str(visit.prompt_id))
        await self._device(phone, "PUT", f"responses/{response_id}", now, body)

    def _device(
        self, phone: Phone, method: str, path: str, now: datetime, body: object = None
    ) -> Coroutine[Any, Any, dict[str, Any]]:
        return self._call(method, f"{self.api}/v1/device/{path}", body, phone.credential, now)

    async def _call(
        self,
        method: str,
        url: str,
        body: object,
        credential: str | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        request = self.client.request(method, url)
        if credential is not None:
            request = request.bearer_auth(credential)
        if now is not None:
            request = request.header("Device-Time", now.isoformat())
        if body is not None:
            request = request.body_json(body)
        response = await request.build().send()
        if response.status >= 400:
            raise PhoneRefused(f"{method} {url}: {response.status} {await response.text()}")
        found: dict[str, Any] = await response.json()
        return found

    async def close(self) -> None:
        """Let go of connections."""
        await self.client.close()
