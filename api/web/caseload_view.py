"""The caseload as therapists see it: the last days in counts, and who needs attention, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.compliance import share
from engine.records import CaseloadRow, Counts
from engine.store import ReadTx, health, reports

WEEK = timedelta(days=7)
SILENCE = timedelta(days=3)
FALL = 20
"""Percentage points; compared in whole numbers, so that exactly 20 is not more than 20."""
ENOUGH = 5
"""Delivered prompts each of two weeks must have before they are compared."""

RULES = (
    "an answer in the last 7 days met a clinical rule, such as a risk item of the PHQ-9",
    "no phone is connected",
    "nothing was answered for 3 days although prompts were sent",
    "the phone gave no sign of life to the last prompts sent: no receipt, no answer, no visit",
    "the share answered fell by more than 20 percentage points against the 7 days before "
    "(only where each had at least 5 delivered)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A patient's line: `reasons` say why attention is due, `urgent` that a clinical rule held."""

    row: CaseloadRow
    share: float | None
    reasons: tuple[str, ...]
    urgent: bool


def entries(tx: ReadTx, clinician_id: UUID, now: datetime, *, silent_after: int) -> list[Entry]:
    """Return the clinician's patients, attention first, then by name; days are each one's own."""
    recent = reports.caseload_days(tx, clinician_id, now=now)
    before = reports.caseload_days(tx, clinician_id, now=now, first=13, last=7)
    latest = reports.caseload_days(tx, clinician_id, now=now, first=2)
    silent = health.silent_phones(tx, list(recent), prompts=silent_after, now=now)
    found = [
        _entry(
            row,
            before=before[key].counts,
            latest=latest[key].counts,
            silent=key in silent,
            now=now,
        )
        for key, row in recent.items()
    ]
    return sorted(found, key=lambda one: (not one.urgent, not one.reasons))


def _entry(
    row: CaseloadRow, *, before: Counts, latest: Counts, silent: bool, now: datetime
) -> Entry:
    reasons = attention(row, before=before, latest=latest, now=now, silent=silent)
    return Entry(row=row, share=share(row.counts), reasons=reasons, urgent=_at_risk(row, now))


def _at_risk(row: CaseloadRow, now: datetime) -> bool:
    return row.risk_at is not None and now - row.risk_at < WEEK


def attention(
    row: CaseloadRow, *, before: Counts, latest: Counts, now: datetime, silent: bool = False
) -> tuple[str, ...]:
    """Return why a patient needs attention, in the order of RULES; empty if nothing does.

    `before` counts the 7 days before the row's own, `latest` the last 3 days; `silent` says that
    the phone gave no sign of life to its last prompts.
    """
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: _at_risk(row, now), "Risk answer"),
        (lambda: row.devices == 0, "No phone connected"),
        (lambda: _is_silent(row, latest, now), "Nothing answered for 3 days"),
        (lambda: silent, "Phone silent"),
        (lambda: _has_fallen(row.counts, before), "Answers fell against the week before"),
    )
    return tuple(text for holds, text in checks if holds())


def _is_silent(row: CaseloadRow, latest: Counts, now: datetime) -> bool:
    since = row.last_answer_at or row.patient.created_at
    return latest.sent > 0 and now - since >= SILENCE


def _has_fallen(recent: Counts, before: Counts) -> bool:
    if min(recent.delivered, before.delivered) < ENOUGH:
        return False
    lost = before.answered * recent.delivered - recent.answered * before.delivered
    return 100 * lost > FALL * before.delivered * recent.delivered
