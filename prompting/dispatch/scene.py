"""What bears on a batch as things stand now, and which of its prompts may leave.

Between draw and sending anything may have changed: rules, zone, phones, what else was sent. So all
of it is looked at once more, for the whole batch in a handful of statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from uuid import UUID

from engine.availability import may_send
from engine.commands.basis import current_protocols
from engine.commands.scheduling import WELCOME
from engine.delivery_records import (
    NOTHING,
    DuePrompt,
    Intent,
    Parent,
    Phone,
    Recent,
    Release,
    Uncertain,
    Whereabouts,
)
from engine.localtime import in_quiet_hours, zone, zone_names
from engine.prompt import MOST_UNCERTAIN, PromptKind, Reason, State
from engine.protocol import StudyProtocol
from engine.rules import NO_RULES, PatientRules
from engine.store import WriteTx, devices, rules, sent

LONGEST_GAP = timedelta(days=3)
"""More than the longest minimum gap and the farthest zones together."""
SOON = timedelta(seconds=1)
"""When a prompt is tried again whose patient another worker is at work on."""
_ON_ITS_WAY = frozenset({State.PLANNED, State.RETRY})
_REACHED = frozenset({State.SENDING, State.ACCEPTED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Hold:
    """Where a prompt goes instead of out, and why."""

    state: State
    reason: Reason | None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Rules, zones and phones as they stand now, and what was sent; it counts what it lets go."""

    free: set[UUID]
    protocols: dict[UUID, StudyProtocol]
    rules: dict[UUID, PatientRules]
    whereabouts: dict[UUID, Whereabouts]
    recent: dict[UUID, Recent]
    uncertain: dict[UUID, Uncertain]
    parents: dict[UUID, Parent]
    hours: dict[tuple[int, int, tuple[tzinfo, ...]], tuple[bool, bool]] = field(
        default_factory=dict
    )

    def judge(self, prompt: DuePrompt, now: datetime) -> Intent | Release:
        """Return the intent to send a prompt, or where it goes instead and why."""
        hold = self._hold(prompt, now) or self._intent(prompt, now)
        if isinstance(hold, Intent):
            return hold
        if hold.next_try_at is not None and hold.next_try_at >= prompt.expires_at:
            hold = Hold(State.EXPIRED, hold.reason)  # no try is planned at or after expiry
        return Release(
            prompt_id=prompt.id,
            epoch=prompt.epoch,
            state=hold.state,
            reason=hold.reason,
            next_try_at=hold.next_try_at,
        )

    def _hold(self, prompt: DuePrompt, now: datetime) -> Hold | None:
        if prompt.confirmed_at is not None:
            return Hold(State.ACCEPTED, None)
        if prompt.enrolment_id not in self.free:
            return Hold(State.RETRY, Reason.BUSY, now + SOON)
        if prompt.kind == PromptKind.TEST:
            # Asked for at this moment, so quiet hours, pauses and caps do not bear on it.
            return Hold(State.EXPIRED, Reason.EXPIRED) if now >= prompt.expires_at else None
        protocol = self.protocols[prompt.protocol_id]
        lately = self.recent.get(prompt.enrolment_id, NOTHING)
        return (
            self._kept_by_parent(prompt, now)
            or self._kept_by_rules(prompt, now, protocol, lately)
            or _kept_by_gap(prompt, now, protocol, lately)
        )

    def _kept_by_parent(self, prompt: DuePrompt, now: datetime) -> Hold | None:
        """Return why a reminder is not sent: there is nothing, or not yet, to be reminded of."""
        if prompt.parent_id is None:
            return None
        parent = self.parents[prompt.parent_id]
        if parent.answered:
            return Hold(State.CANCELLED, Reason.PARENT_ANSWERED)
        if parent.declined:
            return Hold(State.CANCELLED, Reason.PARENT_DECLINED)
        distance = prompt.due_at - (parent.due_at or prompt.due_at)
        if parent.state in _ON_ITS_WAY and parent.sent_at is None:
            return Hold(State.RETRY, Reason.PARENT_WAITS, now + max(distance, SOON))
        if parent.state not in _REACHED and parent.sent_at is None:
            return Hold(State.CANCELLED, Reason.PARENT_UNSENT)
        # After an outage a prompt and its reminder may be due together: the distance is kept.
        left_at = parent.sent_at or now
        if prompt.kind == PromptKind.REMINDER and left_at + distance > now:
            return Hold(State.RETRY, Reason.PARENT_WAITS, left_at + distance)
        return None

    def _kept_by_rules(
        self, prompt: DuePrompt, now: datetime, protocol: StudyProtocol, lately: Recent
    ) -> Hold | None:
        its = self.whereabouts[prompt.patient_id]
        zones = _zones(prompt, its)
        if not zones:
            return Hold(State.CANCELLED, Reason.NO_ZONE)
        own = self.rules.get(prompt.patient_id, NO_RULES)
        if prompt.assignment in own.without:
            return Hold(State.CANCELLED, Reason.LEFT_OUT)
        quiet, paused = self._hours(protocol, own, zones, now)
        counts = prompt.kind == PromptKind.PROMPT and prompt.sent_at is None
        refusal = may_send(
            now,
            expires_at=prompt.expires_at,
            quiet=quiet,
            paused=paused,
            sent_today=lately.on.get(prompt.local_date, 0),
            sent_in_24h=_sent_while_travelling(its, lately),
            per_day=own.capped(protocol.limits) if counts else None,
        )
        if refusal is None:
            return None
        return Hold(State.EXPIRED if refusal is Reason.EXPIRED else State.CANCELLED, refusal)

    def _hours(
        self, protocol: StudyProtocol, own: PatientRules, zones: tuple[tzinfo, ...], now: datetime
    ) -> tuple[bool, bool]:
        """Return whether these are quiet hours, and a pause day, in any of these zones.

        Worked out once for all patients of a batch to whom the same applies.
        """
        key = (id(protocol), id(own), zones)
        if key not in self.hours:
            spans = (*protocol.quiet_hours, *own.quiet_hours)
            self.hours[key] = (
                any(in_quiet_hours(now, tz, spans) for tz in zones),
                any(own.paused(now.astimezone(tz).date()) for tz in zones),
            )
        return self.hours[key]

    def _intent(self, prompt: DuePrompt, now: datetime) -> Intent | Hold:
        """Return the intent to send a prompt, and count it as sent for those behind it."""
        before = self.uncertain.get(prompt.id)
        phone = self._phone(prompt, before)
        if phone is None:
            return Hold(State.FAILED, Reason.SAME_PHONE if before else Reason.NO_PHONE)
        if before is not None and before.attempts >= MOST_UNCERTAIN:
            return Hold(State.UNKNOWN, Reason.NO_CLEAR_ANSWER)
        if prompt.kind == PromptKind.PROMPT and prompt.sent_at is None:
            self._count(prompt, now)
        return Intent.of(prompt, phone, uncertain=before.attempts if before else 0)

    def _phone(self, prompt: DuePrompt, before: Uncertain | None) -> Phone | None:
        """Return the newest phone; what may be out is repeated to the phone that may have it."""
        reachable = (d for d in self.whereabouts[prompt.patient_id].phones if d.push_token)
        if before is None:
            return next(reachable, None)
        return next((d for d in reachable if d.id == before.device_id and d.deduplicates), None)

    def _count(self, prompt: DuePrompt, now: datetime) -> None:
        before = self.recent.get(prompt.enrolment_id, NOTHING)
        self.recent[prompt.enrolment_id] = Recent(
            last_at=now,
            in_24h=before.in_24h + 1,
            zones=before.zones | {prompt.zone},
            on={**before.on, prompt.local_date: before.on.get(prompt.local_date, 0) + 1},
        )


def _sent_while_travelling(its: Whereabouts, lately: Recent) -> int:
    """Return what left in the last 24 hours, if some of it was planned in another zone.

    A day of 30 hours, or a date lived twice, must not bring more than a day's prompts. Where
    nobody travels the cap of the local date says it all, and this one would bite too early.
    """
    return 0 if lately.zones <= {its.zone} else lately.in_24h


def _kept_by_gap(
    prompt: DuePrompt, now: datetime, protocol: StudyProtocol, lately: Recent
) -> Hold | None:
    # The first prompt of a phone is awaited there and then; a reminder follows its prompt.
    if lately is NOTHING or prompt.assignment == WELCOME or prompt.kind != PromptKind.PROMPT:
        return None
    if prompt.cause_id is not None:
        return None  # it follows its cause closely; its gap to others was seen to at the draw
    if lately.last_at == prompt.left_at:
        return None  # this prompt itself, which may have arrived
    free_at = lately.last_at + protocol.limits.min_gap
    return Hold(State.RETRY, Reason.GAP, free_at) if free_at > now else None


def _zones(prompt: DuePrompt, its: Whereabouts) -> tuple[tzinfo, ...]:
    """Return where the patient may be: the last confirmed zone, and all that phones dispute."""
    return _usable(its.zone, frozenset(phone.zone for phone in its.phones), prompt.zone)


@lru_cache(maxsize=4096)
def _usable(confirmed: str, reported: frozenset[str], planned: str) -> tuple[tzinfo, ...]:
    """Return the zones that count, of the one last confirmed and those phones report.

    A zone our data does not know (any more) is not taken for UTC: the one the prompt was planned
    in stands in for it.
    """
    names = {confirmed} | (reported if len(reported) > 1 else frozenset())
    usable = names & zone_names() or {planned} & zone_names()
    return tuple(zone(name) for name in sorted(usable))


def look(tx: WriteTx, due: Sequence[DuePrompt], now: datetime) -> Scene:
    """Return the scene of a batch; its enrolments stay locked until the transaction ends.

    Two workers with a prompt each for one patient must see each other's: the second finds the
    enrolment taken and tries again soon.
    """
    enrolments = list({prompt.enrolment_id for prompt in due})
    patients = list({prompt.patient_id for prompt in due})
    return Scene(
        free=sent.lock_free(tx, enrolments),
        protocols=current_protocols(tx, {prompt.protocol_id for prompt in due}),
        rules=rules.rules_of(tx, patients),
        whereabouts=devices.whereabouts(tx, patients),
        recent=sent.recent(tx, enrolments, now=now, since=now.date() - LONGEST_GAP),
        uncertain=sent.uncertain(tx, [prompt.id for prompt in due if prompt.attempts]),
        parents=sent.parents(tx, [p.parent_id for p in due if p.parent_id is not None]),
    )
