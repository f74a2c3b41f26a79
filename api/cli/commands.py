"""Which commands there are; the modules of one are imported when it is asked for."""

from collections import UserDict
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "demo": (
        "demo:demo",
        "Let some weeks of a made-up clinic pass through the real code, then serve it.",
    ),
    "serve": (
        "serving:serve",
        "Serve API and pages, with the worker in the same process unless told otherwise.",
    ),
    "worker": (
        "working:worker",
        "Plan, decide, send and learn until stopped; any number may run on PostgreSQL.",
    ),
    "fcm-emulator": ("emulating:fcm_emulator", "Serve the FCM emulator by itself."),
    "plan": (
        "planning:plan",
        "Show what a protocol would ask on each day, drawn uniformly as before any learning.",
    ),
    "simulate": (
        "simulation:run",
        "Show how often prompts are answered, week by week, by the world's true probabilities.",
    ),
    "replay": (
        "replay:run",
        "Replay recorded prompts in order: AUC, calibration, and what the choice of time gains.",
    ),
    "learn": (
        "learn:learn",
        "Fit the model anew to all outcomes; it decides unless it is worse than the one that does.",
    ),
    "openapi": ("documents:openapi", "Print the OpenAPI document of the JSON API."),
    "migrate": ("admin:migrate", "Bring the database to the newest shape of its tables."),
    "bench": ("bench:app", "Measure speed; every figure stands beside its baseline."),
    "content": ("content:app", "Content files."),
    "decisions": ("decisions:app", "Look into the draws on record."),
    "user": ("admin:users", "People of the clinic."),
}
"""In the order of the help: module and function of each command or group, and its summary.

The summary repeats what the function says, so that the list of commands needs none of them.
"""


class _OnDemand(UserDict[str, Any]):
    """Commands by name. Looking one up imports its module; the names by themselves import none."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 (Typer's command is no public class)
        found = resolve_name(f"{__package__}.{super().__getitem__(name)[0]}")
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name)
        else:
            alone.command(name)(found)
        return typer.main.get_group(alone).commands[name]


class Commands(TyperGroup):
    """All commands."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 (whatever Typer passes)
        super().__init__(**attributes)
        self.commands = _OnDemand(COMMANDS)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 (as above)
        """Write the list of commands, without importing any."""
        real = self.commands
        self.commands = {
            name: TyperCommand(name, help=summary) for name, (_, summary) in COMMANDS.items()
        }
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = real
