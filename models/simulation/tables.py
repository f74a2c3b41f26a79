"""Comparisons as Markdown tables, as they stand in the documentation."""

from collections.abc import Mapping

from models.simulation.compare import CEILING, FLOOR, SPACED, TRUE_PRIOR, Comparison, Estimate
from models.simulation.fair import EQUALS
from models.simulation.objectives import gains

OURS = "adaptive"
YARDSTICKS = (TRUE_PRIOR, CEILING, SPACED)
WHEN = ("days 8-14", "last week")


def tables(found: Mapping[str, Comparison]) -> str:
    """Return a table of shares by world and policy, and one of ours against each other policy."""
    return f"{share_table(found)}\n{difference_table(found)}"


def share_table(found: Mapping[str, Comparison]) -> str:
    """Return each policy's share of the oracle's lift by week, with 95 % intervals."""
    weeks = min(comparison.weeks for comparison in found.values())
    head = [
        "world",
        "policy",
        *(f"week {week + 1}" for week in range(weeks)),
        "smallest propensity",
    ]
    rows = [
        [
            world,
            name,
            *(_share(comparison.share(name, week)) for week in range(weeks)),
            f"{min(run.min_propensity for run in comparison.runs[name]):.4f}",
        ]
        for world, comparison in found.items()
        for name in comparison.names
    ]
    return _markdown(head, rows)


def difference_table(found: Mapping[str, Comparison]) -> str:
    """Return ours minus each other policy in percentage points, paired, in all and last week.

    For the yardsticks, ours as a share of their lift in the last week stands beside it.
    """
    head = ["world", f"{OURS} minus", "all days, points", "last week, points", "share of its lift"]
    rows = [
        [
            world,
            name,
            _points(comparison.advantage(OURS, name)),
            _points(comparison.advantage(OURS, name, comparison.weeks - 1)),
            _share(comparison.relative(OURS, name, comparison.weeks - 1))
            if name in YARDSTICKS
            else "",
        ]
        for world, comparison in found.items()
        for name in (FLOOR, *comparison.names, CEILING)
        if OURS in comparison.runs and name != OURS
    ]
    return _markdown(head, rows)


def fair_table(found: Mapping[str, Comparison]) -> str:
    """Return each policy's shares of both oracles' lifts, and ours that knows as much minus it.

    Shares of the oracle that minds spacing stay empty where a world has none.
    """
    head = ["world", "policy"]
    head += [f"share of {who}, {when}" for who in ("oracle", SPACED) for when in WHEN]
    head += [f"ours knowing as much minus it, {when}, points" for when in ("all days", WHEN[1])]
    rows = []
    for world, comparison in found.items():
        last = comparison.weeks - 1
        for name in (FLOOR, *comparison.names, CEILING):
            ours = EQUALS.get(name)
            rows.append(
                [world, name]
                + [_relative(comparison, name, CEILING, week) for week in (min(1, last), last)]
                + [_relative(comparison, name, SPACED, week) for week in (min(1, last), last)]
                + (
                    ["", ""]
                    if ours is None
                    else [_points(comparison.advantage(ours, name, week)) for week in (None, last)]
                )
            )
    return _markdown(head, rows)


def objective_table(found: Mapping[str, Comparison]) -> str:
    """Return what each objective gains in the last week, in points a prompt, with intervals."""
    head = ["world", "policy", "answered at a good moment, minus uniform", "minus adaptive"]
    head += ["answered, minus uniform", "minus adaptive"]
    rows = [
        [world, name, *(_points(estimate) for estimate in row.values())]
        for world, comparison in found.items()
        for name, row in gains(comparison).items()
        if name != FLOOR
    ]
    return _markdown(head, rows)


def _relative(comparison: Comparison, name: str, other: str, week: int) -> str:
    if other not in comparison.runs or name == FLOOR:
        return ""
    return _share(comparison.relative(name, other, week))


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _points(estimate: Estimate) -> str:
    low, high = 100.0 * estimate.low, 100.0 * estimate.high
    return f"{100.0 * estimate.value:+.2f} ({low:+.2f} to {high:+.2f})"
