"""Moving a database to the newest shape of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError

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
        with db.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    return steps


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
