"""`serve`, `worker`, `fcm-emulator`: the long-running commands."""

import errno
import signal
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer

from api.cli.environment import opened, settings_given
from api.cli.output import Failed, err
from api.serving import running_worker, whole_app
from engine.localtime import tzdata_version
from engine.settings import Settings
from engine.store import Database, migrate, pending_migrations
from prompting.fcm.emulator.server import run_emulator
from prompting.serving import serve_forever


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(worker)
    app.command("fcm-emulator")(fcm_emulator)


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


def worker() -> None:
    """Plan, decide, send and learn until stopped; any number may run on PostgreSQL."""
    settings = settings_given()
    db = ready_database(settings)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        with running_worker(settings, db):
            err.print("The worker runs; Ctrl-C ends it.")
            done.wait()
    except ValueError as error:
        raise Failed(str(error)) from error
    finally:
        db.close()


def fcm_emulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8099,
    log: Annotated[Path | None, typer.Option(help="File for one JSON line a message.")] = None,
) -> None:
    """Serve the FCM emulator by itself."""
    check_port(host, port)
    err.print(f"FCM emulator on http://{host}:{port}; set WELLTIMED_FCM_ENDPOINT to it.")
    run_emulator(host, port, log)


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


def ready_database(settings: Settings) -> Database:
    """Open the database; on SQLite bring it up to date, elsewhere insist that it is."""
    tzdata_version()
    db = opened(settings)
    if db.is_sqlite:
        migrate(db)
    elif pending_migrations(db):
        raise Failed("the database is not up to date: run `welltimed migrate` first")
    return db


def check_port(host: str, port: int) -> None:
    """Raise Failed, with what to do, when the port cannot be had."""
    if port == 0:
        return
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Failed(
                    f"port {port} on {host} is in use; choose another with --port"
                ) from error
            raise Failed(f"cannot listen on {host}:{port}: {error.strerror}") from error
