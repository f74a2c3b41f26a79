"""Checking answers against a content item, and the texts that follow from them.

Messages say what is allowed and never repeat what was answered: they end in logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from content.conditions import comparisons, holds
from content.elements import (
    ChoiceItem,
    InfoItem,
    Item,
    MultiItem,
    NumberItem,
    SliderItem,
    TextItem,
    TimeItem,
    YesNoItem,
)
from content.fields import Answer
from content.item import ContentItem
from content.scoring import score
from content.stepping import on_step, tidy
from content.times import normal_time

__all__ = ["Answer", "AnswerFault", "AnswersRefused", "check_answers", "feedback_for", "risk_texts"]

MOST_FAULTS = 100
"""More faults than this are not listed: the sender is not a person filling in a form."""


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """One thing wrong with answers: where (`answers.phq1`) and what is allowed there."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class AnswersRefused(ValueError):
    """Answers that do not fit their content; `faults` says where and what is allowed."""

    def __init__(self, faults: tuple[AnswerFault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


class _Unfit(ValueError):
    """An answer of the wrong kind or outside what is allowed; the message says what is."""


def check_answers(content: ContentItem, answers: Mapping[str, object]) -> dict[str, Answer]:
    """Return the answers normalised and in the order of the items.

    None, blank text and an empty list mean "not answered" and are left out. Raises
    `AnswersRefused` listing every unknown item, answer to an item that is not shown, missing
    required answer, and answer of the wrong type or out of range. Accepts any JSON value.
    """
    if not isinstance(answers, Mapping):
        raise AnswersRefused((AnswerFault("answers", "must be a mapping from item to answer"),))
    known = {item.id for item in content.items}
    faults = [
        AnswerFault(f"answers.{_printable(name)}", f"is not an item of {content.id}")
        for name in list(answers)
        if name not in known
    ][:MOST_FAULTS]
    accepted: dict[str, Answer] = {}
    doubtful: set[str] = set()
    for item in content.items:
        try:
            answer = _checked(item, answers.get(item.id), accepted, doubtful)
        except _Unfit as unfit:
            faults.append(AnswerFault(f"answers.{item.id}", str(unfit)))
            doubtful.add(item.id)
            continue
        if answer is not None:
            accepted[item.id] = answer
    if faults:
        raise AnswersRefused(tuple(faults[:MOST_FAULTS]))
    return accepted


def feedback_for(
    content: ContentItem, answers: Mapping[str, Answer], scores: Mapping[str, float | None]
) -> list[str]:
    """Return the feedback texts whose condition holds, in the order of the document."""
    return [
        one.text for one in content.feedback if one.when is None or holds(one.when, answers, scores)
    ]


def risk_texts(content: ContentItem, answers: Mapping[str, Answer]) -> list[str]:
    """Return the safety texts to show at once, empty if no clinical rule holds.

    Scores are computed here, so that the rules never depend on a caller having done so.
    """
    if content.safety is None:
        return []
    scores = score(content, answers)
    return [rule.text for rule in content.safety.risk if holds(rule.when, answers, scores)]


def _checked(
    item: Item, raw: object, accepted: Mapping[str, Answer], doubtful: set[str]
) -> Answer | None:
    """Return the normalised answer to one item, None if unanswered; raises `_Unfit`."""
    answer = None if raw is None else _normalised(item, raw)
    if item.show_if is not None:
        if any(leaf.item in doubtful for _, leaf in comparisons(item.show_if)):
            # Whether it is shown hangs on an answer already refused: one fault is enough.
            return answer
        if not holds(item.show_if, accepted, {}):
            if answer is not None:
                raise _Unfit("is not shown, given the other answers, so it takes no answer")
            return None
    if answer is None and not isinstance(item, InfoItem) and item.required:
        raise _Unfit("is missing; an answer is required")
    return answer


def _normalised(item: Item, raw: object) -> Answer | None:
    """Return the answer in its normal form, None if blank; raises `_Unfit`."""
    match item:
        case ChoiceItem():
            return _code(item, raw)
        case MultiItem():
            return _codes(item, raw)
        case SliderItem() | NumberItem():
            return _number(item, raw)
        case TextItem():
            return _text(item, raw)
        case YesNoItem():
            if not isinstance(raw, bool):
                raise _Unfit("must be true or false")
            return raw
        case TimeItem():
            time = normal_time(raw)
            if time is None:
                raise _Unfit("must be a time from 00:00 to 23:59, such as 07:30")
            return time
        case InfoItem():
            raise _Unfit("is a text to read and takes no answer")


def _code(item: ChoiceItem, raw: object) -> str:
    codes = [option.code for option in item.options]
    if not isinstance(raw, str) or raw not in codes:
        raise _Unfit(f"must be one of the option codes {_quoted(codes)}")
    return raw


def _codes(item: MultiItem, raw: object) -> list[str] | None:
    codes = [option.code for option in item.options]
    if not isinstance(raw, list) or not all(isinstance(one, str) and one in codes for one in raw):
        raise _Unfit(f"must be a list of option codes out of {_quoted(codes)}")
    if len(set(raw)) != len(raw):
        raise _Unfit("names an option code twice; each may be chosen once")
    return [code for code in codes if code in raw] or None


def _number(item: SliderItem | NumberItem, raw: object) -> int | float:
    allowed = f"a number from {item.min} to {item.max}"
    if item.step is not None:
        allowed += f" in steps of {item.step}"
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    # NaN fails every comparison, so "not inside" refuses it together with infinities.
    if not is_number or not isinstance(raw, int | float) or not item.min <= raw <= item.max:
        raise _Unfit(f"must be {allowed}")
    if item.step is not None and not on_step(raw, item.min, item.step):
        raise _Unfit(f"must be {allowed}")
    return tidy(raw)


def _text(item: TextItem, raw: object) -> str | None:
    if not isinstance(raw, str):
        raise _Unfit("must be text")
    text = raw.strip()
    if len(text) > item.max_chars:
        raise _Unfit(f"must be at most {item.max_chars} characters long")
    # Neither can be stored: half a surrogate pair has no UTF-8, and PostgreSQL refuses NUL.
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _Unfit("must not hold NUL or half a surrogate pair")
    return text or None


def _quoted(codes: list[str]) -> str:
    return ", ".join(f'"{code}"' for code in codes)


def _printable(name: object) -> str:
    """Return an unknown key fit for a message: short and plain ASCII, whatever was sent."""
    text = ascii(name)[1:-1] if isinstance(name, str) else ascii(name)
    return text if len(text) <= 60 else f"{text[:57]}..."
