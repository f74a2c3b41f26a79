"""The protocol a new patient starts with until the therapist changes it."""

from collections.abc import Collection
from typing import Any


def starting_document(known_content: Collection[str]) -> dict[str, Any]:
    """Return a cautious protocol of the content there is: three check-ins a day, one exercise.

    Raises ValueError when the library has nothing to ask.
    """
    assignments = [one for one in _ASSIGNMENTS if one["content"] in known_content]
    if not assignments:
        if not known_content:
            raise ValueError("the content library is empty: there is nothing to ask")
        fallback = {"kind": "fixed", "at": ["18:00"]}
        assignments = [{"content": min(known_content), "trigger": fallback}]
    return {
        "schema": "welltimed-protocol/1",
        "name": "Check-ins and one exercise a day",
        "quiet_hours": [{"from": "21:30", "to": "08:00"}],
        "limits": {"per_day": 6, "min_gap": "45m"},
        "assignments": assignments,
    }


_ASSIGNMENTS: tuple[dict[str, Any], ...] = (
    {
        "content": "checkin.momentary",
        "trigger": {
            "kind": "window",
            "windows": [
                {"from": "09:00", "to": "12:00"},
                {"from": "12:30", "to": "15:30"},
                {"from": "16:00", "to": "19:00"},
            ],
            "timing": "adaptive",
        },
        "expires_after": "60m",
    },
    {
        "content": "ba.plan-tomorrow",
        "trigger": {"kind": "fixed", "at": ["20:00"]},
        "expires_after": "90m",
    },
    {
        "content": "phq9",
        "trigger": {"kind": "interval", "every": "14d", "at": "19:15"},
        "expires_after": "90m",
        "sampling": "representative",
    },
)
