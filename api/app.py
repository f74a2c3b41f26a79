"""The web application: JSON API under `/v1`, pages, the patient's app, and the emulator if used."""

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api import errors
from api.routes import device, health, patients, protocols, session
from api.security import BODY_LIMIT, SecurityHeaders
from api.services import Services
from api.web import pages

WEB = Path(__file__).parent / "web"
DESCRIPTION = (
    "Ecological momentary assessment with adaptive prompting. Phones use a device credential, "
    "clinicians a session; both as `Authorization: Bearer`. Errors are RFC 9457 problem documents "
    "whose `errors` name the fields."
)


def create_app(services: Services, *, emulator: ASGIApp | None = None) -> FastAPI:
    """Return the application; `emulator` is mounted at `services.emulator_path`."""
    app = FastAPI(
        title="Welltimed",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        max_body_size=BODY_LIMIT,
        responses={
            "4XX": {
                "model": errors.Problem,
                "description": "The request was refused; `errors` name the fields.",
            }
        },
    )
    app.state.services = services
    errors.install(app)
    for module in (session, patients, protocols, device, health):
        app.include_router(module.router)
    app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    app.mount("/app", StaticFiles(directory=WEB / "patient", html=True), name="patient")
    if emulator is not None and services.emulator_path is not None:
        app.mount(services.emulator_path, emulator)
    app.add_middleware(SecurityHeaders, https=services.settings.secure_cookies)
    return app
