"""Compliance figures from prompt records: pure counts, shares and intervals.

Compliance is answered / delivered. A prompt that never reached the phone says nothing about the
person, so it is not in the denominator; planned and sent stand beside it, so that a poor delivery
cannot hide behind a good share. Late answers count as answered; `late` tells how many there are.
What patients start by themselves, and draws for no prompt, are no part of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from scipy.stats import binomtest

from engine.localtime import zone
from engine.records import Counts, PromptRecord

CONFIDENCE = 0.95
HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBin:
    """Answers to prompts sent in one stretch of the local day, from `start_hour` on.

    `rate` is answered / delivered with the Wilson 95 % interval [low, high]; all three are None
    where nothing was delivered.
    """

    start_hour: int
    sent: int
    delivered: int
    answered: int
    rate: float | None
    low: float | None
    high: float | None


def tally(records: Iterable[PromptRecord]) -> Counts:
    """Return how far these prompts came; each later stage implies those before it.

    What the patient started, and decisions not to prompt, are left out.
    """
    planned = sent = delivered = opened = answered = 0
    for record in records:
        if not record.counts:
            continue
        planned += 1
        sent += record.sent_at is not None
        delivered += record.delivered_at is not None
        opened += record.opened_at is not None
        answered += record.answered_at is not None
    return Counts(planned=planned, sent=sent, delivered=delivered, opened=opened, answered=answered)


def by_assignment(records: Iterable[PromptRecord]) -> dict[str, Counts]:
    """Return the counts of each assignment, in alphabetical order."""
    groups: dict[str, list[PromptRecord]] = {}
    for record in records:
        groups.setdefault(record.assignment, []).append(record)
    return {assignment: tally(groups[assignment]) for assignment in sorted(groups)}


def late(records: Iterable[PromptRecord]) -> int:
    """Return how many answers came after their prompt had expired."""
    return sum(
        record.counts and record.answered_at is not None and record.late for record in records
    )


def share(counts: Counts) -> float | None:
    """Return compliance, answered / delivered; None where nothing was delivered."""
    return counts.answered / counts.delivered if counts.delivered else None


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, [low, high] within [0, 1].

    Wilson (1927), Probable inference, the law of succession, and statistical inference: the score
    interval, which behaves with few trials and at 0 and 1. Raises ValueError unless
    0 <= successes <= trials and trials >= 1.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"no share: {successes} of {trials}")
    found = binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def by_time_of_day(records: Iterable[PromptRecord], bin_hours: int = 2) -> list[TimeBin]:
    """Return one bin for each `bin_hours` of the local day, by the instant of sending.

    Prompts that were not sent are left out. Raises ValueError unless `bin_hours` divides 24.
    """
    if bin_hours < 1 or HOURS % bin_hours:
        raise ValueError(f"bin_hours: {bin_hours} does not divide 24")
    bins: list[list[PromptRecord]] = [[] for _ in range(HOURS // bin_hours)]
    for record in records:
        if record.sent_at is not None:
            bins[record.sent_at.astimezone(zone(record.zone)).hour // bin_hours].append(record)
    return [_time_bin(place * bin_hours, group) for place, group in enumerate(bins)]


def _time_bin(start_hour: int, records: Sequence[PromptRecord]) -> TimeBin:
    counts = tally(records)
    low, high = wilson(counts.answered, counts.delivered) if counts.delivered else (None, None)
    return TimeBin(
        start_hour=start_hour,
        sent=counts.sent,
        delivered=counts.delivered,
        answered=counts.answered,
        rate=share(counts),
        low=low,
        high=high,
    )


def median_latency(records: Iterable[PromptRecord]) -> timedelta | None:
    """Return the median time from sending to answering; None where nothing was answered."""
    spans = [
        (record.answered_at - record.sent_at).total_seconds()
        for record in records
        if record.sent_at is not None and record.answered_at is not None
    ]
    return timedelta(seconds=median(spans)) if spans else None
