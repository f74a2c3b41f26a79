from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import Practice, postgres_url, sqlite_url

from engine.store import Database, open_database

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of each kind the product supports."""
    opened = open_database(sqlite_url(tmp_path) if request.param == "sqlite" else postgres_url())
    yield opened
    opened.close()


@pytest.fixture(params=BOTH)
def empty_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind with no tables in it."""
    url = (
        f"sqlite:///{tmp_path}/empty.db" if request.param == "sqlite" else postgres_url(empty=True)
    )
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def practice(db: Database) -> Practice:
    return Practice(db)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Practice]:
    """A practice where the kind of database does not matter, on the one that is quicker."""
    opened = open_database(sqlite_url(tmp_path))
    yield Practice(opened)
    opened.close()
