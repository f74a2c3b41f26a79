"""Signing in and out for API clients; the pages have forms of their own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api import auth
from api.bodies import Body, Storable
from api.deps import AddressDep, NowDep, ServicesDep, SessionDep
from engine.records import Clinician

router = APIRouter(prefix="/v1/session", tags=["session"])


class Credentials(Body):
    """E-mail address and password."""

    email: Annotated[str, Field(max_length=254), Storable]
    password: Annotated[str, Field(max_length=1024), Storable]


class SignedIn(Body):
    """Who is signed in."""

    clinician_id: UUID
    name: str
    email: str
    role: str


class NewSession(SignedIn):
    """A fresh session: send `token` as `Authorization: Bearer`."""

    token: str


def _who(clinician: Clinician) -> dict[str, object]:
    return {
        "clinician_id": clinician.id,
        "name": clinician.name,
        "email": clinician.email,
        "role": clinician.role,
    }


@router.post("", status_code=201)
def sign_in(
    body: Credentials, services: ServicesDep, now: NowDep, address: AddressDep
) -> NewSession:
    """Open a session; it ends after 30 minutes of rest and after 12 hours."""
    services.limiter.sign_in(address, body.email)
    session = auth.sign_in(services.db, body.email, body.password, now=now)
    return NewSession(**_who(session.clinician), token=session.token)


@router.get("")
def read_session(session: SessionDep) -> SignedIn:
    """Return who is signed in."""
    return SignedIn(**_who(session.clinician))


@router.delete("", status_code=204)
def sign_out(session: SessionDep, services: ServicesDep) -> None:
    """End the session at once."""
    auth.sign_out(services.db, session.token)
