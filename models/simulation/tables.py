"""Comparisons as Markdown tables, as they stand in the documentation."""

from collections.abc import Mapping

from models.simulation.compare import CEILING, FLOOR, SPACED, TRUE_PRIOR, Comparison, Estimate

OURS = "adaptive"
YARDSTICKS = (TRUE_PRIOR, CEILING, SPACED)


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


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _points(estimate: Estimate) -> str:
    low, high = 100.0 * estimate.low, 100.0 * estimate.high
    return f"{100.0 * estimate.value:+.2f} ({low:+.2f} to {high:+.2f})"
