"""What commands take from the environment: settings, database, port, or one line why not."""

import errno
import logging
import socket

from pydantic import ValidationError

from api.cli.output import Failed
from engine.localtime import tzdata_version
from engine.settings import Settings
from engine.store import Database, migrate, open_database, pending_migrations
from engine.store.database import is_reachable, unsafe_settings

log = logging.getLogger(__name__)

KNOWN = ("sqlite:", "postgresql:", "postgresql+psycopg:", "postgres:")


def settings_given() -> Settings:
    """Return the settings. Raises Failed naming each variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        raise Failed("; ".join(faults), code=2) from error


def _variable(loc: tuple[int | str, ...]) -> str:
    name = str(loc[0]).upper() if loc else ""
    return name if name.startswith(("WELLTIMED_", "GOOGLE_")) else f"WELLTIMED_{name}"


def opened(settings: Settings) -> Database:
    """Return the database the settings name. Raises Failed and DatabaseUnusable."""
    if not settings.database_url.startswith(KNOWN):
        raise Failed("database_url: an address like sqlite:///file or postgresql://host/name")
    db = open_database(settings.database_url)
    if not is_reachable(db):
        db.close()
        raise Failed(f"the database does not answer: {db.url}")
    return db


def insist_on_newest_tables(db: Database) -> None:
    """Raise Failed where the database lacks a step."""
    if pending_migrations(db):
        raise Failed("the database is not up to date: run `welltimed migrate` first")


def ready_database(settings: Settings) -> Database:
    """Open the database; on SQLite bring it up to date, elsewhere insist that it is."""
    tzdata_version()
    db = opened(settings)
    if db.is_sqlite:
        migrate(db)
    else:
        insist_on_newest_tables(db)
    for name in unsafe_settings(db):
        log.error("PostgreSQL runs with %s = off: a power cut may lose what it has committed", name)
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
