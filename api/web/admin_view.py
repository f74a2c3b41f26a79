"""Delivery health in the words and bars of the admin's page: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.web.wording import DASH, ago, counted
from engine.commands.health import DeliveryHealth
from engine.commands.learning_log import LearningState
from engine.health_records import LATENESS_BOUNDS, Lateness, SpanFigures, WorkerStatus
from engine.learning_records import LearningEvent, LearningKind
from engine.prompt import State
from engine.trace import STATE_WORDS
from prompting.heads import HEADS

SPAN_WORDS = {24: "last 24 hours", 7 * 24: "last 7 days"}
EVENT_WORDS = {
    LearningKind.PROMOTED: "a new model{} decides",
    LearningKind.KEPT_BACK: "a new model{} was kept back",
    LearningKind.FIT_FAILED: "no model{} could be fitted",
    LearningKind.UNUSABLE: "a stored model{} could not be read",
}
"""In the braces stands which model it is, where that is not the one of answers."""
_LATE = 5.0
"""From so many seconds on a tick that has not succeeded is worth a look at its figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """A line of the table of states: its words, the reason if there is one, counts by span."""

    state: str
    reason: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the histogram: its label, how many, and its length in percent of the longest."""

    label: str
    prompts: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessView:
    """How late prompts of a span left: one sentence and its bars."""

    title: str
    sentence: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker's line."""

    name: str
    version: str
    seen: str
    state: str
    trouble: bool
    breaker: str
    ticks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """The whole page: `alerts` first, each a sentence on what needs somebody."""

    alerts: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    spans: tuple[str, ...]
    rows: tuple[StateRow, ...]
    lateness: tuple[LatenessView, ...]
    workers: tuple[WorkerView, ...]
    model: str
    events: tuple[tuple[str, str], ...]


def delivery_view(
    found: DeliveryHealth, learned: LearningState, *, silent_after: int
) -> DeliveryView:
    """Return the page's words."""
    now = found.at
    return DeliveryView(
        alerts=tuple(_alerts(found, silent_after)),
        facts=_facts(found, silent_after),
        spans=tuple(SPAN_WORDS.get(one.hours, f"last {one.hours} hours") for one in found.spans),
        rows=tuple(_rows(found.spans)),
        lateness=tuple(_lateness(one) for one in found.spans),
        workers=tuple(_worker(one, now) for one in found.workers),
        model=_model(learned, now),
        events=tuple((ago(one.at, now), event_words(one)) for one in learned.events),
    )


def _alerts(found: DeliveryHealth, silent_after: int) -> list[str]:
    told = []
    dead = [one for one in found.workers if not one.alive]
    alive = [one for one in found.workers if one.alive]
    if not found.workers:
        told.append("No worker is known: nothing is planned, sent or learned until one is started.")
    elif not any(one.stalled is None for one in alive):
        told.append("No worker is at work: no prompt leaves.")
    told += [f"{_name(one)}: {one.stalled}." for one in alive if one.stalled]
    told += [f"{_name(one)} was last seen {ago(one.seen_at, found.at)}." for one in dead]
    if found.open_until is not None:
        paused = sum(_is_open(one, found.at) for one in alive)
        told.append(
            f"Firebase is in trouble: {paused} of {counted(len(alive), 'worker')} send nothing "
            f"until {found.open_until:%H:%M:%S} UTC. What is due waits as long as it is valid."
        )
    if found.waiting.since is not None and found.at - found.waiting.since > timedelta(minutes=1):
        told.append(
            f"{counted(found.waiting.prompts, 'prompt')} due and not sent, the oldest since "
            f"{found.waiting.since:%H:%M:%S} UTC."
        )
    if found.reach.silent_patients:
        told.append(
            f"{counted(found.reach.silent_patients, 'patient')} with a silent phone: no sign of "
            f"life to the last {silent_after} prompts or more. Their therapists see who it is."
        )
    return told


def _facts(found: DeliveryHealth, silent_after: int) -> tuple[tuple[str, str], ...]:
    reach = found.reach
    until = found.open_until
    return (
        ("Due and not sent", str(found.waiting.prompts)),
        ("Firebase", f"in trouble until {until:%H:%M:%S} UTC" if until else "no trouble known"),
        ("Phones in use", str(reach.phones)),
        ("Dead push tokens", str(reach.dead_tokens)),
        (f"Silent phones ({silent_after} prompts)", str(reach.silent_patients)),
    )


def _rows(spans: Sequence[SpanFigures]) -> list[StateRow]:
    counts = [{(one.state, one.reason): one.prompts for one in span.states} for span in spans]
    order = {str(state): place for place, state in enumerate(State)}
    keys = sorted(
        {key for found in counts for key in found},
        key=lambda key: (order.get(key[0], len(order)), -counts[-1].get(key, 0), key[1] or ""),
    )
    return [
        StateRow(
            state=STATE_WORDS[State(state)],
            reason=reason or DASH,
            counts=tuple(found.get((state, reason), 0) for found in counts),
        )
        for state, reason in keys
    ]


def _lateness(span: SpanFigures) -> LatenessView:
    found = span.lateness
    title = SPAN_WORDS.get(span.hours, f"last {span.hours} hours")
    return LatenessView(title=title, sentence=_late_words(found), bars=_bars(found))


def _late_words(found: Lateness) -> str:
    if found.median is None or found.p99 is None or found.latest is None:
        return "Nothing was sent."
    return (
        f"{counted(found.prompts, 'prompt')} sent: half within {seconds_words(found.median)} of "
        f"being due, 99 of 100 within {seconds_words(found.p99)}, the latest after "
        f"{seconds_words(found.latest)}."
    )


def _bars(found: Lateness) -> tuple[Bar, ...]:
    upto = (*found.buckets, found.prompts)
    single = [n - before for before, n in zip((0, *upto), upto, strict=False)]
    longest = max(max(single), 1)
    labels = [f"up to {seconds_words(bound)}" for bound in LATENESS_BOUNDS]
    labels.append(f"over {seconds_words(LATENESS_BOUNDS[-1])}")
    return tuple(
        Bar(label, n, round(100 * n / longest)) for label, n in zip(labels, single, strict=True)
    )


def seconds_words(seconds: float) -> str:
    """Return "0.5 s", "12 s", "2 min" or "2 min 5 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _name(one: WorkerStatus) -> str:
    return f"Worker {one.host}, process {one.pid}" if one.pid is not None else one.owner


def _is_open(one: WorkerStatus, now: datetime) -> bool:
    return one.open_until is not None and one.open_until > now


def _worker(one: WorkerStatus, now: datetime) -> WorkerView:
    state = "at work" if one.alive else "not seen"
    if one.alive and one.stalled:
        state = one.stalled
    late = {name: age for name, age in one.ticks.items() if age >= _LATE}
    ticks = ", ".join(f"{name} {seconds_words(age)} ago" for name, age in sorted(late.items()))
    return WorkerView(
        name=_name(one),
        version=one.version or DASH,
        seen=seconds_words(max((now - one.seen_at).total_seconds(), 0.0)) + " ago",
        state=state,
        trouble=not one.alive or one.stalled is not None,
        breaker=f"open until {one.open_until:%H:%M:%S} UTC" if _is_open(one, now) else "closed",
        ticks=ticks or ("all just now" if one.ticks else DASH),
    )


def _model(learned: LearningState, now: datetime) -> str:
    if learned.version is None:
        return "No model decides yet: adaptive windows are drawn at random."
    return f"Model {learned.version} decides, made {ago(learned.made_at, now)}."


def event_words(event: LearningEvent) -> str:
    """Return what happened to the model, and why if that is on record."""
    known = {str(kind): words for kind, words in EVENT_WORDS.items()}
    head = HEADS.get(str(event.detail.get("head")))
    words = known.get(event.kind, event.kind).format(f" of {head.about}" if head else "")
    if event.version:
        words += f" ({event.version})"
    reasons = event.detail.get("reasons") or event.detail.get("reason") or ()
    told = [reasons] if isinstance(reasons, str) else [str(one) for one in reasons]
    return f"{words}: {'; '.join(told)}" if told else words
