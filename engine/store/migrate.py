"""Moving a database to the newest shape of the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection

from engine.store.database import Database, DatabaseUnusable

_SCRIPTS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def migrate(db: Database) -> list[str]:
    """Apply what is missing and return the names of the steps taken, oldest first."""
    steps = pending_migrations(db)
    if steps:
        config = _config()
        with db.connect() as connection, _references_unchecked(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    return steps


@contextmanager
def _references_unchecked(connection: Connection) -> Iterator[None]:
    """Let SQLite make a table anew while others refer to it; it must be told before BEGIN.

    The steps that do so check all references themselves before they end.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection
    raw.cursor().execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        raw.cursor().execute("PRAGMA foreign_keys=ON")


def pending_migrations(db: Database) -> list[str]:
    """Return the steps that `db` has not seen yet, oldest first.

    Raises DatabaseUnusable when the database was made by a newer release than this one.
    """
    script = ScriptDirectory.from_config(_config())
    with db.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    try:
        missing = list(script.iterate_revisions("head", current or "base"))
    except RevisionError as error:
        raise DatabaseUnusable(
            f"{db.url} was last used by a newer release (its step {current} is unknown here)"
        ) from error
    return [step.revision for step in reversed(missing)]
