"""Prompts that come at a bad moment: snoozed for some minutes, or "not now, because ..."."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from engine.commands.basis import Basis, locked_basis
from engine.errors import Conflict, FieldFault, FieldsRefused, NotFound
from engine.prompt import UNSENT, Reason
from engine.records import PATIENT_INITIATED, Device, StoredWindow
from engine.repeats import snooze_of
from engine.store import (
    Database,
    ReadTx,
    WriteTx,
    answers,
    learning,
    repeats,
    unavailability,
    windows,
)

SHORTEST, LONGEST = 5, 180
"""Fewest and most minutes of a snooze."""
SAME = timedelta(minutes=SHORTEST)
"""A phone that got no reply asks again for what is left of the wait, and never for less than the
shortest: so near to a snooze that waits, another is that one said again."""
MOST_SNOOZES = 3
SNOOZED = "the patient snoozed it"

Unavailable = Literal["driving", "work", "asleep", "other"]
REASONS: tuple[str, ...] = get_args(Unavailable)


@dataclass(frozen=True, slots=True)
class Snoozed:
    """When the prompt comes again, when it now expires, and how often it may still be snoozed."""

    due_at: datetime
    expires_at: datetime
    left: int


def snooze(
    db: Database, device: Device, prompt_id: UUID, minutes: int, *, now: datetime
) -> Snoozed:
    """Let an open prompt come again in so many minutes; its expiry moves with it.

    Its reminders are dropped: the snooze stands in their place. Said again before it comes, it
    changes nothing. Raises NotFound for another's prompt, Conflict for one that is not open or was
    snoozed often enough, and FieldsRefused when the time is out of range, in quiet hours, or when
    the next one will have come.
    """
    if not SHORTEST <= minutes <= LONGEST:
        raise FieldsRefused(FieldFault("minutes", f"must be from {SHORTEST} to {LONGEST}"))
    due_at = now + timedelta(minutes=minutes)
    with db.write() as tx:
        basis = locked_basis(tx, device.patient_id)
        prompt = _open(tx, device, prompt_id, now)
        if prompt.timing == PATIENT_INITIATED:
            raise Conflict("this was started by hand and does not come by itself")
        snoozes, last = repeats.repeats_of(tx, prompt.id)
        waiting = repeats.waiting_snooze(tx, prompt.id)
        if waiting is not None and abs(waiting[0] - due_at) <= SAME:
            return Snoozed(*waiting, left=MOST_SNOOZES - snoozes)
        if snoozes >= MOST_SNOOZES:
            raise Conflict(f"this prompt has been snoozed {MOST_SNOOZES} times already")
        next_at = _next_at(tx, basis, prompt, now)
        _check(basis, due_at, next_at, now)
        expires_at = due_at + prompt.expires_after
        if next_at is not None:
            expires_at = min(expires_at, next_at)
        windows.cancel_repeats(tx, [prompt.id], SNOOZED, now=now)
        windows.set_expiry(tx, prompt.id, expires_at)
        again = snooze_of(prompt.id, last + 1, due_at=due_at, expires_at=expires_at)
        repeats.add_repeats(tx, [(prompt, again)], now=now)
    return Snoozed(due_at, expires_at, left=MOST_SNOOZES - snoozes - 1)


def not_now(db: Database, device: Device, prompt_id: UUID, reason: str, *, now: datetime) -> None:
    """Note that the patient is not free for an open prompt: driving, at work, asleep, or other.

    It is not open any more, its reminders are dropped, and its silence is no missed prompt and
    nothing to learn from. Said again, it changes nothing. Raises FieldsRefused, NotFound for
    another's prompt, and Conflict for one that is not open.
    """
    if reason not in REASONS:
        raise FieldsRefused(FieldFault("reason", f"must be one of: {', '.join(REASONS)}"))
    with db.write() as tx:
        locked_basis(tx, device.patient_id)
        if unavailability.reason_of(tx, prompt_id) is not None:
            if answers.own_prompts(tx, device.patient_id, [prompt_id]):
                return
            raise NotFound("prompt")
        prompt = _open(tx, device, prompt_id, now)
        unavailability.add_unavailability(
            tx,
            prompt.id,
            patient_id=device.patient_id,
            device_id=device.id,
            reason=reason,
            now=now,
        )
        answers.mark_declined(tx, prompt.id, now)
        learning.drop_silence(tx, prompt.id, now=now)
        windows.cancel_repeats(tx, [prompt.id], Reason.PARENT_DECLINED, now=now)


def _open(tx: WriteTx, device: Device, prompt_id: UUID, now: datetime) -> StoredWindow:
    """Return an open prompt of the patient's. Raises NotFound and Conflict."""
    if not answers.own_prompts(tx, device.patient_id, [prompt_id]):
        raise NotFound("prompt")
    if prompt_id not in {one.id for one in answers.open_prompts(tx, device.patient_id, now=now)}:
        raise Conflict("this prompt is not open any more")
    return windows.windows_by_id(tx, [prompt_id])[prompt_id]


def _next_at(tx: ReadTx, basis: Basis, prompt: StoredWindow, now: datetime) -> datetime | None:
    """Return when the next prompt of the assignment may come, as far as is planned."""
    coming = [
        window.due_at or window.start_at
        for window in windows.windows_from(
            tx, basis.enrolment.id, prompt.local_date - timedelta(days=1)
        )
        if window.assignment == prompt.assignment
        and window.id != prompt.id
        and window.state in UNSENT
        and window.slots[-1] > now
    ]
    return min(coming, default=None)


def _check(basis: Basis, due_at: datetime, next_at: datetime | None, now: datetime) -> None:
    if basis.is_quiet(due_at):
        at = due_at.astimezone(basis.tz).strftime("%H:%M")
        raise FieldsRefused(FieldFault("minutes", f"{at} is in quiet hours; choose fewer"))
    if next_at is not None and due_at >= next_at:
        at = next_at.astimezone(basis.tz).strftime("%H:%M")
        most = max(int((next_at - now).total_seconds() - 1) // 60, 0)
        allowed = f"choose at most {most}" if most >= SHORTEST else "answer this one, or that"
        raise FieldsRefused(FieldFault("minutes", f"the next one may come at {at}; {allowed}"))
