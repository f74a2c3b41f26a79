"""The web application: JSON API under `/v1`, pages, the patient's app, and the emulator if used."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api import errors
from api.routes import (
    admin,
    device,
    device_learning,
    device_schedule,
    health,
    learning,
    patient_schedule,
    patients,
    protocols,
    session,
    testing,
)
from api.security import BODY_LIMIT, SecurityHeaders, TooLongAsProblem
from api.services import Services
from api.web import pages

JSON = "application/json"
WEB = Path(__file__).parent / "web"
DESCRIPTION = (
    "Ecological momentary assessment with adaptive prompting. Phones use a device credential, "
    "clinicians a session; both as `Authorization: Bearer`. Errors are RFC 9457 problem documents "
    "whose `errors` name the fields."
)


class WelltimedApp(FastAPI):
    """The framework's app with our own outermost layer and our own kind of error documents."""

    https = False
    """Whether replies tell browsers to insist on https."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the layers with ours around all others, so that a 500 carries the headers too."""
        return SecurityHeaders(TooLongAsProblem(super().build_middleware_stack()), https=self.https)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document; errors have the media type they are sent with."""
        document = super().openapi()
        for operations in document["paths"].values():
            for operation in operations.values():
                content = operation["responses"]["4XX"]["content"]
                if JSON in content:
                    content[errors.MEDIA_TYPE] = content.pop(JSON)
        return document


def create_app(services: Services, *, emulator: ASGIApp | None = None) -> FastAPI:
    """Return the application; `emulator` is mounted at `services.emulator_path`."""
    app = WelltimedApp(
        title="Welltimed",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        max_body_size=BODY_LIMIT,
        # A tracer that happens to be configured must not carry requests of patients away.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses={
            "4XX": {
                "model": errors.Problem,
                "description": "The request was refused; `errors` name the fields.",
            }
        },
    )
    app.https = services.settings.secure_cookies
    app.state.services = services
    errors.install(app)
    for module in (
        session,
        patients,
        patient_schedule,
        protocols,
        device,
        device_schedule,
        device_learning,
        learning,
        testing,
        admin,
        health,
    ):
        app.include_router(module.router)
    app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    app.mount("/app", StaticFiles(directory=WEB / "patient", html=True), name="patient")
    if emulator is not None and services.emulator_path is not None:
        app.mount(services.emulator_path, emulator)
    return app
