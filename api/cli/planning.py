"""`welltimed plan`: what a protocol would do, with every slot's propensity."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli.output import Failed, Json, out, print_json
from content.library import Library
from engine.commands.enrolling import checked_zone
from engine.localtime import zone
from engine.planning import DayPlan, PlannedWindow, draw, plan_days, prompt_id
from engine.protocol import load_protocol

ENROLMENT = UUID(int=0)
"""The enrolment the preview is drawn for; a real one has an id, and so draws, of its own."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    protocol: Annotated[Path, typer.Argument(help="A welltimed-protocol/1 file.")],
    timezone: Annotated[str, typer.Option(help="The patient's zone, like Europe/Berlin.")],
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days.")] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 1,
    as_json: Json = False,
) -> None:
    """Show what a protocol would ask on each day, drawn uniformly as before any learning."""
    try:
        text = protocol.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Failed(f"{protocol}: not UTF-8 text") from error
    parsed = load_protocol(text, known_content=Library.builtin().ids())
    tz = zone(checked_zone(timezone, field="--timezone"))
    first: date = from_.date()
    plans = plan_days(parsed, first, days, tz, first)
    rows = _rows(plans, timezone, seed)
    if as_json:
        print_json({"prompts": rows})
        return
    for row in rows:
        when = row["local_time"] or f"dropped: {row['dropped_because']}"
        out.print(f"{row['local_date']}  {when:<8} {row['assignment']}", markup=False)


def _rows(plans: Sequence[DayPlan], timezone: str, seed: int) -> list[dict[str, Any]]:
    rows = []
    for day in plans:
        rows += [_planned(window, timezone, seed) for window in day.windows]
        rows += [
            {
                "assignment": dropped.assignment,
                "local_date": dropped.local_date.isoformat(),
                "local_time": None,
                "at": None,
                "window": dropped.window,
                "slots": [],
                "propensities": [],
                "dropped_because": dropped.reason,
            }
            for dropped in day.dropped
        ]
    return rows


def _planned(window: PlannedWindow, timezone: str, seed: int) -> dict[str, Any]:
    shares = [1 / len(window.slots)] * len(window.slots)
    key = prompt_id(ENROLMENT, window.assignment, window.local_date, window.window)
    at = window.slots[draw(seed, key, "slot", shares)]
    return {
        "assignment": window.assignment,
        "local_date": window.local_date.isoformat(),
        "local_time": at.astimezone(zone(timezone)).strftime("%H:%M"),
        "at": at.astimezone(UTC).isoformat(),
        "window": window.window,
        "slots": [slot.isoformat() for slot in window.slots],
        "propensities": shares,
        "dropped_because": None,
    }
