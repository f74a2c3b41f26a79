"""What the milestones of a prompt's row prove, as parts of statements: the last writer does not.

A phone's report or an answer proves delivery. `sent_at` says that some attempt may have arrived,
so that the prompt can no longer end as one of which nothing was sent.
"""

from typing import Any

from sqlalchemy import ColumnElement, case, literal, null, or_

from engine.prompt import State
from engine.store import tables

_prompts = tables.Prompt
_STATE = _prompts.state.type

CONFIRMED: ColumnElement[bool] = or_(
    _prompts.delivered_at.is_not(None), _prompts.answered_at.is_not(None)
)
"""Whether the phone reported or answered the prompt."""

MAY_BE_OUT: ColumnElement[bool] = or_(_prompts.sent_at.is_not(None), CONFIRMED)
"""Whether something of it may have reached the phone."""


def settled(following: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the state a prompt takes instead of `following`, given what is proven of it."""
    return case(
        (CONFIRMED, literal(State.ACCEPTED, _STATE)),
        (_prompts.sent_at.is_not(None), literal(State.UNKNOWN, _STATE)),
        else_=following,
    )


def reasoned(reason: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the reason that goes with it: an accepted prompt has none."""
    return case((CONFIRMED, null()), else_=reason)


def closing(at: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return `at` where nothing was sent, else nothing: the learner has yet to see those."""
    return case((MAY_BE_OUT, null()), else_=at)
