"""The life cycle of a prompt: its states, which of them may follow which, and what each is called.

    planned -> sending -> accepted | failed | unknown | retry | expired
    retry -> sending;  planned | retry -> retry | failed | expired | cancelled
    planned -> withheld
    unknown -> sending                     (only to a phone that drops a repeat, before expiry)
    anything that may be out or ended unsent -> accepted    (a late success, or the phone, says so)

`unknown` means the push may or may not have been delivered; it is never called delivered. A
prompt that may be out never becomes `failed`, `expired` or `cancelled`: these say that nothing was
sent. Answering is not a state of delivery: it is a fact of its own.
"""

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    """Where a prompt stands on its way to the phone."""

    PLANNED = "planned"
    SENDING = "sending"
    RETRY = "retry"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    WITHHELD = "withheld"


class Reason(StrEnum):
    """Why the dispatcher held a prompt back or ended it, in words staff can read."""

    EXPIRED = "expired"
    PAUSED = "paused"
    QUIET = "quiet hours"
    TOO_MANY = "per_day cap"
    TOO_MANY_24H = "per_day cap over 24 hours"
    GAP = "minimum gap"
    NO_PHONE = "no phone to send to"
    SAME_PHONE = "the phone that may have it cannot be reached"
    NOT_IN_TIME = "not sent in time"
    WAIT_TOO_LONG = "the next try would come after its expiry"
    OVERTAKEN = "overtaken by a later prompt"
    WORKER_STOPPED = "the worker stopped while sending"
    NO_ZONE = "unknown time zone"
    BUSY = "the patient's schedule was being changed"
    LEFT_OUT = "left out by the patient"
    THROTTLED = "Firebase asked to wait"
    NOT_REACHED = "Firebase could not be reached"
    NO_CLEAR_ANSWER = "Firebase gave no clear answer"
    REFUSED = "Firebase refused the message"
    TOKEN_DEAD = "the phone's push token has ended"
    PARENT_ANSWERED = "its prompt was answered"
    PARENT_DECLINED = "the patient said not now"
    PARENT_UNSENT = "its prompt was not sent"
    PARENT_WAITS = "its prompt has not left yet"


class PromptKind(StrEnum):
    """What a row of prompts is: the prompt itself, something that calls it to mind, or a test.

    A test goes the same way to the phone, asks nothing, and counts for nothing.
    """

    PROMPT = "prompt"
    REMINDER = "reminder"
    SNOOZE = "snooze"
    TEST = "test"


MOST_UNCERTAIN = 5
"""How many sends of one prompt may have been delivered, to a phone that drops what it has had."""

UNSENT = frozenset({State.PLANNED, State.RETRY})
"""States in which nothing has reached the phone, unless `sent_at` says that it may have."""

ENDED = frozenset(
    {
        State.ACCEPTED,
        State.UNKNOWN,
        State.FAILED,
        State.EXPIRED,
        State.CANCELLED,
        State.WITHHELD,
    }
)
"""Named ends. Only a success or a report from the phone can still correct one; `unknown` is one
as soon as no further try is planned."""

FOLLOWERS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset(
        {
            State.SENDING,
            State.RETRY,
            State.FAILED,
            State.EXPIRED,
            State.CANCELLED,
            State.WITHHELD,
        }
    ),
    State.SENDING: frozenset(
        {State.ACCEPTED, State.UNKNOWN, State.FAILED, State.RETRY, State.EXPIRED}
    ),
    State.RETRY: frozenset(
        {State.SENDING, State.FAILED, State.EXPIRED, State.CANCELLED, State.ACCEPTED}
    ),
    State.UNKNOWN: frozenset({State.SENDING, State.ACCEPTED}),
    State.FAILED: frozenset({State.ACCEPTED}),
    State.EXPIRED: frozenset({State.ACCEPTED}),
    State.ACCEPTED: frozenset(),
    State.CANCELLED: frozenset(),
    State.WITHHELD: frozenset(),
}


def may_become(current: State, following: State, *, deduplicates: bool = False) -> bool:
    """Return whether a prompt in `current` may go over to `following`.

    `deduplicates` says that its phone drops a push it has had; only then is `unknown` left for
    another send.
    """
    if (current, following) == (State.UNKNOWN, State.SENDING):
        return deduplicates
    return following in FOLLOWERS[current]


def proven(outcomes: Iterable[str | None], *, confirmed: bool) -> State | None:
    """Return what a prompt's attempts prove, whatever was written last: accepted, unknown or None.

    `outcomes` are those of all its attempts, None for one that never ended; `confirmed` says that
    the phone reported or answered it. None means that nothing can have been delivered.
    """
    told = set(outcomes)
    if confirmed or "accepted" in told:
        return State.ACCEPTED
    return State.UNKNOWN if told & {None, "unknown"} else None
