from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import Practice, postgres_url, sqlite_url

from engine.store import open_database

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    """A practice on SQLite."""
    db = open_database(sqlite_url(tmp_path))
    yield Practice(db)
    db.close()


@pytest.fixture(params=BOTH)
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Practice]:
    """A practice on each kind of database the product supports."""
    db = open_database(sqlite_url(tmp_path) if request.param == "sqlite" else postgres_url())
    yield Practice(db)
    db.close()
