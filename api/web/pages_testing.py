"""The therapist's test notification: asking for it, and watching it arrive."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query, Response

from api.deps import NowDep, PatientDep, ServicesDep, SessionDep
from api.web.rendering import PageRoute, check_form, go_to, message_page, page
from api.web.wording import counted
from engine.commands import testing, tracing
from engine.errors import TooOften
from engine.health_records import ProgressOfTest
from engine.localtime import zone
from engine.prompt import State

router = APIRouter(route_class=PageRoute)

SOON = timedelta(seconds=30)
"""Most tests are confirmed within seconds, so the page looks often at first."""
OFTEN_SECONDS, SELDOM_SECONDS = 2, 10


@router.post("/patients/{patient_id}/tests")
def ask(
    patient: PatientDep,
    session: SessionDep,
    services: ServicesDep,
    now: NowDep,
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Ask for a test notification and go to the page that shows its way."""
    check_form(session, csrf)
    try:
        found = testing.ask_for_test(services.db, patient.id, now=now)
    except TooOften as error:
        minutes = max(-int(-error.again_in.total_seconds() // 60), 1)
        told = f"{error}. The next is possible in {counted(minutes, 'minute')}."
        return message_page(429, "Not another test yet", told)
    return go_to(f"/patients/{patient.id}/tests/{found.id}")


@router.get("/patients/{patient_id}/tests/{test_id}")
def watch_test(
    patient: PatientDep,
    session: SessionDep,
    test_id: Annotated[UUID, Path()],
    services: ServicesDep,
    now: NowDep,
    watch: Annotated[bool, Query()] = True,
) -> Response:
    """Return how far a test came; the page looks again by itself until it has ended."""
    found = testing.progress_of(services.db, patient.id, test_id, now=now)
    often = OFTEN_SECONDS if now - found.asked_at < SOON else SELDOM_SECONDS
    return page(
        "test.html",
        session=session,
        patient=patient,
        test=found,
        trace=tracing.trace(services.db, test_id, patient_id=patient.id),
        sentence=words_for_test(found, patient.zone),
        refresh=often if watch and not found.ended else None,
    )


def words_for_test(found: ProgressOfTest, zone_name: str) -> str:
    """Return where a test stands: "Sent 10:04:03, the phone confirmed 10:04:04."."""

    def at(instant: datetime) -> str:
        return f"{instant.astimezone(zone(zone_name)):%H:%M:%S}"

    if found.confirmed_at is not None:
        sent = f"Sent {at(found.sent_at)}" if found.sent_at else "Sent"
        return f"{sent}, the phone confirmed {at(found.confirmed_at)}."
    if found.sent_at is not None and found.state == State.ACCEPTED:
        if found.ended:
            return (
                f"Sent {at(found.sent_at)}, but no phone confirmed it. It may be switched off or "
                "offline, or the app may be gone."
            )
        return f"Sent {at(found.sent_at)}. Waiting for the phone to confirm."
    if found.ended:
        return f"It did not reach the phone: {found.reason or 'no worker sent it in time'}."
    return f"Asked for at {at(found.asked_at)}. Waiting for it to be sent."
