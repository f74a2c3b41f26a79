"""`welltimed openapi`: the API's description."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.environment import settings_given
from api.serving import api_app
from engine.store import open_database


def openapi(
    to: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
) -> None:
    """Print the OpenAPI document of the JSON API."""
    db = open_database("sqlite://")
    text = json.dumps(api_app(settings_given(), db).openapi(), indent=2, ensure_ascii=False)
    db.close()
    if to is None:
        sys.stdout.write(text + "\n")
    else:
        to.write_text(text + "\n", encoding="utf-8")
