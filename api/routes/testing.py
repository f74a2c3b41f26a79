"""Test notifications, asked for by patients on their phone and by therapists."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.deps import DeviceDep, NowDep, PatientDep, ServicesDep
from engine.commands import testing
from engine.commands.health import silence_of
from engine.health_records import ProgressOfTest
from engine.records import Device

router = APIRouter(prefix="/v1", tags=["testing"])

ONE_PATH = "/tests/{test_id}"
TestId = Annotated[UUID, Path(description="The id that asking for the test returned.")]


class TestOut(BaseModel):
    """How far a test notification came; instants are null where not reached.

    `ended` says that nothing more will come of it: confirmed, failed, or out of time.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asked_at: datetime
    expires_at: datetime
    state: str
    reason: str | None
    sent_at: datetime | None
    confirmed_at: datetime | None
    ended: bool


class DeviceTestOut(TestOut):
    """The same for a phone; `to_this_phone` is null until it was tried to be sent."""

    to_this_phone: bool | None = Field(
        description="Whether the caller is the phone it was sent to: the one connected last."
    )


class SilenceOut(BaseModel):
    """Whether the patient's phones give no sign of life, to how many prompts, and since when."""

    silent: bool
    prompts: int
    since: datetime | None


def _for_device(found: ProgressOfTest, device: Device) -> DeviceTestOut:
    told = TestOut.model_validate(found).model_dump()
    here = None if found.device_id is None else found.device_id == device.id
    return DeviceTestOut(**told, to_this_phone=here)


@router.post("/device/tests", status_code=201)
def ask_on_phone(device: DeviceDep, services: ServicesDep, now: NowDep) -> DeviceTestOut:
    """Send a test notification, also in quiet hours: it was asked for. At most 3 in 10 minutes."""
    return _for_device(testing.ask_for_test(services.db, device.patient_id, now=now), device)


@router.get("/device" + ONE_PATH)
def read_on_phone(
    test_id: TestId, device: DeviceDep, services: ServicesDep, now: NowDep
) -> DeviceTestOut:
    """Return how far a test notification came."""
    found = testing.progress_of(services.db, device.patient_id, test_id, now=now)
    return _for_device(found, device)


@router.post("/patients/{patient_id}/tests", status_code=201)
def ask_for_patient(patient: PatientDep, services: ServicesDep, now: NowDep) -> TestOut:
    """Send the patient a test notification, also in quiet hours. At most 3 in 10 minutes."""
    return TestOut.model_validate(testing.ask_for_test(services.db, patient.id, now=now))


@router.get("/patients/{patient_id}" + ONE_PATH)
def read_for_patient(
    test_id: TestId, patient: PatientDep, services: ServicesDep, now: NowDep
) -> TestOut:
    """Return how far a test notification came."""
    return TestOut.model_validate(testing.progress_of(services.db, patient.id, test_id, now=now))


@router.get("/patients/{patient_id}/silence")
def read_silence(patient: PatientDep, services: ServicesDep, now: NowDep) -> SilenceOut:
    """Return whether the patient's phones have gone silent; the next sign of life ends it."""
    after = services.settings.silent_after
    found = silence_of(services.db, patient.id, silent_after=after, now=now)
    if found is None:
        return SilenceOut(silent=False, prompts=0, since=None)
    return SilenceOut(silent=True, prompts=found.prompts, since=found.since)
