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
from engine.compare import Change, Comparison, compare
from engine.errors import FieldsRefused
from engine.localtime import EARLIEST, LATEST, representable, zone
from engine.planning import DayPlan, Dropped, PlannedWindow, plan_days
from engine.preview import Drawn, draw_days
from engine.protocol import StudyProtocol, load_protocol

ENROLMENT = UUID(int=0)
"""The enrolment the preview is drawn for; a real one has an id, and so draws, of its own."""


def plan(  # noqa: PLR0913 - one parameter an option
    protocol: Annotated[Path, typer.Argument(help="A welltimed-protocol/1 file.")],
    timezone: Annotated[str, typer.Option(help="The patient's zone, like Europe/Berlin.")],
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days.")] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 1,
    first_day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day of the course; --from if not given."),
    ] = None,
    milestone: Annotated[
        list[str] | None,
        typer.Option(help="An event and its date, like first-session=2027-01-10; repeatable."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another version: tell what PROTOCOL would change in it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a protocol would ask on each day, drawn uniformly as before any learning."""
    parsed = _protocol(protocol)
    tz, first = _zone(timezone), from_.date()
    begun = first if first_day is None else first_day.date()
    milestones = dict(_milestone(given) for given in milestone or [])
    _check_calendar(first, days)
    plans = plan_days(parsed, first, days, tz, begun, milestones=milestones)
    document: dict[str, Any] = {"prompts": _rows(parsed, plans, tz, seed)}
    lines = [_line(row) for row in sorted(document["prompts"], key=_by_instant)]
    if against is not None:
        standing = plan_days(_protocol(against), first, days, tz, begun, milestones=milestones)
        comparison = compare(standing, plans)
        document |= {
            "changes": [_change_row(change, tz) for change in comparison.changes],
            "summary": comparison.summary,
        }
        lines = _comparison_lines(comparison, tz)
    if as_json:
        print_json(document)
        return
    for line in lines:
        out.print(line, markup=False)


def _protocol(path: Path) -> StudyProtocol:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Failed(f"{path}: not UTF-8 text") from error
    return load_protocol(text, known_content=Library.builtin().vocabulary())


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(checked_zone(name, field="--timezone"))
    except FieldsRefused as refused:
        raise Failed(str(refused), code=2) from refused


def _milestone(given: str) -> tuple[str, date]:
    """Return name and date of an option such as first-session=2027-01-10."""
    name, _, written = given.partition("=")
    try:
        on = datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        on = None
    if not name or on is None:
        raise Failed(f"--milestone: write NAME=YYYY-MM-DD, got {given[:80]!r}", code=2)
    return name, on


def _check_calendar(first: date, days: int) -> None:
    """Raise Failed where days would lie beyond what the calendar can hold."""
    last = first.toordinal() + days - 1
    if not representable(first) or last > LATEST.toordinal():
        raise Failed(f"--from: the days must lie between {EARLIEST} and {LATEST}", code=2)


def _rows(
    protocol: StudyProtocol, plans: Sequence[DayPlan], tz: ZoneInfo, seed: int
) -> list[dict[str, Any]]:
    """Return the rows of all days: of each the prompts in order, then what was dropped."""
    drawn = draw_days(plans, enrolment=ENROLMENT, seed=seed, min_gap=protocol.limits.min_gap)
    rows = []
    for day, prompts in zip(plans, drawn, strict=True):
        rows += [_drawn_row(prompt, tz) for prompt in prompts]
        rows += [_dropped_row(dropped) for dropped in day.dropped]
    return rows


def _drawn_row(drawn: Drawn, tz: ZoneInfo) -> dict[str, Any]:
    window = drawn.window
    return {
        "assignment": window.assignment,
        "local_date": window.local_date.isoformat(),
        "local_time": None if drawn.at is None else _clock(drawn.at, tz),
        "at": None if drawn.at is None else drawn.at.isoformat(),
        "window": window.window,
        "slots": [slot.isoformat() for slot in window.slots],
        "propensities": list(drawn.propensities),
        "probability": window.probability,
        "dropped_because": drawn.dropped_because,
    }


def _dropped_row(dropped: Dropped) -> dict[str, Any]:
    return {
        "assignment": dropped.assignment,
        "local_date": dropped.local_date.isoformat(),
        "local_time": None,
        "at": None,
        "window": dropped.window,
        "slots": [],
        "propensities": [],
        "probability": 0.0,
        "dropped_because": dropped.reason,
    }


def _by_instant(row: dict[str, Any]) -> tuple[str, bool, str]:
    return row["local_date"], row["at"] is None, row["at"] or ""


def _line(row: dict[str, Any]) -> str:
    """Return a row for people: date, time on the clock, instant, assignment, and what of chance."""
    told = [row["assignment"]]
    if row["dropped_because"]:
        told.append(f"dropped: {row['dropped_because']}")
    elif len(row["slots"]) > 1:
        place = row["slots"].index(row["at"])
        told.append(
            f"slot {place + 1} of {len(row['slots'])}, drawn with {row['propensities'][place]:.3f}"
        )
    if row["at"] and row["probability"] < 1:
        told.append(f"sent with {row['probability']:.3f}")
    instant = row["at"].replace(":00+00:00", "Z") if row["at"] else "-"
    return f"{row['local_date']}  {row['local_time'] or '-':<5}  {instant:<17}  {'  '.join(told)}"


def _change_row(change: Change, tz: ZoneInfo) -> dict[str, Any]:
    window = change.window
    return {
        "kind": change.kind,
        "assignment": window.assignment,
        "local_date": window.local_date.isoformat(),
        "window": window.window,
        "before": _side(change.before, tz),
        "after": _side(change.after, tz),
        "what": list(change.what),
    }


def _side(window: PlannedWindow | None, tz: ZoneInfo) -> dict[str, Any] | None:
    """Return one side of a comparison: the window's bounds on the clock, in UTC, its content."""
    if window is None:
        return None
    return {
        "local_time": _when(window, tz),
        "start_at": window.start_at.isoformat(),
        "end_at": window.end_at.isoformat(),
        "content": window.content,
    }


def _comparison_lines(comparison: Comparison, tz: ZoneInfo) -> list[str]:
    """Return a line for each prompt that differs, before and after side by side, and the sum."""
    lines = []
    for change in comparison.changes:
        before, after = (
            "-" if one is None else _when(one, tz) for one in (change.before, change.after)
        )
        window = change.window
        told = ", ".join(change.what) if change.kind == "changes" else change.kind
        lines.append(f"{window.local_date}  {before:<11}  {after:<11}  {window.assignment}  {told}")
    return [*lines, comparison.summary]


def _when(window: PlannedWindow, tz: ZoneInfo) -> str:
    """Return the window on the patient's clock, "09:00-12:00", or its one instant."""
    if window.timing in {"fixed", "micro_randomised"}:
        return _clock(window.slots[0], tz)
    return f"{_clock(window.start_at, tz)}-{_clock(window.end_at, tz)}"


def _clock(at: datetime, tz: ZoneInfo) -> str:
    return at.astimezone(tz).strftime("%H:%M")
