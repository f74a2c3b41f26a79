"""The life cycle of a prompt: its states, and which of them may follow which.

    planned -> claimed -> sending -> accepted | failed | unknown | retry
    retry -> claimed;  planned | retry | claimed -> expired | cancelled
    failed | expired | unknown -> accepted      (a late report from the phone corrects us)

`unknown` means the push may or may not have been delivered; it is never called delivered and
never sent again. Answering is not a state of delivery: it is a fact of its own.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a prompt stands on its way to the phone."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENDING = "sending"
    RETRY = "retry"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


UNSENT = frozenset({State.PLANNED, State.CLAIMED, State.RETRY})
"""States in which nothing can have reached the phone."""

ENDED = frozenset({State.ACCEPTED, State.UNKNOWN, State.FAILED, State.EXPIRED, State.CANCELLED})
"""States that only a report from the phone can still correct."""

FOLLOWERS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.CLAIMED, State.EXPIRED, State.CANCELLED}),
    State.CLAIMED: frozenset(
        {State.PLANNED, State.SENDING, State.RETRY, State.FAILED, State.EXPIRED, State.CANCELLED}
    ),
    State.SENDING: frozenset({State.ACCEPTED, State.UNKNOWN, State.FAILED, State.RETRY}),
    State.RETRY: frozenset({State.CLAIMED, State.EXPIRED, State.CANCELLED}),
    State.UNKNOWN: frozenset({State.ACCEPTED}),
    State.FAILED: frozenset({State.ACCEPTED}),
    State.EXPIRED: frozenset({State.ACCEPTED}),
    State.ACCEPTED: frozenset(),
    State.CANCELLED: frozenset(),
}


def may_become(current: State, following: State) -> bool:
    """Return whether a prompt in `current` may go over to `following`."""
    return following in FOLLOWERS[current]
