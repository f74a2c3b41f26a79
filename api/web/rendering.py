"""Turning values into pages: the template environment, and errors told as pages."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.auth import Session
from api.limiter import TooMany
from api.web import wording
from engine.errors import FieldFault, NotFound, NotSignedIn, WelltimedError

HERE = Path(__file__).parent
SIGN_IN = "/sign-in"

_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["words"] = wording


class FormRefused(WelltimedError):
    """A form did not come from one of our pages in this session. The message may be shown."""


def page(
    template: str, /, *, session: Session | None = None, status: int = 200, **context: object
) -> HTMLResponse:
    """Return the page that `template` makes of the context."""
    text = _environment.get_template(template).render(session=session, **context)
    return HTMLResponse(text, status_code=status)


def go_to(path: str) -> RedirectResponse:
    """Return a redirect to be followed with GET, as after a form."""
    return RedirectResponse(path, status_code=303)


def message_page(status: int, title: str, text: str) -> HTMLResponse:
    """Return a page with one message."""
    return page("message.html", status=status, title=title, text=text)


def check_form(session: Session, token: str) -> None:
    """Raise FormRefused unless a form carries this session's token."""
    try:
        session.check_csrf(token)
    except NotSignedIn as error:
        raise FormRefused("The form is from another session. Load the page again.") from error


def faults_by_path(faults: tuple[FieldFault, ...]) -> dict[str, str]:
    """Return the first message of each path."""
    return {fault.path: fault.message for fault in reversed(faults)}


class PageRoute(APIRoute):
    """A route whose errors are pages, and which sends people without a session to sign in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with errors turned into pages."""
        handler = super().get_route_handler()

        async def as_page(request: Request) -> Response:
            try:
                return await handler(request)
            except (NotSignedIn, NotFound, TooMany, FormRefused, RequestValidationError) as error:
                return _told(request, error)

        return as_page


def _told(request: Request, error: Exception) -> Response:
    match error:
        case NotSignedIn():
            back = f"?next={quote(request.url.path)}" if request.method == "GET" else ""
            return go_to(SIGN_IN + back)
        case TooMany():
            told = message_page(429, "Too many tries", "Too many tries. Wait a minute, then retry.")
            told.headers["Retry-After"] = str(TooMany.retry_after_seconds)
            return told
        case FormRefused():
            return message_page(403, "Form not accepted", str(error))
        case RequestValidationError() if all(one["loc"][0] != "path" for one in error.errors()):
            fields = ", ".join(str(one["loc"][-1]) for one in error.errors())
            return message_page(422, "Not understood", f"Check this part of the address: {fields}.")
        case _:
            return message_page(
                404, "Not found", "There is no such patient on your caseload, or no such page."
            )
