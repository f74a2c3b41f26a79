"""The answers FCM gives, as HTTP responses, and the two ways of giving none."""

from collections.abc import Callable
from typing import Any

import anyio
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from prompting.fcm.emulator.faults import FaultKind, FaultRule
from prompting.fcm.outcome import BAD_REQUEST_TYPE, FCM_ERROR_TYPE
from prompting.serving import DROP_CONNECTION

_LONGEST_HANG_SECONDS = 600.0

# status, google.rpc code, FcmError code, message
_ERRORS: dict[FaultKind, tuple[int, str, str | None, str]] = {
    FaultKind.UNAVAILABLE: (503, "UNAVAILABLE", "UNAVAILABLE", "The service is unavailable."),
    FaultKind.ACCEPT_THEN_503: (503, "UNAVAILABLE", "UNAVAILABLE", "The service is unavailable."),
    FaultKind.INTERNAL: (500, "INTERNAL", "INTERNAL", "Internal error encountered."),
    FaultKind.THROTTLED: (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Sending limit exceeded."),
    FaultKind.UNREGISTERED: (404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    FaultKind.INVALID: (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Request is not valid."),
    FaultKind.UNAUTHENTICATED: (
        401,
        "UNAUTHENTICATED",
        None,
        "Request is missing a valid bearer token.",
    ),
}


def error_reply(
    kind: FaultKind,
    *,
    retry_after: str | None = None,
    message: str | None = None,
    field: str | None = None,
) -> JSONResponse:
    """Return the google.rpc.Status answer of `kind`, naming `field` if one is at fault."""
    status, rpc_code, fcm_code, standard = _ERRORS[kind]
    details: list[dict[str, Any]] = []
    if fcm_code is not None:
        details.append({"@type": FCM_ERROR_TYPE, "errorCode": fcm_code})
    if field is not None:
        violation = {"field": field, "description": message or standard}
        details.append({"@type": BAD_REQUEST_TYPE, "fieldViolations": [violation]})
    error = {"code": status, "message": message or standard, "status": rpc_code}
    headers = {"Retry-After": retry_after} if retry_after is not None else None
    return JSONResponse({"error": {**error, "details": details}}, status, headers)


def fault_reply(rule: FaultRule) -> tuple[Response, int | None]:
    """Return (the answer `rule` demands, its status or None where no answer goes out)."""
    if rule.kind is FaultKind.HANG:
        return Silence(), None
    if rule.kind is FaultKind.RESET:
        return Reset(), None
    if rule.kind is FaultKind.GARBAGE:
        return Response("<html>welcome to the hotel network</html>", media_type="text/html"), 200
    reply = error_reply(rule.kind, retry_after=rule.retry_after)
    return reply, reply.status_code


class Silence(Response):
    """No answer until the client gives up, the server ends or ten minutes have gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then leave without an answer."""
        with anyio.move_on_after(_LONGEST_HANG_SECONDS):
            await _until_disconnected(receive)
        await _break_off(scope, receive, send)


class Reset(Response):
    """A reset connection in place of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut the connection."""
        await _break_off(scope, receive, send)


async def _break_off(scope: Scope, receive: Receive, send: Send) -> None:
    drop: Callable[[], None] | None = (scope.get("extensions") or {}).get(DROP_CONNECTION)
    if drop is not None:
        drop()
        await _until_disconnected(receive)
        return
    # Without access to the connection the nearest thing is an answer that stops short: servers
    # close the connection when the promised body does not come.
    headers = [(b"content-length", b"64"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
