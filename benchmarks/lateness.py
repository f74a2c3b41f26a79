"""How late the real worker is when very many prompts fall due at the same instant."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from benchmarks.filling import add_due
from benchmarks.processes import StandIn, measured_while
from engine.clock import system_clock
from engine.store import Database

_FILLED_A_SECOND = 2_000
"""Prompts stored a second at the least: they must be there when they fall due."""
_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds from due to arrival at the stand-in, and what the worker's process used."""

    p50: float
    p99: float
    peak_rss_mb: float
    doubles: int


def lateness(
    db: Database, standin: StandIn, numbers: Sequence[int], arguments: Mapping[str, object]
) -> Lateness:
    """Return how late the worker sends a prompt to each of these patients, all due together.

    Raises RuntimeError if they do not all arrive.
    """
    standin.reset()
    with measured_while(way="worker", messages=len(numbers), **arguments) as stop:
        due_at = system_clock() + timedelta(seconds=1 + len(numbers) / _FILLED_A_SECOND)
        add_due(db, numbers, due_at=due_at)
        if system_clock() >= due_at:
            raise RuntimeError("the prompts were due before they were all stored")
        _await(standin, len(numbers), due_at.timestamp())
        used = stop()
    return _told(standin.report(), due_at.timestamp(), used)


def _await(standin: StandIn, messages: int, due_at: float) -> None:
    while standin.received() < messages:
        if time.time() > due_at + _PATIENCE_SECONDS:
            raise RuntimeError(f"after {_PATIENCE_SECONDS:.0f} s not all {messages} had arrived")
        time.sleep(_LOOK_SECONDS)


def _told(arrived: Mapping[str, Any], due_at: float, used: Mapping[str, Any]) -> Lateness:
    late = np.array(arrived["arrivals"]) - due_at
    if late.min() < 0:
        raise RuntimeError("a prompt left before it was due")
    return Lateness(
        p50=round(float(np.quantile(late, 0.50)), 3),
        p99=round(float(np.quantile(late, 0.99)), 3),
        peak_rss_mb=float(used["peak_rss_mb"]),
        doubles=int(arrived["doubles"]),
    )
