"""From answers and silences to outcomes: each prompt ends in one, or teaches nothing.

1 for an answer within the assignment's time, 0 when that time has passed in silence. Of a prompt
whose sending ended unknown, and of one at a set time, the silence says nothing about timing.
"""

from datetime import datetime, timedelta
from typing import Any

from engine.prompt import State
from engine.store import Database, learning
from prompting.features import day_type, local_hour
from prompting.policies import FIXED

CLOSE_BATCH = 5_000


def close_outcomes(db: Database, *, now: datetime) -> int:
    """Turn prompts that were answered, or whose time is up, into outcomes; return how many."""
    with db.write() as tx:
        known = []
        done = []
        for prompt in learning.unclosed(tx, limit=CLOSE_BATCH):
            y = _label(prompt, now)
            if y is None:
                continue
            done.append(prompt["id"])
            if prompt["arm"] != FIXED and prompt["state"] == State.ACCEPTED:
                known.append(_outcome_row(prompt, y))
        added = learning.add_outcomes(tx, known, now=now) if known else 0
        learning.close(tx, done, now=now)
    return added


def _label(prompt: dict[str, Any], now: datetime) -> int | None:
    """Return 1 for an answer in time, 0 once that time has passed, None while it is open."""
    sent_at: datetime = prompt["sent_at"]
    answered_at: datetime | None = prompt["answered_at"]
    within: timedelta = prompt["within"]
    if answered_at is not None:
        return int(answered_at - sent_at <= within)
    return 0 if now - sent_at > within else None


def _outcome_row(prompt: dict[str, Any], y: int) -> dict[str, Any]:
    return {
        "prompt_id": prompt["id"],
        "person": str(prompt["patient_id"]),
        "hour": local_hour(prompt["due_at"], prompt["zone"]),
        "last_hour": prompt["features"].get("last_hour"),
        "day_type": day_type(prompt["local_date"]),
        "day": prompt["local_date"].toordinal(),
        "arm": prompt["arm"],
        "y": y,
    }
