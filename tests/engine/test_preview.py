"""A plan drawn as it would be before anything is learned."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning_strategies import a_protocol, courses, examples

from engine.draws import draw, happens
from engine.localtime import zone
from engine.planning import plan_days, prompt_id
from engine.preview import draw_days
from engine.stratified import next_law

MONDAY = date(2027, 5, 31)
SOMEBODY = UUID(int=7)


def window(**more):
    spans = [{"from": "09:00", "to": "12:00"}]
    return {"trigger": {"kind": "window", "windows": spans, **more}}


def fixed(*at):
    return {"trigger": {"kind": "fixed", "at": list(at)}}


def drawn(protocol, days=1, seed=1):
    plans = plan_days(protocol, MONDAY, days, zone("Europe/Berlin"), MONDAY)
    return draw_days(plans, enrolment=SOMEBODY, seed=seed, min_gap=protocol.limits.min_gap)


def test_one_prompt_of_a_window_is_drawn_uniformly_from_its_own_seed():
    ((only,),) = drawn(a_protocol(window()))
    assert only.propensities == (1 / 12,) * 12
    key = prompt_id(SOMEBODY, "item-0", MONDAY, 0)
    assert only.at == only.window.slots[draw(1, key, "slot", only.propensities)]


def test_each_prompt_of_a_window_has_its_law_given_those_before():
    ((first, second, third),) = drawn(a_protocol(window(per_window=3, gap="45m")))
    gap, slots = timedelta(minutes=45), first.window.slots
    assert first.propensities == next_law(slots, [True] * 12, 3, gap, None)
    assert second.propensities == next_law(slots, [True] * 12, 2, gap, first.at)
    assert third.propensities == next_law(slots, [True] * 12, 1, gap, second.at)
    assert second.at - first.at >= gap
    assert third.at - second.at >= gap


def test_a_random_prompt_keeps_the_minimum_gap_to_set_times_before_and_after_it():
    protocol = a_protocol(window(), fixed("09:30", "11:00"), limits={"min_gap": "30m"})
    for seed in range(40):
        ((*prompts,),) = drawn(protocol, seed=seed)
        random = next(one for one in prompts if one.window.assignment == "item-0")
        open_ = [share > 0 for share in random.propensities]
        assert open_ == [
            True, False, False, False, True, True, True, False, False, False, True, True,
        ]  # fmt: skip


def test_what_finds_no_slot_is_not_sent_and_says_why():
    protocol = a_protocol(window(), fixed("10:30"), limits={"min_gap": "2h"})
    ((random, _),) = drawn(protocol)
    assert (random.at, random.dropped_because) == (None, "min_gap")
    assert set(random.propensities) == {0.0}


POINT = {"kind": "micro_randomised", "at": ["10:30"], "probability": 0.5}


def test_a_decision_point_keeps_its_time_free_whatever_comes_of_it():
    protocol = a_protocol({"trigger": POINT}, window(), limits={"min_gap": "45m"})
    said = Counter()
    for seed in range(200):
        ((*prompts,),) = drawn(protocol, seed=seed)
        by_name = {one.window.assignment: one for one in prompts}
        point, other = by_name["item-0"], by_name["item-1"]
        key = prompt_id(SOMEBODY, "item-0", MONDAY, 0)
        assert (point.at is not None) == happens(seed, key, "send", 0.5)
        assert sum(share > 0 for share in other.propensities) == 7
        said[point.dropped_because] += 1
    assert set(said) == {None, "no prompt drawn (probability 0.5)"}
    assert 70 < said[None] < 130


def test_a_decision_point_that_said_no_takes_no_time_from_what_is_drawn_after_it():
    later = [{"from": "10:45", "to": "12:00"}]
    protocol = a_protocol({"trigger": POINT}, window(windows=later), limits={"min_gap": "45m"})
    open_slots = set()
    for seed in range(50):
        ((point, other),) = drawn(protocol, seed=seed)
        open_slots.add((point.at is None, sum(share > 0 for share in other.propensities)))
    assert open_slots == {(True, 5), (False, 3)}


def test_prompts_of_a_fading_window_are_thinned_after_their_slots_are_drawn():
    fade = {"name": "out", "days": "1d", "fade": {"to_share": 0.5}}
    protocol = a_protocol(window(per_window=3, gap="45m"), phases=[fade])
    whole = a_protocol(window(per_window=3, gap="45m"))
    for seed in range(30):
        ((*thinned,),) = drawn(protocol, seed=seed)
        ((*full,),) = drawn(whole, seed=seed)
        assert [one.propensities for one in thinned] == [one.propensities for one in full]
        assert all(some.at in {None, every.at} for some, every in zip(thinned, full, strict=True))


@examples(60)
@given(courses(), st.integers(0, 2**32))
def test_whatever_is_drawn_is_one_of_its_slots_with_a_chance_and_keeps_the_gap(course, seed):
    plans = plan_days(
        course.protocol,
        course.day,
        2,
        course.tz,
        course.first_day,
        milestones=course.milestones,
        rules=course.rules,
    )
    min_gap = course.protocol.limits.min_gap
    days = draw_days(plans, enrolment=SOMEBODY, seed=seed, min_gap=min_gap)
    assert [[one.window for one in day] for day in days] == [list(each.windows) for each in plans]
    prompts = [one for day in days for one in day]
    for one in prompts:
        assert len(one.propensities) == len(one.window.slots)
        assert sum(one.propensities) in (0, pytest.approx(1))
        assert (one.at is None) == (one.dropped_because is not None)
        if one.at is not None:
            assert one.propensities[one.window.slots.index(one.at)] > 0
    sent = sorted(one.at for one in prompts if one.at is not None)
    assert all(later - earlier >= min_gap for earlier, later in pairwise(sent))
    assert days == draw_days(plans, enrolment=SOMEBODY, seed=seed, min_gap=min_gap)
