"""A prompt's way to the phone and back, told in words for staff: pure, and without health data.

Every state, outcome and report has words; `tests/engine` holds that none is missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from engine.delivery_records import AttemptRecord, PromptStory
from engine.localtime import zone
from engine.prompt import PromptKind, State

STATE_WORDS = {
    State.PLANNED: "planned",
    State.SENDING: "being sent",
    State.RETRY: "not sent yet, will be tried again",
    State.ACCEPTED: "sent",
    State.UNKNOWN: "may have been sent",
    State.FAILED: "not sent",
    State.EXPIRED: "expired unsent",
    State.CANCELLED: "cancelled unsent",
    State.WITHHELD: "no prompt drawn",
}
OUTCOME_WORDS = {
    "accepted": "sent to phone",
    "throttled": "Firebase busy",
    "not_sent": "Firebase could not be reached",
    "unknown": "no clear answer from Firebase, it may have arrived",
    "refused": "Firebase refused it",
    "token_dead": "this phone no longer takes pushes",
}
REPORT_WORDS = {
    "delivered": "phone confirmed",
    "shown": "shown",
    "opened": "opened",
    "dismissed": "put aside",
}
KIND_WORDS = {
    PromptKind.PROMPT: "",
    PromptKind.REMINDER: "reminder",
    PromptKind.SNOOZE: "after a snooze",
    PromptKind.TEST: "",
}
_UNSENT_ENDS = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED, State.WITHHELD})


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One thing that happened: its UTC instant, the same on the patient's clock, and words."""

    at: datetime
    local: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole way of one prompt, in order of time, with one line that sums it up."""

    prompt_id: UUID
    state: State
    summary: str
    zone: str
    lines: tuple[TraceLine, ...]


def trace_of(stories: Sequence[PromptStory]) -> Trace:
    """Return the trace of a prompt from its own story, which comes first, and its repeats'."""
    prompt, tz = stories[0], zone(stories[0].zone)
    told = [entry for story in stories for entry in _story_lines(story, tz)]
    told.sort(key=lambda entry: entry[0])  # stable: what has one instant stays in order of telling
    return Trace(
        prompt_id=prompt.id,
        state=prompt.state,
        summary=_summary(prompt, tz),
        zone=prompt.zone,
        lines=tuple(TraceLine(at, at.astimezone(tz), text) for at, text in told),
    )


def _clock(at: datetime, tz: tzinfo) -> str:
    return f"{at.astimezone(tz):%H:%M}"


def _story_lines(story: PromptStory, tz: tzinfo) -> Iterator[tuple[datetime, str]]:
    name = _name(story)
    yield from ((at, name + text) for at, text in _planned_lines(story, tz))
    for attempt in story.attempts:
        yield attempt.finished_at or attempt.intended_at, name + _tried(attempt, story, tz)
    for kind, at in story.receipts.items():
        yield at, REPORT_WORDS[kind]
    if story.declined_at is not None:
        yield story.declined_at, "the patient said not now"
    if story.answered_at is not None:
        yield story.answered_at, _answered(story.answered_at, story)
    ended_at = story.closed_at or story.expires_at or story.end_at
    if story.state in _UNSENT_ENDS:
        yield ended_at, name + _with_reason(story)
    elif story.state is State.UNKNOWN and story.next_try_at is None and story.attempts:
        last = story.attempts[-1]
        at = last.finished_at or last.intended_at
        yield at, name + "ends here: nobody knows whether it arrived, and it is not sent again"


def _name(story: PromptStory) -> str:
    words = KIND_WORDS[story.kind]
    return f"{words} ({story.repeat}): " if words else ""


def _planned_lines(story: PromptStory, tz: tzinfo) -> Iterator[tuple[datetime, str]]:
    if story.kind is PromptKind.TEST:
        yield story.start_at, "test notification asked for"
        return
    if story.kind is not PromptKind.PROMPT:
        if story.due_at is not None and story.decided_at is not None:
            yield story.decided_at, f"set for {_clock(story.due_at, tz)}"
        return
    if story.timing == "patient_initiated":
        yield story.start_at, "started by the patient"
        return
    # Planning leaves no instant of its own; a draw may come minutes before the window opens.
    planned_at = min(story.start_at, story.decided_at or story.start_at)
    if story.timing == "fixed":
        yield planned_at, f"planned for {_clock(story.start_at, tz)}"
    else:
        span = f"{_clock(story.start_at, tz)}-{_clock(story.end_at, tz)}"
        yield planned_at, f"planned for {span}"
        if story.decided_at is not None and story.due_at is not None:
            yield story.decided_at, f"drawn for {_clock(story.due_at, tz)}"


def _tried(attempt: AttemptRecord, story: PromptStory, tz: tzinfo) -> str:
    number = f"attempt {attempt.attempt}"
    if attempt.outcome is None:
        if story.state is State.SENDING and attempt is story.attempts[-1]:
            return f"being sent to phone ({number})"
        return f"the worker stopped while sending ({number}), it may have arrived"
    told = [number] if attempt.http_status in {None, 200} else [str(attempt.http_status), number]
    text = f"{OUTCOME_WORDS[attempt.outcome]} ({', '.join(told)})"
    if attempt.outcome == "token_dead":
        return f"{text}, the next phone is tried" if attempt.next_try_at else text
    if attempt.next_try_at is not None:
        text += f", next try {_clock(attempt.next_try_at, tz)}"
    return text


def _answered(at: datetime, story: PromptStory) -> str:
    late = story.expires_at is not None and at >= story.expires_at
    return "answered late" if late else "answered"


def _with_reason(story: PromptStory) -> str:
    words = STATE_WORDS[story.state]
    return f"{words}: {story.reason}" if story.reason else words


def _summary(story: PromptStory, tz: tzinfo) -> str:
    """Return one line such as "sent 10:04, phone confirmed 10:04, answered 10:13"."""
    if story.state in _UNSENT_ENDS or story.sent_at is None:
        return _with_reason(story)
    steps = [(story.sent_at, STATE_WORDS[story.state])]
    steps += [(at, REPORT_WORDS[kind]) for kind, at in story.receipts.items() if kind != "shown"]
    if story.declined_at is not None:
        steps.append((story.declined_at, "not now"))
    if story.answered_at is not None:
        steps.append((story.answered_at, _answered(story.answered_at, story)))
    steps.sort(key=lambda step: step[0])
    return ", ".join(f"{text} {_clock(at, tz)}" for at, text in steps)
