"""One patient as the therapist sees them: figures, charts and answers from records, pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from api.web import answers_view, charts, wording
from api.web.answers_view import Answer, ScoreSeries
from api.web.protocol_words import protocol_words
from api.web.schedule_times import wall_times
from content.library import Library
from engine import compliance
from engine.compliance import TimeBin
from engine.localtime import zone
from engine.records import Counts, Device, Patient, PromptRecord, ProtocolVersion

BIN_HOURS = 2
FEW = 8
"""With fewer delivered prompts a share is called too few to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A prompt in the table of all prompts, in words."""

    id: UUID
    day: str
    title: str
    place: str
    state: str
    answered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientView:
    """All that the patient page shows."""

    patient: Patient
    weeks: int
    span: str
    sentences: list[str]
    week: Counts
    risks: list[str]
    timeline: charts.Timeline
    lines: list[Line]
    times: tuple[charts.Dot, ...]
    time_sentences: list[str]
    assignments: list[tuple[str, Counts]]
    total: Counts
    scores: list[ScoreSeries]
    answers: list[Answer]
    protocol: dict[str, str]
    version: int
    saved: str
    device: Device | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the page is made from; `records` of `weeks` (at least two) up to today."""

    patient: Patient
    records: Sequence[PromptRecord]
    versions: Sequence[ProtocolVersion]
    device: Device | None
    library: Library
    weeks: int
    now: datetime

    @property
    def today(self) -> date:
        """The patient's own date."""
        return self.now.astimezone(zone(self.patient.zone)).date()

    @property
    def days(self) -> list[date]:
        """The dates shown, newest first."""
        return [self.today - timedelta(days=ahead) for ahead in range(7 * self.weeks)]

    @property
    def shown(self) -> list[PromptRecord]:
        """The records of the weeks shown."""
        return self.between(0, 7 * self.weeks - 1)

    def between(self, last: int, first: int) -> list[PromptRecord]:
        """Return the records from `first` to `last` days before today."""
        start, end = self.today - timedelta(days=first), self.today - timedelta(days=last)
        return [record for record in self.records if start <= record.local_date <= end]

    def title(self, record: PromptRecord) -> str:
        """Return the name of a record's assignment."""
        return wording.title_of(self.library, record.assignment, record.content_id)

    def at(self, instant: datetime) -> str:
        """Return an instant in words on the patient's clock."""
        return wording.moment(instant, self.patient.zone)


def first_day(now: datetime, patient: Patient, weeks: int) -> date:
    """Return the first local date whose records the page needs."""
    today = now.astimezone(zone(patient.zone)).date()
    return today - timedelta(days=7 * max(weeks, 2) - 1)


def patient_view(sources: Sources) -> PatientView:
    """Return the page's content."""
    shown = sources.shown
    current = sources.versions[0]
    bins = compliance.by_time_of_day([r for r in shown if r.timing in charts.DRAWN], BIN_HOURS)
    days = sources.days
    return PatientView(
        patient=sources.patient,
        weeks=sources.weeks,
        span=wording.day_span(days[-1], days[0]),
        sentences=_summary(sources, shown),
        week=compliance.tally(sources.between(0, 6)),
        risks=[
            f"{sources.title(record)}, {sources.at(record.answered_at)}"
            for record in reversed(shown)
            if record.risk and record.answered_at
        ],
        timeline=charts.timeline(
            shown,
            days,
            [wording.day_words(day) for day in days],
            charts.span_of(shown, wall_times(current.document)),
        ),
        lines=[_line(sources, record) for record in reversed(shown)],
        times=charts.dots(bins, BIN_HOURS, FEW),
        time_sentences=_time_sentences(bins),
        assignments=_by_title(sources, shown),
        total=compliance.tally(shown),
        scores=answers_view.scores(shown, sources.library),
        answers=answers_view.recent(shown, sources.library),
        protocol=protocol_words(current.document, sources.library),
        version=current.version,
        saved=f"saved by {current.created_by} on {sources.at(current.created_at)}",
        device=sources.device,
    )


def _summary(sources: Sources, shown: Sequence[PromptRecord]) -> list[str]:
    week, before = sources.between(0, 6), sources.between(7, 13)
    counts = compliance.tally(shown)
    lines = [f"Last 7 days: {wording.answered_words(compliance.tally(week))}."]
    if before:
        lines.append(f"The 7 days before: {wording.answered_words(compliance.tally(before))}.")
    lines.append(
        f"Last {wording.counted(sources.weeks, 'week')}: {wording.answered_words(counts)}."
    )
    latency = compliance.median_latency(shown)
    if latency is not None:
        late = compliance.late(shown)
        told = f"{late} of {counts.answered}" if late else "none"
        lines.append(
            f"Half of the {wording.counted(counts.answered, 'answer')} came within "
            f"{wording.span_words(latency)}; after the prompt had ended: {told}."
        )
    if counts.sent > counts.delivered:
        lines.append(
            f"{counts.sent - counts.delivered} of {counts.sent} sent were not reported as "
            "delivered by the phone."
        )
    return lines


def _line(sources: Sources, record: PromptRecord) -> Line:
    name = sources.patient.zone
    return Line(
        id=record.id,
        day=wording.day_words(record.local_date),
        title=sources.title(record),
        place=wording.clock(record.sent_at or record.due_at, name)
        if record.sent_at or record.due_at
        else f"{wording.clock(record.start_at, name)}{wording.DASH}"
        f"{wording.clock(record.end_at, name)}",
        state=wording.state_words(record),
        answered=wording.clock(record.answered_at, name),
    )


def _time_sentences(bins: Sequence[TimeBin]) -> list[str]:
    told = [one for one in bins if one.delivered >= FEW]
    few = [one for one in bins if 0 < one.delivered < FEW]
    lines = []
    if len(told) > 1:
        best, worst = max(told, key=_rate), min(told, key=_rate)
        lines.append(f"Answered most at {_hours(best)}: {_told(best)}.")
        lines.append(f"Answered least at {_hours(worst)}: {_told(worst)}.")
        if (best.low or 0) <= (worst.high or 1):
            lines.append("The two intervals overlap, so the difference may be chance.")
    elif told:
        lines.append(f"Answered at {_hours(told[0])}: {_told(told[0])}.")
    if few:
        listed = ", ".join(f"{_hours(one)} ({one.delivered})" for one in few)
        lines.append(f"Too few to tell (under {FEW} delivered): {listed}.")
    return lines or ["Nothing was delivered yet, so there is nothing to tell."]


def _rate(one: TimeBin) -> float:
    return one.rate or 0.0


def _hours(one: TimeBin) -> str:
    return f"{one.start_hour} to {one.start_hour + BIN_HOURS} h"


def _told(one: TimeBin) -> str:
    return wording.interval_words(one.answered, one.delivered)


def _by_title(sources: Sources, shown: Sequence[PromptRecord]) -> list[tuple[str, Counts]]:
    titles = {record.assignment: sources.title(record) for record in shown}
    return [(titles[key], counts) for key, counts in compliance.by_assignment(shown).items()]
