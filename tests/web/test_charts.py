"""Places on the therapist's charts, and the words beside them."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web import charts, wording
from engine import compliance
from engine.localtime import zone
from engine.prompt import State
from engine.records import Counts, PromptRecord

DAY = date(2026, 11, 20)


def prompt(hour=10.0, *, day=DAY, zone_name="Europe/Berlin", **changes):
    midnight = datetime.combine(day, time(0), zone(zone_name)).astimezone(UTC)
    sent_at = midnight + timedelta(hours=hour)
    values = {
        "id": UUID(int=1),
        "assignment": "checkin.momentary",
        "content_id": "checkin.momentary",
        "local_date": day,
        "zone": zone_name,
        "start_at": midnight + timedelta(hours=9),
        "end_at": midnight + timedelta(hours=12),
        "state": State.ACCEPTED,
        "reason": None,
        "timing": "adaptive",
        "due_at": sent_at,
        "expires_at": sent_at + timedelta(hours=1),
        "sent_at": sent_at,
        "delivered_at": sent_at,
        "shown_at": None,
        "opened_at": None,
        "answered_at": None,
        "late": False,
        "arm": "adaptive",
        "propensity": 0.5,
        "answers": None,
        "scores": None,
        "risk": False,
    }
    return PromptRecord(**values | changes)


def drawn(records, days=(DAY,), span=(8, 20)):
    return charts.timeline(records, days, [day.isoformat() for day in days], span)


def test_a_prompt_stands_at_its_local_time_of_day():
    for zone_name in ("Europe/Berlin", "Asia/Kolkata", "America/New_York"):
        (mark,) = drawn([prompt(14, zone_name=zone_name)]).marks
        assert mark.x == pytest.approx(50)


def test_a_window_is_a_band_and_a_set_time_is_not():
    (band,) = drawn([prompt(), prompt(18, timing="fixed")]).bands
    assert (band.x, band.width) == (pytest.approx(8.33), pytest.approx(25))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"answered_at": datetime(2026, 11, 20, 10, tzinfo=UTC)}, "answered"),
        ({"answered_at": datetime(2026, 11, 20, 10, tzinfo=UTC), "late": True}, "late"),
        ({}, "silent"),
        ({"state": State.UNKNOWN, "sent_at": None}, "silent"),
        ({"state": State.EXPIRED, "sent_at": None}, "unsent"),
        ({"state": State.FAILED, "sent_at": None}, "unsent"),
        ({"state": State.PLANNED, "sent_at": None, "due_at": None}, "planned"),
    ],
)
def test_each_fate_has_a_shape_of_its_own(changes, kind):
    assert drawn([prompt(**changes)]).marks[0].kind == kind


def test_an_undrawn_prompt_stands_in_the_middle_of_its_window():
    waiting = prompt(state=State.PLANNED, sent_at=None, due_at=None)
    assert charts.place_of(waiting) == waiting.start_at + timedelta(hours=1.5)


@given(
    st.lists(st.floats(0, 25.9), max_size=8),
    st.lists(st.times(), max_size=4),
)
def test_nothing_falls_off_the_chart(hours, times):
    records = [prompt(hour) for hour in hours]
    first, last = charts.span_of(records, times)
    assert 0 <= first < last <= 26
    chart = drawn(records, span=(first, last))
    assert all(0 <= mark.x <= 100 and 0 < mark.y < chart.height for mark in chart.marks)
    assert all(band.x >= 0 and band.x + band.width <= 100.01 for band in chart.bands)
    assert 1 <= len(chart.ticks) <= charts.MOST_LABELS + 1
    assert all(0 <= tick.at <= 100 for tick in chart.ticks)


def test_a_prompt_after_midnight_stays_on_the_day_it_belongs_to():
    late = prompt(24.5)
    assert charts.minute_of_day(late.sent_at, late.zone, late.local_date) == 24 * 60 + 30
    assert charts.span_of([late], [])[1] == 25


def test_the_day_the_clocks_change_keeps_wall_times_in_place():
    # 25 October 2026 has 25 hours in Berlin: 15:00 on the wall is 16 hours after midnight.
    (mark,) = drawn([prompt(16, day=date(2026, 10, 25))], [date(2026, 10, 25)], (10, 20)).marks
    assert mark.x == pytest.approx(50)


def test_dots_keep_the_distance_of_empty_hours_and_mark_the_few():
    records = [prompt(9)] * 10 + [prompt(15)] * 3
    bins = compliance.by_time_of_day(records, 2)
    early, late = charts.dots(bins, 2, few=8)
    assert (early.label, early.count, early.few) == ("8\N{EN DASH}10", "0/10", False)
    assert (late.label, late.few) == ("14\N{EN DASH}16", True)
    assert (early.x, late.x) == (12.5, 87.5)
    assert early.y == early.bottom == charts.share_y(0)
    assert early.top < early.y
    assert charts.dots(compliance.by_time_of_day([], 2), 2, few=8) == ()


@given(st.lists(st.tuples(st.dates(DAY, date(2027, 3, 1)), st.floats(0, 27)), max_size=6))
def test_scores_stay_inside_their_scale(values):
    placed, lines = charts.points(sorted(values), 0, 27)
    assert len(placed) == len(values)
    assert len(lines) == max(len(values) - 1, 0)
    for point in placed:
        assert 0 < point.x < 100
        assert charts.MARGIN - 0.1 <= point.y <= charts.MARGIN + charts.PLOT + 0.1


def test_a_share_of_nothing_is_told_as_nothing():
    assert wording.answered_words(Counts(planned=3, sent=3)) == (
        "nothing was delivered to the phone"
    )
    assert wording.percent(None) == wording.DASH
    told = wording.answered_words(Counts(planned=5, sent=5, delivered=4, answered=3))
    assert told == "answered 3 of 4 delivered (75 %)"


def test_relative_times_use_the_largest_unit_that_fits():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    spans = {
        None: "never",
        timedelta(seconds=20): "just now",
        timedelta(minutes=1): "1 minute ago",
        timedelta(hours=23, minutes=59): "23 hours ago",
        timedelta(days=9): "9 days ago",
    }
    for span, words in spans.items():
        assert wording.ago(None if span is None else now - span, now) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(12, "phone's clock 12 minutes ahead"), (-90, "phone's clock 90 minutes behind"),
     (120.2, "phone's clock 2 hours ahead")],
)  # fmt: skip
def test_a_clock_that_is_off_is_told_with_its_direction(minutes, words):
    assert wording.skew_words(timedelta(minutes=minutes)) == words


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"declined_at": prompt().due_at, "unavailable": "work"}, "declined", "not now: at work"),
        ({"state": State.WITHHELD, "sent_at": None, "delivered_at": None}, "unsent",
         "no prompt drawn"),
        ({"timing": "patient_initiated", "sent_at": None, "delivered_at": None}, "silent",
         "started by the patient, not answered"),
    ],
)  # fmt: skip
def test_what_is_no_silence_has_a_mark_and_words_of_its_own(changes, kind, words):
    record = prompt(**changes)
    assert (charts.kind_of(record), wording.state_words(record)) == (kind, words)
