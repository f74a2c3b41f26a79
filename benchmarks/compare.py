"""Measuring two ways in turns, and saying what came of it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two rates in the same unit, `ratio` = ours / baseline, and in words what was compared."""

    name: str
    unit: str
    ours: float
    baseline: float
    ratio: float
    compared: str

    def as_json(self) -> dict[str, object]:
        """Return the comparison as a JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.ours:,.0f} {self.unit} against {self.baseline:,.0f}: "
            f"ratio {self.ratio:.1f}\n    {self.compared}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two ways of doing `work` units of the same work; each call returns nothing."""

    name: str
    unit: str
    work: int
    ours: Callable[[], object]
    baseline: Callable[[], object]
    compared: str


def run(contest: Contest, *, rounds: int = 3) -> Comparison:
    """Return the medians of `rounds` turns each, after one turn each that is not counted.

    The ways alternate, so that a machine that slows down slows both.
    """
    contest.ours()
    contest.baseline()
    times: list[tuple[float, float]] = [
        (_seconds(contest.ours), _seconds(contest.baseline)) for _ in range(rounds)
    ]
    ours = contest.work / statistics.median(mine for mine, _ in times)
    baseline = contest.work / statistics.median(theirs for _, theirs in times)
    return Comparison(
        name=contest.name,
        unit=contest.unit,
        ours=round(ours, 1),
        baseline=round(baseline, 1),
        ratio=round(ours / baseline, 2),
        compared=contest.compared,
    )


def _seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began
