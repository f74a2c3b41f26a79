"""Compliance figures, at the edges where shares go wrong."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import compliance
from engine.records import Counts, PromptRecord

SENT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def record(*, reached="answered", sent_at=SENT, latency=5, zone="Europe/Berlin", **changes):
    stages = ["planned", "sent", "delivered", "opened", "answered"]
    far = stages.index(reached)

    def at(stage, minutes):
        return sent_at + timedelta(minutes=minutes) if far >= stages.index(stage) else None

    values = {
        "id": UUID(int=0),
        "assignment": "checkin",
        "content_id": "checkin.momentary",
        "local_date": date(2026, 10, 25),
        "zone": zone,
        "start_at": SENT,
        "end_at": SENT + timedelta(hours=1),
        "state": "accepted",
        "reason": None,
        "timing": "uniform",
        "due_at": sent_at,
        "expires_at": sent_at + timedelta(hours=1),
        "sent_at": at("sent", 0),
        "delivered_at": at("delivered", 0),
        "shown_at": None,
        "opened_at": at("opened", 1),
        "answered_at": at("answered", latency),
        "late": False,
        "arm": None,
        "propensity": None,
        "answers": None,
        "scores": None,
        "risk": False,
    }
    return PromptRecord(**values | changes)


records = st.lists(
    st.builds(
        lambda reached, minutes, assignment: record(
            reached=reached, sent_at=SENT + timedelta(minutes=minutes), assignment=assignment
        ),
        st.sampled_from(["planned", "sent", "delivered", "opened", "answered"]),
        st.integers(0, 3 * 24 * 60),
        st.sampled_from("abc"),
    )
)


def test_counts_tell_how_far_each_prompt_came():
    prompts = [record(reached=r) for r in ("planned", "sent", "sent", "delivered", "answered")]
    assert compliance.tally(prompts) == Counts(planned=5, sent=4, delivered=2, opened=1, answered=1)


def test_no_prompts_have_no_share_rather_than_zero():
    assert compliance.tally([]) == Counts()
    assert compliance.share(Counts(planned=3, sent=3)) is None
    assert compliance.median_latency([record(reached="opened")]) is None


def test_a_prompt_that_never_arrived_does_not_lower_compliance():
    prompts = [record(), record(reached="sent"), record(reached="delivered")]
    assert compliance.share(compliance.tally(prompts)) == pytest.approx(1 / 2)


@given(records)
def test_assignments_add_up_to_the_whole(prompts):
    parts = compliance.by_assignment(prompts).values()
    whole = compliance.tally(prompts)
    for stage in ("planned", "sent", "delivered", "opened", "answered"):
        assert sum(getattr(part, stage) for part in parts) == getattr(whole, stage)


@given(records, st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]))
def test_time_bins_lose_and_double_no_sent_prompt(prompts, bin_hours):
    bins = compliance.by_time_of_day(prompts, bin_hours)
    assert [one.start_hour for one in bins] == list(range(0, 24, bin_hours))
    assert sum(one.sent for one in bins) == compliance.tally(prompts).sent
    assert sum(one.answered for one in bins) == compliance.tally(prompts).answered
    for one in bins:
        if one.delivered:
            assert 0 <= one.low <= one.rate <= one.high <= 1
        else:
            assert (one.rate, one.low, one.high) == (None, None, None)


def test_the_hour_is_the_patients_on_the_day_the_clocks_go_back():
    first, second = SENT, SENT + timedelta(hours=1)  # both read 02:30 in Berlin
    bins = compliance.by_time_of_day([record(sent_at=first), record(sent_at=second)], 1)
    assert {one.start_hour: one.sent for one in bins if one.sent} == {2: 2}
    in_kolkata = compliance.by_time_of_day([record(zone="Asia/Kolkata")], 2)
    assert [one.start_hour for one in in_kolkata if one.sent] == [6]


def test_bins_must_divide_the_day():
    for wrong in (0, -2, 5, 25):
        with pytest.raises(ValueError, match="bin_hours"):
            compliance.by_time_of_day([], wrong)


def test_the_interval_is_wilsons():
    # Agresti and Coull (1998): 0 of 10 and 10 of 10 mirror each other, and neither is a point.
    low, high = compliance.wilson(0, 10)
    assert (low, high) == (pytest.approx(0, abs=1e-12), pytest.approx(0.27753, abs=1e-5))
    assert compliance.wilson(10, 10)[0] == pytest.approx(1 - high)
    with pytest.raises(ValueError, match="3 of 2"):
        compliance.wilson(3, 2)
    with pytest.raises(ValueError, match="0 of 0"):
        compliance.wilson(0, 0)


def test_latency_is_the_median_and_late_answers_are_told_apart():
    prompts = [record(latency=1), record(latency=3), record(latency=90, late=True)]
    assert compliance.median_latency(prompts) == timedelta(minutes=3)
    assert compliance.late(prompts) == 1
    assert compliance.tally(prompts).answered == 3
