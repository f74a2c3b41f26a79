"""A world for each test, copied from one database built a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import Template, World, build_template, living


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return build_template(f"sqlite:///{tmp_path_factory.mktemp('api') / 'template.db'}")


@pytest.fixture
def world(template: Template, tmp_path: Path) -> Iterator[World]:
    with living(template, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def lasting(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that a whole module shares; for tests that leave it as they found it."""
    with living(template, tmp_path_factory.mktemp("lasting")) as made:
        yield made
