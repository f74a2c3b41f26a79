"""`welltimed simulate`: a policy in a simulated world."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from api.cli.output import Failed, Json, out, print_json
from models.simulation import ema
from models.simulation.run import simulate


class Policy(StrEnum):
    """Policies that can be simulated."""

    UNIFORM = "uniform"
    ADAPTIVE = "adaptive"
    POOLED = "pooled"
    ORACLE = "oracle"


WORLDS = {"ema": ema.make}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(run)


def run(
    world: Annotated[str, typer.Option(help=f"One of {', '.join(sorted(WORLDS))}.")] = "ema",
    policy: Annotated[Policy, typer.Option(help="How slots are chosen.")] = Policy.ADAPTIVE,
    persons: Annotated[int, typer.Option(min=1, max=100_000)] = 300,
    days: Annotated[int, typer.Option(min=1, max=3660)] = 42,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    epsilon: Annotated[float, typer.Option(min=0.001, max=1)] = 0.1,
    as_json: Json = False,
) -> None:
    """Show how often prompts are answered, week by week, by the world's true probabilities."""
    if world not in WORLDS:
        raise Failed(f"--world: {world!r} is not one of {', '.join(sorted(WORLDS))}", code=2)
    began = time.monotonic()
    made = WORLDS[world](persons, days, seed)
    found = simulate(made, policy.value, days=days, seed=seed, epsilon=epsilon)
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        print_json(
            {
                "rate_by_week": list(found.rate_by_week),
                "rate": found.rate,
                "min_propensity": found.min_propensity,
                "seconds": seconds,
            }
        )
        return
    weeks = "  ".join(f"{rate:.3f}" for rate in found.rate_by_week)
    out.print(f"{policy.value} in {world}: {found.rate:.3f} over all; by week {weeks}")
