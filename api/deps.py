"""What routes ask for by type: services, the signed-in clinician, the device.

Dependencies that only look at the request are coroutines: a plain function would cost each request
a trip through the thread pool. Those that read the database are plain functions for that reason.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from api import auth
from api.auth import Session
from api.bodies import Instant
from api.services import Services
from engine.commands.enrolling import device_for
from engine.commands.health import hear_of
from engine.errors import NotFound, NotSignedIn
from engine.records import Device, Patient
from engine.store import people
from engine.store.health import contact_is_news

COOKIE = "welltimed_session"
ADMIN = "admin"

_session_bearer = HTTPBearer(auto_error=False, scheme_name="session")
_device_bearer = HTTPBearer(auto_error=False, scheme_name="device")

Bearer = HTTPAuthorizationCredentials | None


def services_of(request: Request) -> Services:
    """Return what the app was built with."""
    built: Services = request.app.state.services
    return built


async def services(request: Request) -> Services:
    """Return what the app was built with."""
    return services_of(request)


ServicesDep = Annotated[Services, Depends(services)]


async def now(request: Request) -> datetime:
    """Return the instant of this request."""
    return services_of(request).clock()


NowDep = Annotated[datetime, Depends(now)]


async def address(request: Request) -> str:
    """Return the caller's network address."""
    return request.client.host if request.client else "unknown"


AddressDep = Annotated[str, Depends(address)]


def session(
    request: Request,
    services: ServicesDep,
    now: NowDep,
    bearer: Annotated[Bearer, Depends(_session_bearer)],
) -> Session:
    """Return the clinician's session, from a bearer token or the cookie. Raises NotSignedIn.

    A cookie alone does not authorise a change that another site could have set off: browsers say
    where a request comes from, and it must be us.
    """
    if bearer is not None:
        return auth.resume(services.db, bearer.credentials, now=now)
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedIn("sign in first")
    if request.method not in {"GET", "HEAD"} and not _same_origin(request):
        raise NotSignedIn("this request came from another site")
    return auth.resume(services.db, token, now=now)


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] == request.headers.get("host")


SessionDep = Annotated[Session, Depends(session)]


def admin_session(session: SessionDep) -> Session:
    """Return the session of an admin; to all others there is no such page."""
    if session.clinician.role != ADMIN:
        raise NotFound("page")
    return session


AdminDep = Annotated[Session, Depends(admin_session)]


def own_patient(
    patient_id: Annotated[UUID, Path()], services: ServicesDep, session: SessionDep
) -> Patient:
    """Return a patient of the caller's caseload; another's is not found, as if absent."""
    with services.db.read() as tx:
        patient = people.patient_of(tx, session.clinician.id, patient_id)
    if patient is None:
        raise NotFound("patient")
    return patient


PatientDep = Annotated[Patient, Depends(own_patient)]


async def device(request: Request, bearer: Annotated[Bearer, Depends(_device_bearer)]) -> Device:
    """Return the device whose credential came with the request. Raises NotSignedIn."""
    if bearer is None:
        raise NotSignedIn("no device credential")
    services = services_of(request)
    db = services.db
    if db.is_sqlite:  # one look into a local file takes less than the trip through the thread pool
        found = device_for(db, bearer.credentials)
    else:
        found = await run_in_threadpool(device_for, db, bearer.credentials)
    at = services.clock()
    if contact_is_news(found, now=at):  # rarely, and the only write
        await run_in_threadpool(hear_of, db, found, now=at)
    return found


DeviceDep = Annotated[Device, Depends(device)]

DeviceTime = Annotated[
    Instant | None,
    Header(alias="Device-Time", description="The phone's own clock at the moment of sending."),
]
