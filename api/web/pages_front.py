"""The front page, signing in and signing out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from api import auth
from api.deps import COOKIE, AddressDep, NowDep, ServicesDep, SessionDep
from api.limiter import TooMany
from api.services import Services
from api.web.rendering import SIGN_IN, PageRoute, check_form, go_to, page
from api.web.wording import home_of
from engine.errors import NotSignedIn

router = APIRouter(route_class=PageRoute)

HOME = "/caseload"
Typed = Annotated[str, Form()]


@router.get("/")
def front() -> Response:
    """Return the front page."""
    return page("front.html")


@router.get(SIGN_IN)
def sign_in_form(next_path: Annotated[str, Query(alias="next")] = HOME) -> Response:
    """Return the form to sign in with."""
    return page("sign_in.html", next=_inside(next_path), email="", fault=None)


@router.post(SIGN_IN)
def sign_in(
    services: ServicesDep,
    now: NowDep,
    address: AddressDep,
    email: Typed = "",
    password: Typed = "",
    next_path: Annotated[str, Form(alias="next")] = HOME,
) -> Response:
    """Open a session and go on; 401 with the form again when refused."""
    target = _inside(next_path)
    try:
        services.limiter.sign_in(address, email)
        session = auth.sign_in(services.db, email, password, now=now)
    except NotSignedIn as error:
        fault = f"Not signed in: {error}."
        return page("sign_in.html", status=401, next=target, email=email, fault=fault)
    except TooMany:
        fault = "Too many tries. Wait a minute, then try again."
        told = page("sign_in.html", status=429, next=target, email=email, fault=fault)
        told.headers["Retry-After"] = str(TooMany.retry_after_seconds)
        return told
    if target == HOME:
        target = home_of(session.clinician.role)
    return _with_cookie(go_to(target), session.token, services)


@router.post("/sign-out")
def sign_out(session: SessionDep, services: ServicesDep, csrf: Typed = "") -> Response:
    """End the session."""
    check_form(session, csrf)
    auth.sign_out(services.db, session.token)
    reply = go_to("/")
    reply.delete_cookie(COOKIE, path="/")
    return reply


def _with_cookie(reply: Response, token: str, services: Services) -> Response:
    reply.set_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="strict",
        secure=services.settings.secure_cookies,
        path="/",
    )
    return reply


def _inside(path: str) -> str:
    """Return a path of this site to go on to; anything that leads elsewhere becomes HOME."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_local and path.isprintable() and len(path) < 300 else HOME
