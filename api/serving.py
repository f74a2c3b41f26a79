"""Putting the parts together for one serving process: app, worker, and the emulator if used."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.limiter import Limiter
from api.services import Services
from api.working import running_worker
from content.library import Library
from engine.clock import Clock, system_clock
from engine.settings import Settings
from engine.store import Database
from prompting.fcm.emulator.app import EmulatorApp, build_emulator
from prompting.serving import served

EMULATOR_PATH = "/fcm-emulator"
BROWSER_PATHS = ("/registrations", "/stream")


class BrowserSide:
    """The part of the emulator that browsers may reach: no sending, no log, no faults."""

    def __init__(self, emulator: EmulatorApp) -> None:
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass registrations and streams on; everything else is not found."""
        inner = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["type"] == "http" and not inner.startswith(BROWSER_PATHS):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._emulator(scope, receive, send)


def api_app(
    settings: Settings,
    db: Database,
    *,
    clock: Clock = system_clock,
    emulator: EmulatorApp | None = None,
    limiter: Limiter | None = None,
) -> FastAPI:
    """Return the app without a worker, with the emulator's browser side if one is given."""
    services = Services(
        db=db,
        clock=clock,
        settings=settings,
        library=Library.builtin(),
        emulator_path=EMULATOR_PATH if emulator else None,
        limiter=limiter or Limiter(),
    )
    side: ASGIApp | None = BrowserSide(emulator) if emulator else None
    return create_app(services, emulator=side)


@contextmanager
def whole_app(
    settings: Settings, db: Database, *, with_worker: bool = True
) -> Iterator[tuple[FastAPI, str | None]]:
    """Yield the app with its worker running beside it, and the emulator's own address if used.

    The emulator's sending side listens on loopback only, on a port of its own.
    """
    with ExitStack() as stack:
        emulator = emulator_url = None
        if settings.uses_emulator:
            emulator = build_emulator(clock=system_clock, log_path=settings.emulator_log)
            emulator_url = stack.enter_context(served(emulator))
        app = api_app(settings, db, emulator=emulator)
        if with_worker:
            stack.enter_context(running_worker(settings, db, emulator_url=emulator_url))
        yield app, emulator_url
