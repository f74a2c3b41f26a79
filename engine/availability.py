"""Rules that say when a prompt may be sent at all; applied before anything is randomised.

Availability is a rule, never a prediction: it uses nothing a model has learned.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.prompt import Reason


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
    expires_at: datetime,
    quiet: bool = False,
    paused: bool = False,
    sent_today: int = 0,
    sent_in_24h: int = 0,
    per_day: int | None = None,
) -> Reason | None:
    """Return why a due prompt may not be sent at this instant, None if it may.

    `expires_at` is the first instant too late. `quiet` and `paused` say whether these are quiet
    hours or a pause day wherever the patient may be. `sent_today` counts prompts already sent on
    the prompt's local date, `sent_in_24h` those of the last 24 hours of real time if they are to
    count; `per_day` None means no cap. The reason that can never pass is told first.
    """
    if now >= expires_at:
        return Reason.EXPIRED
    if paused:
        return Reason.PAUSED
    if quiet:
        return Reason.QUIET
    if per_day is not None and sent_today >= per_day:
        return Reason.TOO_MANY
    if per_day is not None and sent_in_24h >= per_day:
        return Reason.TOO_MANY_24H
    return None
