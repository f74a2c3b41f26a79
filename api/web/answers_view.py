"""What patients answered, readable: items with their wording, and scores over time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.web import charts, wording
from content.elements import ChoiceItem, Item, MultiItem, NumberItem, SliderItem
from content.library import Library
from engine.records import PromptRecord

ANSWERS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A readable answer: title, when, and (question, answer) in the order asked."""

    title: str
    at: str
    late: bool
    risk: bool
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSeries:
    """A questionnaire's score over time: rows are (date, value, band), oldest first."""

    title: str
    rows: tuple[tuple[str, str, str], ...]
    low: float
    high: float
    points: tuple[charts.Point, ...]
    lines: tuple[tuple[charts.Point, charts.Point], ...]
    sentence: str


def scores(records: Sequence[PromptRecord], library: Library) -> list[ScoreSeries]:
    """Return the series of every questionnaire's scores among the records, in order of date."""
    series = []
    for content in library:
        if content.kind != "questionnaire":
            continue
        for score in content.scores:
            values = [
                (record.local_date, float(record.scores[score.id]))
                for record in records
                if record.content_id == content.id
                and record.scores
                and record.scores.get(score.id) is not None
            ]
            if values:
                bands = [(band.from_, band.to, band.name) for band in score.bands]
                series.append(_series(f"{content.title} {score.id}", values, bands))
    return series


def _series(
    title: str,
    values: Sequence[tuple[date, float]],
    bands: Sequence[tuple[float, float, str]],
) -> ScoreSeries:
    numbers = [value for _, value in values]
    low = min([*numbers, *(band[0] for band in bands)])
    high = max([*numbers, *(band[1] for band in bands)])
    placed, lines = charts.points(values, low, high)
    rows = tuple(
        (wording.day_words(day), f"{value:g}", _band(value, bands)) for day, value in values
    )
    sentence = f"Latest, {rows[-1][0]}: {rows[-1][1]} of {high:g}"
    sentence += f" ({rows[-1][2]})" if rows[-1][2] else ""
    if len(rows) > 1:
        sentence += f"; first shown, {rows[0][0]}: {rows[0][1]}"
    return ScoreSeries(
        title=title,
        rows=rows,
        low=low,
        high=high,
        points=placed,
        lines=lines,
        sentence=f"{sentence}.",
    )


def _band(value: float, bands: Sequence[tuple[float, float, str]]) -> str:
    return next((name for low, high, name in bands if low <= value <= high), "")


def recent(records: Sequence[PromptRecord], library: Library) -> list[Answer]:
    """Return the last ANSWERS_SHOWN answers and every older risk answer, newest first."""
    given = sorted(
        ((record.answered_at, record) for record in records if record.answered_at is not None),
        key=lambda one: one[0],
        reverse=True,
    )
    shown = [one for place, one in enumerate(given) if place < ANSWERS_SHOWN or one[1].risk]
    return [
        Answer(
            title=wording.title_of(library, record.assignment, record.content_id),
            at=wording.moment(at, record.zone),
            late=record.late,
            risk=record.risk,
            lines=tuple(readable(record, library)),
        )
        for at, record in shown
    ]


def readable(record: PromptRecord, library: Library) -> list[tuple[str, str]]:
    """Return (question, answer) pairs in the order asked; unknown items go by their id."""
    answers = dict(record.answers or {})
    items = library.get(record.content_id).items if record.content_id in library else ()
    pairs = [
        (getattr(item, "ask", None) or item.id, answer_words(item, answers.pop(item.id)))
        for item in items
        if item.id in answers
    ]
    return pairs + [(name, str(value)) for name, value in answers.items()]


def answer_words(item: Item, value: object) -> str:
    """Return an answer as the patient saw it: the option's text, the number with its scale."""
    match item:
        case ChoiceItem() | MultiItem():
            texts = {option.code: option.text or option.code for option in item.options}
            codes = value if isinstance(value, list) else [value]
            return ", ".join(texts.get(str(code), str(code)) for code in codes)
        case SliderItem():
            unit = f" {item.unit}" if item.unit else f" of {item.max:g}"
            ends = (
                f" ({item.min:g} {item.ends[0]}, {item.max:g} {item.ends[1]})" if item.ends else ""
            )
            return f"{value}{unit}{ends}"
        case NumberItem():
            return f"{value} {item.unit}" if item.unit else str(value)
        case _ if isinstance(value, bool):
            return "Yes" if value else "No"
        case _:
            return str(value)
