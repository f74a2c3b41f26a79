"""Where a patient's course stands: phases, events, own rules, phones, moments that did not suit."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from api.web import wording
from api.web.protocol_words import phase_words, spans_words, titles_of
from content.library import Library
from engine.commands import holding, milestones, patient_rules
from engine.commands.basis import Basis, basis_for
from engine.commands.holding import DeviceSchedule
from engine.phases import phase_on, timeline
from engine.protocol import StudyProtocol
from engine.records import Milestone, Patient, PromptRecord
from engine.rules import PatientRules, Pause
from engine.store import Database

BY_PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """A phase with its dates, as far as they are known; `note` says how it is meant."""

    name: str
    span: str
    note: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event the course waits for: its date in words and as a form has it, and who entered it."""

    name: str
    title: str
    on: str | None
    iso: str
    by: str


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone: what it is, which versions it holds since when, and whether that is the newest."""

    platform: str
    zone: str
    holds: str
    as_of: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All of it in words; `unsuited` says how often a moment did not suit, and why.

    `first` and `last` are the dates between which an event may be entered.
    """

    phases: list[PhaseLine]
    events: list[EventLine]
    first: str
    last: str
    rules: list[tuple[str, str]]
    rules_version: int
    unsuited: str | None
    phones: list[PhoneLine]


def course_of(
    db: Database,
    patient: Patient,
    library: Library,
    records: Sequence[PromptRecord],
    *,
    now: datetime,
) -> Course:
    """Return where the patient's course stands; `records` are those of the time shown."""
    with db.read() as tx:
        basis = basis_for(tx, patient.id)
    waited, recorded = milestones.milestones_for(db, patient.id)
    rules, rules_version = patient_rules.rules_for(db, patient.id)
    return Course(
        phases=phase_lines(basis, basis.protocol, basis.day_of(now)),
        events=event_lines(waited, recorded),
        first=(basis.enrolment.first_day - milestones.FARTHEST).isoformat(),
        last=(basis.day_of(now) + milestones.FARTHEST).isoformat(),
        rules=rules_words(rules, titles_of(basis.version.document, library)),
        rules_version=rules_version,
        unsuited=unsuited_words(records),
        phones=[_phone(one, patient.zone) for one in holding.held_by_devices(db, patient.id)],
    )


def phase_lines(basis: Basis, protocol: StudyProtocol, today: date) -> list[PhaseLine]:
    """Return the phases of a protocol, which may be a draft, with the dates of this course."""
    spans = timeline(protocol.phases, basis.enrolment.first_day, basis.milestones)
    stage = phase_on(protocol.phases, today, basis.enrolment.first_day, basis.milestones)
    lines = []
    for place, phase in enumerate(protocol.phases):
        known = spans[place] if place < len(spans) else None
        is_now = stage is not None and stage.phase == phase
        words = phase_words(phase.model_dump(mode="json", exclude_none=True))
        span = _span(known.first, known.end) if known else "begins after the one before"
        lines.append(PhaseLine(phase.name, span, words.removeprefix(phase.name).strip(), is_now))
    return lines


def _span(first: date, end: date | None) -> str:
    if end is None:
        return f"from {wording.date_words(first)} on"
    if end <= first:
        return "skipped: over before it began"
    return f"{wording.date_words(first)} to {wording.date_words(end - timedelta(days=1))}"


def event_lines(waited: Sequence[str], recorded: Sequence[Milestone]) -> list[EventLine]:
    """Return a line for each event the protocol waits for, entered or not."""
    known: Mapping[str, Milestone] = {one.name: one for one in recorded}
    return [_event(name, known.get(name)) for name in waited]


def _event(name: str, entered: Milestone | None) -> EventLine:
    title = name.replace("-", " ").replace("_", " ").replace(".", " ").capitalize()
    if entered is None:
        return EventLine(name, title, None, "", "")
    on = entered.local_date
    return EventLine(name, title, wording.date_words(on), on.isoformat(), entered.recorded_by)


def rules_words(rules: PatientRules, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what the patient has set as label and text; empty if that is nothing."""
    return list(_rules(rules, titles))


def _rules(rules: PatientRules, titles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    written = rules.model_dump(mode="json", by_alias=True)
    if rules.quiet_hours:
        yield "Own quiet hours", spans_words(written["quiet_hours"])
    if rules.pauses:
        yield "Pause days", "; ".join(_pause(pause) for pause in rules.pauses)
    if rules.per_day is not None:
        yield "At most a day", str(rules.per_day)
    if rules.without:
        yield "Left out", ", ".join(titles.get(name, name) for name in rules.without)


def _pause(pause: Pause) -> str:
    first = wording.date_words(pause.from_)
    if pause.to is None:
        return f"from {first} until taken back"
    return first if pause.to == pause.from_ else f"{first} to {wording.date_words(pause.to)}"


def unsuited_words(records: Sequence[PromptRecord]) -> str | None:
    """Return "3 times: 2 at work, 1 driving", None where every moment suited."""
    reasons = Counter(one.unavailable for one in records if one.unavailable is not None)
    if not reasons:
        return None
    told = [
        f"{count} {wording.UNAVAILABLE.get(reason, reason)}"
        for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return f"{wording.counted(reasons.total(), 'time')}: {', '.join(told)}"


def _phone(one: DeviceSchedule, zone_name: str) -> PhoneLine:
    held = one.held
    if held.schedule_at is None or held.version is None:
        return PhoneLine(held.platform, held.zone, "has not asked for the schedule yet", "", False)
    rules = f", own rules {held.rules_version}" if held.rules_version else ""
    return PhoneLine(
        platform=held.platform,
        zone=held.zone,
        holds=f"version {held.version}{rules}",
        as_of=wording.moment(held.schedule_at, zone_name),
        is_current=one.is_current,
    )
