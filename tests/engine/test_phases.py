"""Phases: which one a day belongs to, and how prompts thin out."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.assignment import Phase
from engine.phases import PhaseDay, phase_on, share_on, timeline

FIRST = date(2027, 3, 1)
DAY = timedelta(days=1)
COURSE = tuple(
    Phase.model_validate(phase)
    for phase in (
        {"name": "waiting", "until": "first-session"},
        {"name": "treatment", "days": "84d"},
        {"name": "aftercare", "days": "90d", "fade": {"to_share": 0.2}},
    )
)
SESSION = {"first-session": date(2027, 3, 20)}


def name_on(day, milestones=SESSION, phases=COURSE):
    stage = phase_on(phases, day, FIRST, milestones)
    return stage and (stage.phase.name, stage.day)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2027, 2, 28), None),
        (date(2027, 3, 1), ("waiting", 0)),
        (date(2027, 3, 19), ("waiting", 18)),
        (date(2027, 3, 20), ("treatment", 0)),
        (date(2027, 6, 11), ("treatment", 83)),
        (date(2027, 6, 12), ("aftercare", 0)),
        (date(2027, 9, 9), ("aftercare", 89)),
        (date(2027, 9, 10), None),
    ],
)
def test_a_day_belongs_to_one_phase(day, expected):
    assert name_on(day) == expected


def test_a_phase_until_an_event_lasts_until_that_is_recorded():
    assert name_on(date(2031, 1, 1), {}) == ("waiting", 1402)
    assert name_on(date(2031, 1, 1), {"another": FIRST}) == ("waiting", 1402)


def test_a_phase_whose_event_came_before_it_has_no_days():
    early = {"first-session": date(2026, 12, 1)}
    assert name_on(FIRST, early) == ("treatment", 0)
    assert name_on(FIRST, {"first-session": FIRST}) == ("treatment", 0)


def test_a_phase_without_an_end_is_the_last():
    phases = (Phase(name="on"), Phase.model_validate({"name": "never", "days": "3d"}))
    assert name_on(date(9999, 12, 31), phases=phases) == ("on", (date(9999, 12, 31) - FIRST).days)
    assert [span.phase.name for span in timeline(phases, FIRST, {})] == ["on"]


def test_the_timeline_tells_the_dates_as_far_as_they_are_known():
    assert [
        (span.phase.name, span.first, span.end) for span in timeline(COURSE, FIRST, SESSION)
    ] == [
        ("waiting", date(2027, 3, 1), date(2027, 3, 20)),
        ("treatment", date(2027, 3, 20), date(2027, 6, 12)),
        ("aftercare", date(2027, 6, 12), date(2027, 9, 10)),
    ]
    assert [span[1:] for span in timeline(COURSE, FIRST, {})] == [(FIRST, None)]


def test_at_the_end_of_the_calendar_phases_run_out_without_an_overflow():
    spans = timeline(COURSE[1:], date(9999, 12, 1), {})
    assert [span[1:] for span in spans] == [(date(9999, 12, 1), None)]


def test_the_share_falls_in_a_line_from_all_to_the_share_given():
    aftercare = COURSE[2]
    shares = [share_on(PhaseDay(aftercare, day)) for day in range(90)]
    assert (shares[0], shares[-1]) == (1.0, pytest.approx(0.2))
    steps = [earlier - later for earlier, later in pairwise(shares)]
    assert steps == pytest.approx([0.8 / 89] * 89)


def test_a_phase_that_does_not_fade_keeps_everything():
    assert share_on(PhaseDay(COURSE[1], 83)) == share_on(PhaseDay(COURSE[0], 4000)) == 1.0


def test_a_phase_of_one_day_has_its_last_share():
    only = Phase.model_validate({"name": "one", "days": "1d", "fade": {"to_share": 0.3}})
    assert share_on(PhaseDay(only, 0)) == pytest.approx(0.3)


def test_a_fade_to_nothing_ends_at_exactly_nothing():
    gone = Phase.model_validate({"name": "out", "days": "7d", "fade": {"to_share": 0.0}})
    assert share_on(PhaseDay(gone, 6)) == 0.0
    assert share_on(PhaseDay(gone, 5)) > 0.0


phases = st.lists(
    st.one_of(
        st.builds(lambda n: {"days": f"{n}d"}, st.integers(1, 30)),
        st.builds(lambda e: {"until": e}, st.sampled_from(["a", "b"])),
        st.just({}),
    ),
    min_size=1,
    max_size=5,
).map(
    lambda written: tuple(
        Phase.model_validate({"name": f"p{number}"} | one) for number, one in enumerate(written)
    )
)
dates = st.integers(-10, 80).map(lambda n: FIRST + n * DAY)


@given(phases, st.dictionaries(st.sampled_from(["a", "b"]), dates), dates)
def test_spans_follow_each_other_without_gap_and_a_day_lies_in_the_one_that_holds_it(
    phases, milestones, day
):
    spans = timeline(phases, FIRST, milestones)
    assert spans[0].first == FIRST
    for one, following in pairwise(spans):
        assert one.end == following.first
    holding = [
        PhaseDay(span.phase, (day - span.first).days)
        for span in spans
        if span.first <= day and (span.end is None or day < span.end)
    ]
    assert [phase_on(phases, day, FIRST, milestones)] == (holding or [None])
