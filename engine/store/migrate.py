"""Moving a database to the newest shape of the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from engine.store.database import Database, DatabaseUnusable

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSIONS = table("alembic_version", column("version_num"))

# Alembic is imported where there is a step to take or to name: a process that lives for months
# should not hold 11 MB for what it did not even need at its start.


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def migrate(db: Database) -> list[str]:
    """Apply what is missing and return the names of the steps taken, oldest first."""
    steps = pending_migrations(db)
    if steps:
        from alembic import command  # noqa: PLC0415

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
    with db.connect() as connection:
        current = _current(connection)
    if current == _newest():
        return []
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.script.revision import RevisionError  # noqa: PLC0415

    script = ScriptDirectory.from_config(_config())
    try:
        missing = list(script.iterate_revisions("head", current or "base"))
    except RevisionError as error:
        raise DatabaseUnusable(
            f"{db.url} was last used by a newer release (its step {current} is unknown here)"
        ) from error
    return [step.revision for step in reversed(missing)]


def _current(connection: Connection) -> str | None:
    """Return the last step a database has seen, None if none."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    found: str | None = connection.execute(select(_VERSIONS.c.version_num)).scalar()
    return found


def _newest() -> str:
    """Return the newest step: files bear its number in front."""
    return max(path.name.split("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))
