"""Rules that say when a prompt may be sent at all; applied before anything is randomised.

Availability is a rule, never a prediction: it uses nothing a model has learned.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from engine.localtime import LocalSpan, in_quiet_hours

PAUSED = "paused"
EXPIRED = "expired"
QUIET = "quiet hours"
TOO_MANY = "per_day cap"


def available_slots(
    slots: Sequence[datetime], *, taken: Sequence[datetime], min_gap: timedelta, now: datetime
) -> list[bool]:
    """Return for each slot whether a prompt may be sent then.

    A slot is available if it has not passed (slot >= now) and lies at least `min_gap` of real
    time before and after every instant `taken` by another prompt. All instants are aware; their
    distance is real time where they are UTC.
    """
    return [slot >= now and all(abs(slot - other) >= min_gap for other in taken) for slot in slots]


def may_send(
    now: datetime,
    *,
    tz: tzinfo,
    quiet: Iterable[LocalSpan],
    expires_at: datetime,
    sent_today: int,
    per_day: int | None,
    paused: bool = False,
) -> str | None:
    """Return why a due prompt may not be sent at this instant, None if it may.

    `expires_at` is the first instant too late. `tz` is where the patient is now, and its quiet
    hours win. `sent_today` counts prompts already sent on the patient's local date; `per_day`
    None means no cap. The reason that can never pass is told first.
    """
    if now >= expires_at:
        return EXPIRED
    if paused:
        return PAUSED
    if in_quiet_hours(now, tz, quiet):
        return QUIET
    if per_day is not None and sent_today >= per_day:
        return TOO_MANY
    return None
