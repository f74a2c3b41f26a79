"""`welltimed plan`: what a protocol would do, with every slot's propensity."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from api.cli.output import Failed, Json, out, print_json
from content.library import Library
from engine.commands.enrolling import checked_zone
from engine.errors import FieldsRefused
from engine.localtime import EARLIEST, LATEST, representable, zone
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
    tz, first = _zone(timezone), from_.date()
    _check_calendar(first, days)
    plans = plan_days(parsed, first, days, tz, first)
    rows = _rows(plans, timezone, seed)
    if as_json:
        print_json({"prompts": rows})
        return
    for row in rows:
        when = row["local_time"] or f"dropped: {row['dropped_because']}"
        out.print(f"{row['local_date']}  {when:<8} {row['assignment']}", markup=False)


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(checked_zone(name, field="--timezone"))
    except FieldsRefused as refused:
        raise Failed(str(refused), code=2) from refused


def _check_calendar(first: date, days: int) -> None:
    """Raise Failed where days would lie beyond what the calendar can hold."""
    last = first.toordinal() + days - 1
    if not representable(first) or last > LATEST.toordinal():
        raise Failed(f"--from: the days must lie between {EARLIEST} and {LATEST}", code=2)


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
