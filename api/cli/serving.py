"""`serve`: API and pages until stopped."""

from typing import Annotated

import typer

from api.cli.environment import check_port, ready_database, settings_given
from api.cli.output import err
from api.serving import whole_app
from engine.settings import Settings
from prompting.serving import serve_forever


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port.")] = None,
    with_worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run the worker in this process.")
    ] = True,
) -> None:
    """Serve API and pages, with the worker in the same process unless told otherwise."""
    settings = settings_given()
    host, port = host or settings.host, settings.port if port is None else port
    check_port(host, port)
    serve_database(settings, host, port, with_worker=with_worker)


def serve_database(settings: Settings, host: str, port: int, *, with_worker: bool = True) -> None:
    """Serve the database the settings name until stopped."""
    db = ready_database(settings)
    try:
        with whole_app(settings, db, with_worker=with_worker) as (app, emulator_url):
            err.print(f"Serving on http://{host}:{port} ({db.url})")
            if emulator_url is not None:
                err.print(f"Pushes go to the built-in FCM emulator on {emulator_url}")
            serve_forever(app, host=host, port=port)
    finally:
        db.close()
