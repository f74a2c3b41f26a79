"""Sending what is due: claim it, commit the intent, send, record; each ends before the next begins.

`dispatcher` goes the four steps, `scene` holds what bears on a batch and says what may leave,
`outcomes` says what an answer of FCM means for the prompt.
"""

from prompting.dispatch.dispatcher import BATCH, LEASE, OVERDUE, Dispatcher, Sent
from prompting.dispatch.outcomes import BACKOFF, LONGEST_BACKOFF, backoff, result_of

__all__ = [
    "BACKOFF",
    "BATCH",
    "LEASE",
    "LONGEST_BACKOFF",
    "OVERDUE",
    "Dispatcher",
    "Sent",
    "backoff",
    "result_of",
]
