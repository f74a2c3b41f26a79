"""Counting what came of the demo: deliveries from the emulator's log, lift from the outcomes."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from api.demo.clinic import PROTOCOL, ZONE
from engine.localtime import in_quiet_hours, zone
from engine.protocol import parse_protocol
from engine.store import Database, reports
from models.evaluation.lift import arm_lift


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What the emulator saw: pushes of one prompt beyond its first, and pushes at night."""

    doubles: int
    quiet_hour_sends: int


def deliveries(log: Path) -> Deliveries:
    """Read the emulator's log of all accepted messages."""
    with log.open(encoding="utf-8") as lines:
        accepted = [entry for entry in map(json.loads, lines) if entry["outcome"] == "accepted"]
    return Deliveries(_doubles(accepted), _at_night(accepted))


def _doubles(accepted: Iterable[dict[str, Any]]) -> int:
    times = Counter(entry["prompt_id"] for entry in accepted)
    return sum(count - 1 for count in times.values())


def _at_night(accepted: Iterable[dict[str, Any]]) -> int:
    quiet = parse_protocol(PROTOCOL).quiet_hours
    return sum(
        in_quiet_hours(datetime.fromisoformat(entry["at"]), zone(ZONE), quiet) for entry in accepted
    )


def figures(db: Database, log: Path, *, patients: int, days: int, seconds: float) -> dict[str, Any]:
    """Return the demo's result; rates are shares answered in time, of sent adaptive prompts."""
    with db.read() as tx:
        totals = reports.totals(tx)
        outcomes = reports.arm_outcomes(tx)
    seen = deliveries(log)
    lift = arm_lift(
        y=[y for _, _, y in outcomes],
        arm=[arm for _, arm, _ in outcomes],
        person=[person for person, _, _ in outcomes],
    )
    return {
        "patients": patients,
        "days": days,
        **totals,
        "uniform_rate": lift.uniform_rate,
        "adaptive_rate": lift.adaptive_rate,
        "lift_pp": lift.lift_pp,
        "lift_ci95": list(lift.lift_ci95) if lift.lift_ci95 else None,
        "doubles": seen.doubles,
        "quiet_hour_sends": seen.quiet_hour_sends,
        "seconds": round(seconds, 1),
    }
