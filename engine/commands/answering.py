"""Taking what phones report: receipts and responses. Nothing acknowledged is ever lost.

A phone's clock may be wrong. The phone tells its own time when it sends (`device_now`), so what
counts is how long before sending a thing happened; that span ends at our own clock.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from content.answers import check_answers, feedback_for, risk_texts
from content.fields import Answer
from content.item import ContentItem
from content.library import Library, UnknownContent, UnknownContentVersion
from content.scoring import numbers, score
from engine.commands.following import follow, listening
from engine.errors import Conflict, FieldFault, FieldsRefused, NotFound
from engine.events import Answered
from engine.localtime import zone
from engine.prompt import Reason
from engine.records import Device, OpenPrompt, SentPrompt
from engine.store import Database, ReadTx, answers, learning, people, windows

RECEIPT_KINDS = ("delivered", "shown", "opened", "dismissed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptIn:
    """What the phone says happened to a prompt, by its own clock."""

    prompt_id: UUID
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An answer as the phone sent it; `id` is made by the phone and stays the same on retries."""

    id: UUID
    prompt_id: UUID
    content_id: str
    content_version: str
    answers: dict[str, Any]
    opened_at: datetime | None
    answered_at: datetime

    def sha256(self) -> str:
        """Return a digest of everything but the id: equal bodies have equal digests."""
        body = {
            "prompt_id": str(self.prompt_id),
            "content": [self.content_id, self.content_version],
            "answers": self.answers,
            "opened_at": self.opened_at and self.opened_at.isoformat(),
            "answered_at": self.answered_at.isoformat(),
        }
        text = json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the phone is told about a response; the same again for the same body."""

    body: dict[str, Any]


def open_prompts(
    db: Database, device: Device, library: Library, *, now: datetime
) -> list[tuple[OpenPrompt, ContentItem]]:
    """Return the patient's open prompts with their content, oldest first."""
    with db.read() as tx:
        found = answers.open_prompts(tx, device.patient_id, now=now)
    return [
        (prompt, library.get(prompt.content_id)) for prompt in found if prompt.content_id in library
    ]


def corrected(at: datetime, device_now: datetime | None, *, now: datetime) -> datetime:
    """Return the instant of an event on our clock, given the phone's own time of it and of now.

    Without `device_now` the phone's clock is believed, but never into the future.
    """
    if device_now is None:
        return min(at, now)
    return now - max(device_now - at, timedelta(0))


def record_receipts(
    db: Database,
    device: Device,
    receipts: Sequence[ReceiptIn],
    *,
    device_now: datetime | None,
    now: datetime,
) -> int:
    """Store receipts and return how many were new. Raises FieldsRefused; then none is stored."""
    with db.write() as tx:
        own = answers.own_prompts(tx, device.patient_id, [r.prompt_id for r in receipts])
        faults = [
            FieldFault(f"receipts[{place}].prompt_id", "not a prompt sent to this patient")
            for place, receipt in enumerate(receipts)
            if receipt.prompt_id not in own
        ]
        if faults:
            raise FieldsRefused(*faults)
        seen = [
            (r.prompt_id, r.kind, max(corrected(r.at, device_now, now=now), own[r.prompt_id]), r.at)
            for r in receipts
        ]
        return answers.add_receipts(tx, device.id, seen, now=now)


def submit_response(
    db: Database,
    device: Device,
    submission: Submission,
    library: Library,
    *,
    device_now: datetime | None,
    now: datetime,
) -> Reply:
    """Store a response once and return the reply; the same id and body get the same reply.

    An answer after expiry is kept and marked late. Raises NotFound (no such prompt of this
    patient), FieldsRefused, AnswersRefused (each fault names its item), and Conflict when the id
    came before with another body or the prompt is answered already. On any error nothing is
    stored. What the protocol has follow on such an answer is planned in the same transaction, and
    reminders that have not left are dropped.
    """
    with db.write() as tx:
        earlier = _earlier(tx, device, submission)
        if earlier is not None:
            return earlier
        # Locks are taken in the dispatcher's order: the enrolment, then the prompt.
        basis = listening(tx, device.patient_id)
        prompt = answers.prompt_for_answer(tx, device.patient_id, submission.prompt_id)
        if prompt is None:
            raise FieldsRefused(FieldFault("prompt_id", "not a prompt sent to this patient"))
        if prompt.answered_at is not None:
            # The same answer, sent twice at once, may have been stored while we waited here.
            return _repeated(tx, device, submission)
        item = _content(library, submission, prompt.content_id)
        given = check_answers(item, submission.answers)
        at = max(corrected(submission.answered_at, device_now, now=now), prompt.sent_at)
        answers.mark_answered(tx, prompt.id, at, _opened(submission, prompt, device_now, now=now))
        if at - prompt.sent_at <= prompt.within:
            learning.correct_outcome(tx, prompt.id, 1, now=now)
        response = NewResponse(
            submission=submission,
            device=device,
            item=item,
            answers=given,
            answered_at=at,
            late=at >= prompt.expires_at,
            device_now=device_now,
        )
        reply = response.reply(progress_in(tx, device.patient_id, now=now))
        answers.add_response(tx, response.row(reply, now=now))
        windows.cancel_repeats(tx, [prompt.id], Reason.PARENT_ANSWERED, now=now)
        if basis is not None:
            follow(tx, basis, response.happening(), at=at, now=now, cause_id=prompt.id)
    return Reply(reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResponse:
    """An accepted answer on its way into the store."""

    submission: Submission
    device: Device
    item: ContentItem
    answers: dict[str, Answer]
    answered_at: datetime
    late: bool
    device_now: datetime | None

    def reply(self, progress: dict[str, Any]) -> dict[str, Any]:
        """Return what the phone is told."""
        scores = score(self.item, self.answers)
        return {
            "response_id": str(self.submission.id),
            "prompt_id": str(self.submission.prompt_id),
            "answered_at": self.answered_at.isoformat(),
            "late": self.late,
            "feedback": feedback_for(self.item, self.answers, scores),
            "safety": risk_texts(self.item, self.answers),
            "progress": progress,
        }

    def happening(self) -> Answered:
        """Return the answer as what may set off other prompts."""
        return Answered(
            content=self.item.id,
            scores=score(self.item, self.answers),
            items=numbers(self.item, self.answers),
        )

    def row(self, reply: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        """Return the columns of `responses`."""
        skew = (self.device_now - now).total_seconds() if self.device_now else None
        return {
            "id": self.submission.id,
            "prompt_id": self.submission.prompt_id,
            "patient_id": self.device.patient_id,
            "device_id": self.device.id,
            "content_id": self.item.id,
            "content_version": self.item.version,
            "content_sha256": self.item.sha256,
            "answers": self.answers,
            "scores": score(self.item, self.answers),
            "risk": bool(reply["safety"]),
            "late": self.late,
            "answered_at": self.answered_at,
            "device_answered_at": self.submission.answered_at,
            "device_skew_seconds": skew,
            "received_at": now,
            "body_sha256": self.submission.sha256(),
            "reply": reply,
        }


def _earlier(tx: ReadTx, device: Device, submission: Submission) -> Reply | None:
    found = answers.response_by_id(tx, submission.id)
    if found is None:
        return None
    stored, patient_id = found
    if patient_id != device.patient_id or stored.body_sha256 != submission.sha256():
        raise Conflict("this response id was used for another answer")
    return Reply(stored.reply)


def _repeated(tx: ReadTx, device: Device, submission: Submission) -> Reply:
    """Return the reply to the same answer stored meanwhile. Raises Conflict if it is another."""
    earlier = _earlier(tx, device, submission)
    if earlier is None:
        raise Conflict("this prompt has been answered already")
    return earlier


def _opened(
    submission: Submission, prompt: SentPrompt, device_now: datetime | None, *, now: datetime
) -> datetime | None:
    """Return when the prompt was opened, never before it was sent; None if the phone tells not."""
    if submission.opened_at is None:
        return None
    return max(corrected(submission.opened_at, device_now, now=now), prompt.sent_at)


def _content(library: Library, submission: Submission, content_id: str) -> ContentItem:
    if submission.content_id != content_id:
        raise FieldsRefused(FieldFault("content_id", f"this prompt asks for {content_id!r}"))
    try:
        return library.get(content_id, submission.content_version)
    except (UnknownContent, UnknownContentVersion) as error:
        raise FieldsRefused(FieldFault("content_version", str(error))) from error


def progress(db: Database, patient_id: UUID, *, now: datetime) -> dict[str, Any]:
    """Return this week's counts on the patient's own calendar: from, to, answered, sent."""
    with db.read() as tx:
        return progress_in(tx, patient_id, now=now)


def progress_in(tx: ReadTx, patient_id: UUID, *, now: datetime) -> dict[str, Any]:
    """Return the same within a transaction. Raises NotFound."""
    patient = people.patient(tx, patient_id)
    if patient is None:
        raise NotFound("patient")
    first, last = week_of(now.astimezone(zone(patient.zone)).date())
    answered, sent = answers.progress(tx, patient_id, first, last)
    return {"from": first.isoformat(), "to": last.isoformat(), "answered": answered, "sent": sent}


def week_of(day: date) -> tuple[date, date]:
    """Return the Monday and the Sunday around `day`."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)
