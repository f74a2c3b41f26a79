"""The curve "when is this patient reachable": places of the chart and plain words, pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.web import charts, wording
from api.web.schedule_times import wall_times
from models.reachability import Reach

HALF = 0.5
DAY_HOURS = 24
ALIKE = 0.02
"""Chances this near to each other are told as one stretch of time."""
BAR = 24
"""Height of the bar of the half hour with the most prompts behind it, in pixels."""
DAY_TYPES = ("work days", "days off")


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfHour:
    """A half hour that begins at `start`: chance, 95 % interval, prompts behind it."""

    start: float
    mean: float
    low: float
    high: float
    n: float

    @property
    def label(self) -> str:
        """Return it like "9:00 to 9:30"."""
        return f"{hour_words(self.start)} to {hour_words(self.start + HALF)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A half hour on the chart: `x`, `width` percent, the rest pixels; `before` is the last y."""

    x: float
    width: float
    y: float
    before: float
    top: float
    bottom: float
    bar: float
    half_hour: HalfHour


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveView:
    """One type of day: the whole of it, and the schedule's hours as chart and words."""

    days: str
    whole_day: tuple[HalfHour, ...]
    steps: tuple[Step, ...]
    ticks: tuple[charts.Tick, ...]
    most: float
    sentences: list[str]


def curve_views(
    curves: tuple[Reach, Reach] | None, document: Mapping[str, Any]
) -> tuple[CurveView, ...]:
    """Return work days and days off, over the hours the protocol uses; empty without curves."""
    first, last = charts.span_of((), wall_times(document))
    span = (first, min(last, DAY_HOURS))
    return tuple(
        _view(days, reach, span) for days, reach in zip(DAY_TYPES, curves or (), strict=False)
    )


def hour_words(hour: float) -> str:
    """Return an hour of day like "9:30"."""
    minutes = round(hour * 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def _view(days: str, reach: Reach, span: tuple[int, int]) -> CurveView:
    columns = (reach.hours - HALF / 2, reach.mean, reach.low, reach.high, reach.n)
    whole = tuple(
        HalfHour(start=start, mean=mean, low=low, high=high, n=n)
        for start, mean, low, high, n in zip(*(one.tolist() for one in columns), strict=True)
    )
    shown = [one for one in whole if span[0] <= one.start < span[1]]
    return CurveView(
        days=days,
        whole_day=whole,
        steps=tuple(_steps(shown, span)),
        ticks=charts.hour_ticks(*span),
        most=max(one.n for one in shown),
        sentences=_sentences(days, shown, sum(one.n for one in whole)),
    )


def _steps(shown: Sequence[HalfHour], span: tuple[int, int]) -> list[Step]:
    most = max(1.0, *(one.n for one in shown))
    width = 100 * HALF / (span[1] - span[0])
    return [
        Step(
            x=round(place * width, 3),
            width=round(width, 3),
            y=charts.share_y(one.mean),
            before=charts.share_y(shown[max(place - 1, 0)].mean),
            top=charts.share_y(one.high),
            bottom=charts.share_y(one.low),
            bar=round(BAR * one.n / most, 1),
            half_hour=one,
        )
        for place, one in enumerate(shown)
    ]


def _sentences(days: str, shown: Sequence[HalfHour], n: float) -> list[str]:
    means = [one.mean for one in shown]
    best, worst = shown[means.index(max(means))], shown[means.index(min(means))]
    lines = []
    if best.mean - worst.mean < 2 * ALIKE:
        lines.append(f"On {days} no time stands out: an answer in time is {_chance(best)} likely.")
    else:
        lines.append(
            f"On {days} an answer in time is most likely {_stretch(shown, best)}: {_chance(best)}. "
            f"It is least likely {_stretch(shown, worst)}: {_chance(worst)}."
        )
        if best.low <= worst.high:
            lines.append("The two intervals overlap, so the difference may be chance.")
    lines.append(_behind(days, n))
    return lines


def _stretch(shown: Sequence[HalfHour], peak: HalfHour) -> str:
    """Return "from 17:00 to 18:30": the half hours around the peak that hardly differ from it."""
    first = last = shown.index(peak)
    while first > 0 and abs(shown[first - 1].mean - peak.mean) <= ALIKE:
        first -= 1
    while last + 1 < len(shown) and abs(shown[last + 1].mean - peak.mean) <= ALIKE:
        last += 1
    return f"from {hour_words(shown[first].start)} to {hour_words(shown[last].start + HALF)}"


def _chance(one: HalfHour) -> str:
    low, high = f"{one.low * 100:.0f}", wording.percent(one.high)
    return f"{wording.percent(one.mean)} (95 % interval {low} to {high})"


def _behind(days: str, n: float) -> str:
    if n < HALF:
        return (
            f"No prompt of this patient's on {days} is behind it yet: it shows how people "
            "usually answer."
        )
    counted = wording.counted(round(n), "prompt")
    return f"Behind it: {counted} of this patient's on {days}, and how people usually answer."
