"""What patients' phones call: enrol, pull prompts, report, answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.bodies import Body, Instant, Storable
from api.deps import AddressDep, DeviceDep, DeviceTime, NowDep, ServicesDep
from api.services import Services
from content.item import ContentItem
from content.library import public_view
from engine.commands import answering, enrolling
from engine.commands.answering import ReceiptIn, Submission
from engine.records import Device, OpenPrompt
from engine.store import devices
from prompting.explaining import PhoneWords, told_on_phone

router = APIRouter(prefix="/v1", tags=["device"])

ENROLMENT_NOTICE = (
    "Your answers are not read at once. This is not an emergency service: in an emergency call "
    "your local emergency number."
)


class Channel(BaseModel):
    """How pushes reach a browser: from the built-in emulator at `url`, or only by polling."""

    kind: Literal["emulator", "poll"]
    url: str | None = None


class NewDevice(Body):
    """A phone or browser that redeems an enrolment code."""

    code: Annotated[str, Field(max_length=40, examples=["7K2MQ-9XW4D"]), Storable]
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), Storable]
    platform: Literal["web", "android", "ios"]
    push_token: Annotated[str | None, Field(max_length=4096), Storable] = None
    deduplicates: Annotated[
        bool | None,
        Field(
            description="Whether the app drops a push whose prompt_id and repeat it has had. "
            "If so, one whose delivery is uncertain is sent again. By default as is usual for the "
            "platform: true for android and web, false for ios."
        ),
    ] = None


class EnrolledDevice(BaseModel):
    """The credential is shown this once; the phone keeps it."""

    device_id: UUID
    credential: str
    channel: Channel
    notice: str = ENROLMENT_NOTICE


class DeviceOut(BaseModel):
    """What the server knows of the calling device."""

    device_id: UUID
    zone: str
    channel: Channel
    deduplicates: bool


class PushToken(Body):
    """A new FCM registration token."""

    push_token: Annotated[str, Field(min_length=1, max_length=4096), Storable]


class PromptOut(BaseModel):
    """An open prompt and the content to show; what was not drawn has no `why`.

    `why` is one sentence on why it came at its time; `asks_moment` whether the app is to ask, once
    it is answered, if the moment was a good one.
    """

    id: UUID
    sent_at: datetime
    expires_at: datetime
    content: dict[str, Any]
    why: str | None = None
    asks_moment: bool = False


class OpenPrompts(BaseModel):
    """Open prompts, oldest first, and the server's time."""

    server_now: datetime
    prompts: list[PromptOut]


class ReceiptBody(Body):
    """Something that happened to a prompt on the phone, by the phone's clock."""

    prompt_id: UUID
    kind: Literal["delivered", "shown", "opened", "dismissed"]
    at: Instant


class Receipts(Body):
    """A batch of receipts; all are stored or none."""

    receipts: Annotated[list[ReceiptBody], Field(min_length=1, max_length=200)]


class Stored(BaseModel):
    """How many were new; with `pull`, the open prompts as well."""

    stored: int
    prompts: list[PromptOut] | None = None


class ResponseBody(Body):
    """An answer; values by item id. `answered_at` and `opened_at` are by the phone's clock."""

    prompt_id: UUID
    content_id: Annotated[str, Field(max_length=200), Storable]
    content_version: Annotated[str, Field(max_length=64), Storable]
    answers: Annotated[dict[str, Any], Field(max_length=200, examples=[{"valence": 60}])]
    opened_at: Instant | None = None
    answered_at: Instant


class Week(BaseModel):
    """The current week's prompts on the patient's own calendar."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    answered: int
    sent: int


class Progress(BaseModel):
    """How the week is going."""

    week: Week


class ResponseReply(BaseModel):
    """What the phone is told; repeating the same call gives the same reply."""

    response_id: UUID
    prompt_id: UUID
    answered_at: datetime
    late: bool
    feedback: list[str]
    safety: list[str]
    progress: Week


def _channel(services: Services) -> Channel:
    if services.emulator_path is None:
        return Channel(kind="poll")
    return Channel(kind="emulator", url=services.emulator_path)


@router.post("/devices", status_code=201)
def enrol_device(
    body: NewDevice, services: ServicesDep, now: NowDep, address: AddressDep
) -> EnrolledDevice:
    """Redeem a one-time enrolment code for a device credential."""
    services.limiter.enrolment(address)
    device, credential = enrolling.redeem_code(
        services.db,
        body.code,
        platform=body.platform,
        zone_name=body.zone,
        push_token=body.push_token,
        now=now,
        deduplicates=body.deduplicates,
    )
    return EnrolledDevice(device_id=device.id, credential=credential, channel=_channel(services))


@router.get("/device")
def read_device(device: DeviceDep, services: ServicesDep) -> DeviceOut:
    """Return what the server knows of this device."""
    return DeviceOut(
        device_id=device.id,
        zone=device.zone,
        channel=_channel(services),
        deduplicates=device.deduplicates,
    )


@router.put("/device/push-token", status_code=204)
def put_push_token(body: PushToken, device: DeviceDep, services: ServicesDep, now: NowDep) -> None:
    """Store the device's newest push token; with its first one comes a first prompt."""
    enrolling.keep_push_token(services.db, device, body.push_token, now=now)


@router.delete("/device", status_code=204)
def sign_out_device(device: DeviceDep, services: ServicesDep, now: NowDep) -> None:
    """Sign this device out; it gets no more prompts and its credential ends."""
    with services.db.write() as tx:
        devices.retire_device(tx, device.id, now=now)


@router.get("/device/prompts")
def read_prompts(device: DeviceDep, services: ServicesDep, now: NowDep) -> OpenPrompts:
    """Return the open prompts with their content."""
    return OpenPrompts(server_now=now, prompts=_open(services, device, now))


def _open(services: Services, device: Device, now: datetime) -> list[PromptOut]:
    found = answering.open_prompts(services.db, device, services.library, now=now)
    told = told_on_phone(services.db, device.patient_id, [prompt.id for prompt, _ in found])
    return [_prompt_out(prompt, item, told.get(prompt.id)) for prompt, item in found]


def _prompt_out(prompt: OpenPrompt, item: ContentItem, told: PhoneWords | None) -> PromptOut:
    return PromptOut(
        id=prompt.id,
        sent_at=prompt.sent_at,
        expires_at=prompt.expires_at,
        content=public_view(item),
        why=told.why if told else None,
        asks_moment=told.asks if told else False,
    )


@router.post("/device/receipts", response_model_exclude_none=True)
def post_receipts(
    body: Receipts,
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
    device_time: DeviceTime = None,
    pull: Annotated[bool, Query(description="Answer with the open prompts too.")] = False,
) -> Stored:
    """Report what happened to prompts on the phone; repeats are harmless.

    With `pull`, a phone that a push has woken reports it and gets the prompt in one call.
    """
    receipts = [ReceiptIn(prompt_id=r.prompt_id, kind=r.kind, at=r.at) for r in body.receipts]
    stored = answering.record_receipts(
        services.db, device, receipts, device_now=device_time, now=now
    )
    return Stored(stored=stored, prompts=_open(services, device, now) if pull else None)


@router.put("/device/responses/{response_id}", status_code=201, response_model=ResponseReply)
def put_response(
    response_id: Annotated[UUID, Path(description="Made by the phone, kept on retries.")],
    body: ResponseBody,
    device: DeviceDep,
    services: ServicesDep,
    now: NowDep,
    device_time: DeviceTime = None,
) -> dict[str, Any]:
    """Answer a prompt, once; after its expiry the answer is kept and marked late."""
    submission = Submission(id=response_id, **body.model_dump())
    return answering.submit_response(
        services.db, device, submission, services.library, device_now=device_time, now=now
    ).body


@router.get("/device/progress")
def read_progress(device: DeviceDep, services: ServicesDep, now: NowDep) -> Progress:
    """Return how many of this week's prompts were answered."""
    week = answering.progress(services.db, device.patient_id, now=now)
    return Progress(week=Week.model_validate(week))
