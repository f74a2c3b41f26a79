"""`welltimed bench ...`: speed, each figure beside a baseline measured in the same run."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from api.cli.output import Failed, Json, err, out, print_json
from benchmarks import answering, claims, compare, deciding, dispatching, planning
from benchmarks.processes import BenchUnusable

app = typer.Typer(help="Measure speed; every figure stands beside its baseline.")


class DatabaseKind(StrEnum):
    """Databases that can be measured; PostgreSQL needs the dev extra."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


Kind = Annotated[DatabaseKind, typer.Option("--database", help="Which kind of database.")]


@app.command()
def dispatch(
    messages: Annotated[int, typer.Option(min=1, max=1_000_000, help="Prompts to send.")] = 20_000,
    latency_ms: Annotated[float, typer.Option(min=0, max=5_000, help="Of the FCM stand-in.")] = 50,
    database: Kind = DatabaseKind.SQLITE,
    as_json: Json = False,
) -> None:
    """Claim, intent, send and record, against firebase-admin's send_each, send and date jobs."""
    _show(lambda: dispatching.report(messages, latency_ms, database.value, _say), as_json)


@app.command("claims")
def claim(
    rows: Annotated[int, typer.Option(min=10_000, max=50_000_000)] = 1_000_000,
    database: Kind = DatabaseKind.SQLITE,
    as_json: Json = False,
) -> None:
    """Claim due prompts among so many others, against a table of 100,000."""
    _show(lambda: claims.report(rows, database.value, _say), as_json)


@app.command()
def plan(
    patients: Annotated[int, typer.Option(min=1_000, max=1_000_000)] = 10_000,
    as_json: Json = False,
) -> None:
    """Plan days of patients, against the recurrences of other schedulers."""
    _show(lambda: planning.report(patients), as_json)


@app.command()
def decide(as_json: Json = False) -> None:
    """Draw slots for windows as one matrix, against one window at a time."""
    _show(_decided, as_json)


@app.command()
def answers(
    count: Annotated[int, typer.Option("--answers", min=1, max=1_000_000)] = 2_000,
    database: Kind = DatabaseKind.SQLITE,
    as_json: Json = False,
) -> None:
    """Answer prompts through the API, against bare commits of as many rows."""
    _show(lambda: answering.report(count, database.value, _say), as_json)


def _decided() -> Mapping[str, Any]:
    measure: Callable[[], Mapping[str, Any]] | None = getattr(deciding, "report", None)
    return measure() if measure is not None else compare.run(deciding.contest()).as_json()


def _say(text: str) -> None:
    err.print(f"[dim]{text} ...[/dim]")


def _show(measure: Callable[[], Mapping[str, Any]], as_json: bool) -> None:
    try:
        figures = measure()
    except BenchUnusable as error:
        raise Failed(str(error)) from error
    if as_json:
        print_json(figures)
        return
    for name, value in _flat(figures):
        out.print(f"{name:<28} {value}")


def _flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            lines += _flat(value, f"{prefix}{name}.")
        else:
            number = isinstance(value, int | float)
            lines.append((f"{prefix}{name}", f"{value:,}" if number else str(value)))
    return lines
