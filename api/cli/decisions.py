"""`decisions replay`: is every draw on record what its record says it must be."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any

import typer

from api.cli.environment import insist_on_newest_tables, opened, settings_given
from api.cli.output import Failed, Json, out, print_json
from prompting.replaying import Replayed, replay

app = typer.Typer(no_args_is_help=True, help="Look into the draws on record.")
SHOWN = 20
"""Most differences that are told one by one; their number is told in any case."""


@app.callback()
def _group() -> None:
    """Look into the draws on record."""


@app.command("replay")
def replay_decisions(
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="First day (UTC), such as 2026-03-01.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute decisions from features, artifacts and seeds; exit 1 if any comes out otherwise."""
    first = None if since is None else _midnight(since)
    db = opened(settings_given())
    try:
        insist_on_newest_tables(db)
        found = replay(db, since=first)
    finally:
        db.close()
    if as_json:
        print_json(_document(found))
    else:
        _tell(found)
    if found.differences:
        raise typer.Exit(1)


def _midnight(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(0), UTC)
    except ValueError as error:
        raise Failed(f"--since: a date such as 2026-03-01, got {text!r}", code=2) from error


def _document(found: Replayed) -> dict[str, Any]:
    return {
        "decisions": found.decisions,
        "states": found.states,
        "older": found.older,
        "differences": len(found.differences),
        "shown": [
            {
                "prompt_id": str(one.prompt_id),
                "part": one.part,
                "stored": one.stored,
                "recomputed": one.recomputed,
            }
            for one in found.differences[:SHOWN]
        ],
    }


def _tell(found: Replayed) -> None:
    older = f", {found.older} of an older release by their draws alone" if found.older else ""
    out.print(
        f"{found.decisions} decisions recomputed from {found.states} states of the model{older}; "
        f"{len(found.differences)} differences"
    )
    for one in found.differences[:SHOWN]:
        out.print(
            f"  {one.prompt_id}: {one.part} {one.stored}, recomputed {one.recomputed}",
            markup=False,
        )
