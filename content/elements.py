"""The parts of a content document: items of each type, licence, scores, feedback and safety."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from content.conditions import Condition
from content.fields import (
    Code,
    Line,
    Loinc,
    LoincAnswer,
    Many,
    Name,
    Number,
    Paragraph,
    Spdx,
    Strict,
    counted,
)


class Option(Strict):
    """One option of a choice or multi item; `value` is the number it adds to a score."""

    code: Code
    text: Line | None = None
    value: Number | None = None
    loinc: LoincAnswer | None = None


class _Asked(Strict):
    """What all items that take an answer have in common."""

    id: Name
    ask: Paragraph | None = None
    required: bool = False
    show_if: Condition | None = None
    loinc: Loinc | None = None


Options = Annotated[Many[Option], counted(2, 50)]


class ChoiceItem(_Asked):
    """One option of several; the answer is its code."""

    type: Literal["choice"]
    options: Options


class MultiItem(_Asked):
    """Any number of options; the answer is a list of codes in the order of the options."""

    type: Literal["multi"]
    options: Options


class SliderItem(_Asked):
    """A number on a line from `min` to `max` in steps; `ends` are the words at the two ends."""

    type: Literal["slider"]
    min: Number = 0
    max: Number = 100
    step: Annotated[Number, Field(ge=0.000001)] = 1
    ends: Annotated[Many[Line], counted(2, 2)] | None = None
    unit: Line | None = None


class NumberItem(_Asked):
    """A typed number from `min` to `max`; with `step`, only min, min + step and so on."""

    type: Literal["number"]
    min: Number
    max: Number
    step: Annotated[Number, Field(ge=0.000001)] | None = None
    unit: Line | None = None


class TextItem(_Asked):
    """Free text of at most `max_chars` characters."""

    type: Literal["text"]
    max_chars: Annotated[int, Field(ge=1, le=10_000)] = 1000


class YesNoItem(_Asked):
    """Yes or no; the answer is true or false."""

    type: Literal["yesno"]


class TimeItem(_Asked):
    """A local time of day; the answer is text, `"HH:MM"` from 00:00 to 23:59."""

    type: Literal["time"]


class InfoItem(Strict):
    """A text to read; it takes no answer."""

    type: Literal["info"]
    id: Name
    text: Paragraph | None = None
    show_if: Condition | None = None


ITEM_MODELS: dict[str, type[Strict]] = {
    "choice": ChoiceItem,
    "multi": MultiItem,
    "slider": SliderItem,
    "number": NumberItem,
    "text": TextItem,
    "yesno": YesNoItem,
    "time": TimeItem,
    "info": InfoItem,
}


def _item_tag(value: object) -> str | None:
    """Return the tag of the item's model by its `type`, or None if there is no such type."""
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    model = ITEM_MODELS.get(kind) if isinstance(kind, str) else None
    return f"~{model.__name__}" if model else None


Item = Annotated[
    Annotated[ChoiceItem, Tag("~ChoiceItem")]
    | Annotated[MultiItem, Tag("~MultiItem")]
    | Annotated[SliderItem, Tag("~SliderItem")]
    | Annotated[NumberItem, Tag("~NumberItem")]
    | Annotated[TextItem, Tag("~TextItem")]
    | Annotated[YesNoItem, Tag("~YesNoItem")]
    | Annotated[TimeItem, Tag("~TimeItem")]
    | Annotated[InfoItem, Tag("~InfoItem")],
    Discriminator(
        _item_tag,
        custom_error_type="item_type",
        custom_error_message=f"must be one of {', '.join(ITEM_MODELS)}",
    ),
]


class Licence(Strict):
    """Who holds the rights and on what terms; `restricted` content ships without its texts."""

    spdx: Spdx
    holder: Line
    source: Paragraph
    notice: Paragraph | None = None
    restricted: bool = False


class Therapy(Strict):
    """Where the content belongs in a treatment: model, module and the first week it fits."""

    model: Line
    module: Line | None = None
    week_from: Annotated[int, Field(ge=1, le=200)] | None = None


class Band(Strict):
    """A named range of a score, both ends included."""

    from_: Number = Field(alias="from")
    to: Number
    name: Line


class Score(Strict):
    """How answers become a number.

    `sum` and `mean` take one item or more, `difference` is the first item minus the second.
    Items in `reverse` count from the other end of their range (min + max - answer). With
    `missing: skip` one missing answer leaves the score empty; with `prorate` up to `max_missing`
    answers are replaced by the mean of the others.
    """

    id: Name
    kind: Literal["sum", "mean", "difference"]
    items: Annotated[Many[Name], counted(1)]
    reverse: Many[Name] = ()
    missing: Literal["skip", "prorate"] = "skip"
    max_missing: Annotated[int, Field(ge=1)] | None = None
    bands: Many[Band] = ()
    loinc: Loinc | None = None


class Feedback(Strict):
    """A text shown after the last answer when its condition holds (always, if it has none)."""

    when: Condition | None = None
    text: Paragraph


class Risk(Strict):
    """A clinical rule: when it holds, `text` is shown at once and the therapist is alerted."""

    when: Condition
    text: Paragraph


class Safety(Strict):
    """The clinical rules of a document; they are never learned, delayed or suppressed."""

    risk: Annotated[Many[Risk], counted(1)]


def numeric_bounds(item: Item) -> tuple[float, float] | None:
    """Return the lowest and highest number an answer can count for, or None if it has none."""
    if isinstance(item, SliderItem | NumberItem):
        return item.min, item.max
    if isinstance(item, YesNoItem):
        return 0, 1
    if isinstance(item, ChoiceItem):
        values = [option.value for option in item.options if option.value is not None]
        return (min(values), max(values)) if len(values) == len(item.options) else None
    return None
