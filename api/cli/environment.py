"""What commands take from the environment: settings and database, or one line why not."""

from pydantic import ValidationError

from api.cli.output import Failed
from engine.settings import Settings
from engine.store import Database, open_database
from engine.store.database import is_reachable

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
