"""Databases in the shape of earlier releases."""

from alembic import command

from engine.store import Database
from engine.store.migrate import _config, _references_unchecked


def moved(db: Database, step: str, *, down: bool = False) -> None:
    """Bring a database to the shape it had after this step."""
    config = _config()
    with db.connect() as connection, _references_unchecked(connection):
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, step)
        connection.commit()
