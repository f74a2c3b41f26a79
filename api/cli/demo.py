"""`welltimed demo`: four weeks of a made-up clinic, then the product itself."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.environment import check_port, settings_given
from api.cli.output import Json, err, out, print_json
from api.cli.serving import serve_database
from api.demo.clinic import EMAIL, PASSWORD, ZONE
from api.demo.run import Demo, Lived, run_demo

FOLDER = Path("var")


def demo(
    patients: Annotated[int, typer.Option(min=1, max=2000, help="Simulated patients.")] = 60,
    days: Annotated[int, typer.Option(min=1, max=365, help="Days that pass.")] = 28,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of everything random.")] = 1,
    serve: Annotated[bool, typer.Option(help="Serve the clinic afterwards.")] = True,
    folder: Annotated[Path, typer.Option(help="Where its database and log go.")] = FOLDER,
    host: Annotated[str | None, typer.Option(help="Address to serve on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to serve on.")] = None,
    as_json: Json = False,
) -> None:
    """Let some weeks of a made-up clinic pass through the real code, then serve it."""
    settings = settings_given()
    host, port = host or settings.host, settings.port if port is None else port
    if serve:
        check_port(host, port)
    wanted = Demo(patients=patients, days=days, seed=seed, folder=folder)
    with _bar() as bar:
        task = bar.add_task(f"{patients} patients, days", total=days)
        lived = run_demo(
            wanted, settings, zone_name=ZONE, on_day=lambda day: bar.update(task, completed=day)
        )
    if as_json:
        print_json(lived.figures)
    else:
        _tell(lived.figures)
    if serve:
        _invite(lived, host, port)
        serve_database(
            settings.model_copy(update={"database_url": wanted.database_url}), host, port
        )


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    )


def _tell(found: dict[str, Any]) -> None:
    out.print(
        f"{found['planned']} windows planned, {found['sent']} prompts sent, "
        f"{found['answered']} answered; shown twice: {found['doubles']}, "
        f"sent in quiet hours: {found['quiet_hour_sends']}; {found['seconds']} s."
    )
    if found["lift_pp"] is None:
        return
    low, high = found["lift_ci95"]
    out.print(
        f"Answered within 15 minutes: {found['uniform_rate']:.1%} at random times, "
        f"{found['adaptive_rate']:.1%} at learned times: {found['lift_pp']:+.1f} points "
        f"(95 % interval {low:+.1f} to {high:+.1f})."
    )


def _invite(lived: Lived, host: str, port: int) -> None:
    base = f"http://{host}:{port}"
    code = lived.newcomer_code
    err.print()
    err.print("[bold]The clinic is open:[/bold]")
    err.print(f"  Therapist   {base}/sign-in   {EMAIL}   {PASSWORD}")
    err.print(f"  Patient     {base}/app/#code={quote(code)}   code {code[:5]}-{code[5:]}")
    err.print("  Open the patient page, connect, and a first prompt comes within a minute.")
    err.print(f"  API         {base}/v1/openapi.json")
    err.print("  Ctrl-C ends it.")
