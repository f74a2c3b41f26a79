"""`welltimed simulate`: policies in a simulated world."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

import typer
from rich.progress import track

from api.cli.output import Failed, Json, err, out, print_json
from api.cli.worlds import faults_of, find_world
from models.simulation.catalogue import WORLDS, with_spacing_cost
from models.simulation.compare import (
    ABLATION,
    CEILING,
    FLOOR,
    RIVALS,
    SPACED,
    Comparison,
    Estimate,
    compare,
    with_spaced,
)
from models.simulation.fair import EQUALS, FAIR
from models.simulation.good_moments import with_good_moments
from models.simulation.objectives import OBJECTIVES, gains
from models.simulation.run import POLICIES, MakePolicy, simulate
from models.simulation.tables import fair_table, objective_table, tables
from models.simulation.true_prior import with_prior
from models.simulation.world import MakeWorld

MAX_SEEDS = 1000


class Side(StrEnum):
    """What is put side by side."""

    RIVALS = "rivals"
    PARTS = "parts"
    FAIR = "fair"
    PRIOR = "prior"
    OBJECTIVES = "objectives"


@dataclass(frozen=True)
class Study:
    """The size of a simulated study, and the share of each draw that is uniform."""

    persons: int
    days: int
    epsilon: float

    def policies(self, side: Side, make: MakeWorld) -> Mapping[str, MakePolicy] | Sequence[str]:
        """Return what is put side by side in the worlds that `make` makes."""
        match side:
            case Side.PARTS:
                return with_spaced(ABLATION, make)
            case Side.FAIR:
                return with_spaced(FAIR, make)
            case Side.PRIOR:
                return with_prior(make, days=self.days, epsilon=self.epsilon)
            case Side.OBJECTIVES:
                return OBJECTIVES
            case Side.RIVALS:
                return RIVALS


def run(  # noqa: PLR0913  # the options of the command
    world: Annotated[
        str, typer.Option(help=f"One of {', '.join(WORLDS)}, or FILE.py:make of your own.")
    ] = "ema",
    policy: Annotated[str, typer.Option(help=f"One of {', '.join(POLICIES)}.")] = "adaptive",
    persons: Annotated[int, typer.Option(min=1, max=100_000)] = 300,
    days: Annotated[int, typer.Option(min=1, max=3660)] = 42,
    seed: Annotated[str, typer.Option(help="A number; with --compare also 10-19 or 1,2,5.")] = "1",
    epsilon: Annotated[float, typer.Option(min=0.001, max=1)] = 0.1,
    comparison: Annotated[
        Side | None,
        typer.Option(
            "--compare",
            help="Other policies; ours with parts taken away; both sides told the same; ours "
            "handed the true prior; timing for answers and for relevance.",
        ),
    ] = None,
    spacing_cost: Annotated[
        float | None,
        typer.Option(
            min=0, max=20, help="Of prompts less than an hour apart, in logit; built-in worlds."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how often prompts are answered, week by week, by the world's true probabilities."""
    if policy not in POLICIES:
        raise Failed(f"--policy: {policy!r} is not one of {', '.join(POLICIES)}", code=2)
    seeds = _numbers(seed)
    if comparison is None and len(seeds) > 1:
        raise Failed("--seed: must be one number without --compare", code=2)
    make = find_world(world)
    if spacing_cost is not None:
        if world not in WORLDS:
            raise Failed("--spacing-cost: only built-in worlds can be told", code=2)
        make = with_spacing_cost(make, spacing_cost)
    if comparison is Side.OBJECTIVES:
        if world not in WORLDS:
            raise Failed("--compare objectives: only built-in worlds know good moments", code=2)
        make = with_good_moments(make)
    study = Study(persons=persons, days=days, epsilon=epsilon)
    with faults_of(world):
        if comparison is None:
            _one(world, make, policy, seeds[0], study, as_json=as_json)
        else:
            _several(world, make, comparison, seeds, study, as_json=as_json)


def _one(
    world: str, make: MakeWorld, policy: str, seed: int, study: Study, *, as_json: bool
) -> None:
    """Run one policy once."""
    began = time.monotonic()
    made = make(study.persons, study.days, seed)
    found = simulate(made, policy, days=study.days, seed=seed, epsilon=study.epsilon)
    if as_json:
        print_json(
            {
                "rate_by_week": list(found.rate_by_week),
                "rate": found.rate,
                "min_propensity": found.min_propensity,
                "seconds": round(time.monotonic() - began, 2),
            }
        )
        return
    weeks = "  ".join(f"{rate:.3f}" for rate in found.rate_by_week)
    out.print(f"{policy} in {world}: {found.rate:.3f} over all; by week {weeks}")


def _several(
    world: str,
    make: MakeWorld,
    side: Side,
    seeds: list[int],
    study: Study,
    *,
    as_json: bool,
) -> None:
    """Compare several policies over several seeds."""
    began = time.monotonic()
    comparison = compare(
        make,
        study.policies(side, make),
        seeds=seeds,
        persons=study.persons,
        days=study.days,
        epsilon=study.epsilon,
        progress=_progress,
    )
    if as_json:
        seconds = round(time.monotonic() - began, 2)
        more = MORE.get(side, lambda _: {})(comparison)
        print_json(_document(comparison) | more | {"seconds": seconds})
        return
    table = TABLES.get(side, tables)
    out.print(table({world: comparison}), end="", markup=False)


def _numbers(text: str) -> list[int]:
    """Return the seeds of a list of numbers and ranges."""
    try:
        ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
        if any(len(pair) > 2 or pair[0] > pair[-1] for pair in ends):
            raise ValueError("not a range")
    except ValueError as error:
        raise Failed(f"--seed: must be such as 10-19 or 1,2,5, got {text!r}", code=2) from error
    if sum(pair[-1] - pair[0] + 1 for pair in ends) > MAX_SEEDS:
        raise Failed(f"--seed: must be at most {MAX_SEEDS} seeds, got {text!r}", code=2)
    found = [seed for pair in ends for seed in range(pair[0], pair[-1] + 1)]
    if len(set(found)) != len(found):
        raise Failed(f"--seed: must hold each seed once, got {text!r}", code=2)
    return found


def _progress(runs: Iterator[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    todo = list(runs)
    return iter(track(todo, "simulating", console=err, transient=True))


def _document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as one JSON object; intervals are [value, low, high]."""
    weeks = range(comparison.weeks)
    return {
        "seeds": list(comparison.seeds),
        "policies": {
            name: {
                "rate_by_week": comparison.rates(name).mean(axis=0).tolist(),
                "min_propensity": min(run.min_propensity for run in comparison.runs[name]),
                "share_by_week": [_figures(comparison.share(name, week)) for week in weeks],
            }
            for name in (FLOOR, *comparison.names, CEILING)
        },
        "adaptive_minus": {
            name: _figures(comparison.advantage("adaptive", name))
            for name in (FLOOR, *comparison.names)
            if name != "adaptive"
        },
    }


def _equals(comparison: Comparison) -> dict[str, Any]:
    """Return shares of the oracle that minds spacing, and ours minus who knows as much."""
    weeks = range(comparison.weeks if SPACED in comparison.runs else 0)
    return {
        "share_of_spaced_by_week": {
            name: [_figures(comparison.relative(name, SPACED, week)) for week in weeks]
            for name in comparison.names
        },
        "equal_minus": {
            name: {
                "ours": ours,
                "all_days": _figures(comparison.advantage(ours, name)),
                "last_week": _figures(comparison.advantage(ours, name, comparison.weeks - 1)),
            }
            for name, ours in EQUALS.items()
        },
    }


def _gains(comparison: Comparison) -> dict[str, Any]:
    """Return what objectives gain in the last week, as shares of 1 a prompt."""
    found = gains(comparison)
    return {
        "gains": {
            name: {key: _figures(value) for key, value in row.items()}
            for name, row in found.items()
        }
    }


MORE = {Side.FAIR: _equals, Side.OBJECTIVES: _gains}
"""What the JSON of a comparison holds beside what all of them have."""
TABLES = {Side.FAIR: fair_table, Side.OBJECTIVES: objective_table}


def _figures(estimate: Estimate) -> list[float | None]:
    return [value if isfinite(value) else None for value in astuple(estimate)]
