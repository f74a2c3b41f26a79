"""What the outcome of one attempt means for its prompt, and when it is tried again. Pure.

To a phone that would show a repeat beside the first, only what proves that nothing was delivered
is followed by another attempt. To one that drops what it has had, an uncertain attempt is too.
"""

from datetime import datetime, timedelta
from uuid import UUID

from engine.delivery_records import AttemptResult, Intent
from engine.draws import uniform
from engine.prompt import MOST_UNCERTAIN, Reason, State
from prompting.fcm.outcome import Kind, SendOutcome

BACKOFF = timedelta(seconds=10)
LONGEST_BACKOFF = timedelta(seconds=60)
"""Within this time of an outage's end every prompt that is still valid is tried again."""
SHORTEST_BACKOFF = timedelta(seconds=1)

_STATES = {
    Kind.ACCEPTED: State.ACCEPTED,
    Kind.TOKEN_DEAD: State.RETRY,
    Kind.THROTTLED: State.RETRY,
    Kind.NOT_SENT: State.RETRY,
    Kind.REFUSED: State.FAILED,
    Kind.UNKNOWN: State.UNKNOWN,
}
_REASONS = {
    Kind.ACCEPTED: None,
    Kind.TOKEN_DEAD: Reason.TOKEN_DEAD,
    Kind.THROTTLED: Reason.THROTTLED,
    Kind.NOT_SENT: Reason.NOT_REACHED,
    Kind.REFUSED: Reason.REFUSED,
    Kind.UNKNOWN: Reason.NO_CLEAR_ANSWER,
}


def result_of(intent: Intent, outcome: SendOutcome, *, now: datetime) -> AttemptResult:
    """Return the state and the next try that follow from an outcome.

    No try is planned at or after expiry: a prompt that would need one ends here.
    """
    state, reason = _STATES[outcome.kind], _REASONS[outcome.kind]
    next_try_at = _next_try(intent, outcome, now)
    if state is State.RETRY and next_try_at is None:
        state, reason = State.EXPIRED, Reason.WAIT_TOO_LONG
    return AttemptResult(
        intent=intent,
        outcome=outcome.kind,
        state=state,
        reason=reason,
        http_status=outcome.http_status,
        detail=outcome.detail or outcome.code,
        next_try_at=next_try_at,
        token_dead=outcome.kind is Kind.TOKEN_DEAD,
    )


def _next_try(intent: Intent, outcome: SendOutcome, now: datetime) -> datetime | None:
    if outcome.kind in (Kind.ACCEPTED, Kind.REFUSED):
        return None
    if outcome.kind is Kind.UNKNOWN and not _may_repeat(intent):
        return None
    # The patient's next phone, if there is one, is tried at once.
    at = now if outcome.kind is Kind.TOKEN_DEAD else now + _wait(intent, outcome)
    return at if at < intent.expires_at else None


def _may_repeat(intent: Intent) -> bool:
    return intent.deduplicates and intent.uncertain + 1 < MOST_UNCERTAIN


def _wait(intent: Intent, outcome: SendOutcome) -> timedelta:
    if outcome.retry_after is not None:
        return max(outcome.retry_after, SHORTEST_BACKOFF)
    return backoff(intent.prompt_id, intent.attempt)


def backoff(prompt_id: UUID, attempt: int) -> timedelta:
    """Return how long to wait after attempt 1, 2, ...: exponential, capped, with full jitter.

    Source: Brooker (2015), Exponential backoff and jitter. The jitter is drawn from the prompt's
    own id, so a replay waits as long.
    """
    longest = min(BACKOFF * float(2 ** min(attempt - 1, 16)), LONGEST_BACKOFF)
    return max(longest * uniform(attempt, prompt_id, "retry"), SHORTEST_BACKOFF)
