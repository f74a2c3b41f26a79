"""The one table from our errors to HTTP: RFC 9457 `application/problem+json`.

A fault names its field (`errors[].field`); a 5xx says nothing but an id that is also in the log.
"""

import logging
import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.limiter import TooMany
from content.answers import AnswersRefused
from engine.errors import (
    CodeRefused,
    Conflict,
    FieldsRefused,
    NotFound,
    NotSignedIn,
    StaleVersion,
    TooOften,
    WelltimedError,
)

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One field and what is allowed there."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


Fields = Sequence[tuple[str, str]]


def problem(
    status: int,
    title: str,
    detail: str,
    fields: Fields = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a problem document."""
    body = Problem(
        title=title,
        status=status,
        detail=detail,
        errors=[FieldError(field=field, message=message) for field, message in fields],
    )
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def _field_faults(error: Exception) -> Fields:
    faults = getattr(error, "faults", ())
    return [(fault.path, fault.message) for fault in faults]


def _refused(error: Exception) -> JSONResponse:
    return problem(422, "Input refused", str(error), _field_faults(error))


def _code(error: Exception) -> JSONResponse:
    return problem(422, "Code refused", str(error), [("code", str(error))])


def _too_often(error: Exception) -> JSONResponse:
    wait = error.again_in if isinstance(error, TooOften) else timedelta(minutes=1)
    seconds = str(max(math.ceil(wait.total_seconds()), 1))
    return problem(429, "Too often", str(error), headers={"Retry-After": seconds})


def _stale(error: Exception) -> JSONResponse:
    return problem(412, "Changed meanwhile", str(error), [("If-Match", str(error))])


TABLE: dict[type[Exception], Callable[[Exception], JSONResponse]] = {
    FieldsRefused: _refused,
    AnswersRefused: _refused,
    CodeRefused: _code,
    StaleVersion: _stale,
    NotFound: lambda error: problem(404, "Not found", str(error)),
    NotSignedIn: lambda error: problem(
        401, "Not signed in", str(error), headers={"WWW-Authenticate": "Bearer"}
    ),
    TooOften: _too_often,
    Conflict: lambda error: problem(409, "Conflict", str(error)),
    TooMany: lambda error: problem(
        429,
        "Too many tries",
        str(error),
        headers={"Retry-After": str(TooMany.retry_after_seconds)},
    ),
}


def install(app: FastAPI) -> None:
    """Make `app` tell every error as a problem document."""

    def known(_request: Request, error: Exception) -> JSONResponse:
        kind = next(kind for kind in type(error).__mro__ if kind in TABLE)
        return TABLE[kind](error)

    for kind in TABLE:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(WelltimedError, _unforeseen)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    detail = str(error.detail)
    fields = [("body", "must be JSON")] if error.status_code == 400 else []
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, detail, detail, fields, headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    fields = [(_path(fault["loc"]), str(fault["msg"])) for fault in error.errors()]
    listed = "; ".join(f"{path}: {message}" for path, message in fields)
    return problem(422, "Input refused", listed, fields)


def _path(loc: Sequence[str | int]) -> str:
    """Return `receipts[0].kind` for ("body", "receipts", 0, "kind")."""
    inner = loc[1:] if loc and loc[0] in {"body", "query", "path", "header"} else loc
    if loc and loc[0] == "body" and (not inner or isinstance(inner[0], int)):
        return "body"
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner)
    return text.lstrip(".") or "body"


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    number = uuid4().hex[:12]
    log.error("error %s at %s %s", number, request.method, request.url.path, exc_info=error)
    return problem(500, "Something went wrong", f"It is logged as {number}.")
