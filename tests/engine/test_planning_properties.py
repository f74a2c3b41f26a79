"""Whatever the protocol, the rules, the events and the day: what every plan holds to."""

from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from hypothesis import assume, given
from planning_strategies import WEEK, Course, courses, examples

from engine import agenda, fitting, planning
from engine.fitting import fit
from engine.localtime import in_quiet_hours, ordinary_offset, readings
from engine.planning import plan_day, plan_days
from engine.rules import NO_RULES
from engine.stratified import feasible

MINUTE = timedelta(minutes=1)
SET_TIMES = {"fixed", "micro_randomised"}


def planned(course: Course, **other):
    given = course._replace(**other)
    return plan_day(
        given.protocol,
        given.day,
        given.tz,
        first_day=given.first_day,
        milestones=given.milestones,
        rules=given.rules,
    )


def key(one):
    return one.assignment, one.window


def phase_of(course):
    """Return (name, days before in it, the phase), reading the rules anew; None outside."""
    first = course.first_day
    if course.day < first:
        return None
    if not course.protocol.phases:
        return None, 0, None
    for phase in course.protocol.phases:
        if phase.days:
            end = first + phase.days
        elif phase.until:
            recorded = course.milestones.get(phase.until)
            end = None if recorded is None else max(first, recorded)
        else:
            end = None
        if end is None or first <= course.day < end:
            return phase.name, (course.day - first).days, phase
        first = end
    return None


def days_after(course, anchor):
    begun = course.first_day if anchor == "enrolment" else course.milestones.get(anchor)
    return None if begun is None or course.day < begun else (course.day - begun).days


def is_asked(course, assignment, phase_name):
    dates, bursts, trigger = assignment.dates, assignment.bursts, assignment.trigger
    if trigger.kind in {"event", "patient_initiated"}:
        return False
    if assignment.phases and phase_name not in assignment.phases:
        return False
    if (dates.from_ and course.day < dates.from_) or (dates.to and course.day > dates.to):
        return False
    if course.day in dates.except_:
        return False
    if bursts:
        since = days_after(course, bursts.anchor)
        if since is None or since % (bursts.on + bursts.off).days >= bursts.on.days:
            return False
    if trigger.kind == "interval":
        since = days_after(course, trigger.anchor)
        return since is not None and since % trigger.every.days == 0
    return WEEK[course.day.weekday()] in trigger.days


def asked(course):
    """Return each prompt asked for as (assignment, window): (assignment, wall span or time)."""
    stage = phase_of(course)
    if stage is None:
        return {}
    found = {}
    for assignment in course.protocol.assignments:
        if not is_asked(course, assignment, stage[0]):
            continue
        trigger = assignment.trigger
        if trigger.kind == "window":
            for place, span in enumerate(trigger.windows):
                for number in range(trigger.per_window):
                    found[assignment.id, place * trigger.per_window + number] = assignment, span
        else:
            times = [trigger.at] if trigger.kind == "interval" else trigger.at
            found |= {(assignment.id, n): (assignment, at) for n, at in enumerate(times)}
    return found


@examples(100)
@given(courses())
def test_every_prompt_of_a_day_is_planned_or_dropped_with_a_reason(course):
    plan, wanted = planned(course), asked(course)
    told = [key(one) for one in (*plan.windows, *plan.dropped)]
    assert Counter(told) == Counter(wanted.keys())
    assert all(one.reason for one in plan.dropped)
    assert {one.local_date for one in (*plan.windows, *plan.dropped)} <= {course.day}


@examples(100)
@given(courses())
def test_every_slot_keeps_protocol_and_rules(course):
    wanted = asked(course)
    quiet = (*course.protocol.quiet_hours, *course.rules.quiet_hours)
    for one in planned(course).windows:
        assignment, when = wanted[key(one)]
        assert list(one.slots) == sorted(set(one.slots))
        assert one.start_at <= one.slots[0] <= one.slots[-1] < one.end_at
        for slot in one.slots:
            reads = slot.astimezone(course.tz)
            assert slot.tzinfo is UTC
            assert reads.date() == course.day
            assert not in_quiet_hours(slot, course.tz, quiet)
            assert slot == readings(course.day, reads.time(), course.tz)[0], "the first occurrence"
            if one.timing in SET_TIMES:
                moved = ordinary_offset(course.day, course.tz) is None
                assert reads.time() == when or (moved and reads.time() > when)
            else:
                assert when.from_ <= reads.time()
                assert reads.time() < when.to or when.minutes()[1] == 24 * 60
        assert one.content == assignment.content
        assert one.priority == assignment.priority
        assert one.reminders == assignment.reminders
        assert one.expires_after == assignment.expires_after
        assert one.representative == (assignment.sampling == "representative")


@examples(100)
@given(courses())
def test_where_no_clock_changes_every_candidate_outside_quiet_hours_is_a_slot(course):
    assume(ordinary_offset(course.day, course.tz) is not None)
    wanted = asked(course)
    quiet = (*course.protocol.quiet_hours, *course.rules.quiet_hours)
    for one in planned(course).windows:
        assignment, span = wanted[key(one)]
        if assignment.trigger.kind != "window":
            continue
        first, end = span.minutes()
        step = assignment.trigger.slot // MINUTE
        midnight = datetime.combine(course.day, time(0), course.tz).astimezone(UTC)
        grid = [midnight + minute * MINUTE for minute in range(first, end, step)]
        assert list(one.slots) == [at for at in grid if not in_quiet_hours(at, course.tz, quiet)]


@examples(100)
@given(courses())
def test_caps_and_gaps_hold_and_bite_only_when_they_must(course):
    plan, limits = planned(course), course.protocol.limits
    caps = [cap for cap in (limits.per_day, course.rules.per_day) if cap is not None]
    assert len(plan.windows) <= min(caps, default=len(plan.windows))
    by_assignment = Counter(one.assignment for one in plan.windows)
    own = {one.id: one.per_day for one in course.protocol.assignments}
    assert all(own[name] is None or count <= own[name] for name, count in by_assignment.items())
    set_times = sorted(one.start_at for one in plan.windows if one.timing in SET_TIMES)
    assert all(later - earlier >= limits.min_gap for earlier, later in pairwise(set_times))
    without = planned(course, rules=NO_RULES)
    if any(one.reason == planning.TOO_MANY for one in plan.dropped):
        assert len(without.windows) == limits.per_day


@examples(100)
@given(courses())
def test_of_two_prompts_over_a_cap_or_too_close_the_one_with_precedence_stays(course):
    plan = planned(course, rules=NO_RULES)
    order = {one.id: (one.priority, n) for n, one in enumerate(course.protocol.assignments)}
    for lost in plan.dropped:
        kept = [order[one.assignment] for one in plan.windows]
        if lost.reason == planning.TOO_MANY:
            assert max(kept) <= order[lost.assignment]
        if lost.reason == planning.TOO_CLOSE:
            assert (
                any(
                    one.reason in {planning.TOO_MANY, planning.TOO_MANY_OF_IT}
                    for one in plan.dropped
                )
                or min(kept) <= order[lost.assignment]
            )


@examples(100)
@given(courses())
def test_rules_of_a_patient_never_add_a_prompt_nor_a_slot_nor_widen_a_window(course):
    free = {key(one): one for one in planned(course, rules=NO_RULES).windows}
    for one in planned(course).windows:
        was = free[key(one)]
        assert set(one.slots) <= set(was.slots)
        assert was.start_at <= one.start_at <= one.end_at <= was.end_at
        assert one.remaining <= was.remaining
        assert one.probability == was.probability
    if course.rules.paused(course.day):
        assert planned(course).windows == ()
    left_out = {one.assignment for one in planned(course).windows} & set(course.rules.without)
    assert not left_out


@examples(100)
@given(courses())
def test_prompts_of_one_window_count_up_fit_with_their_gap_and_know_how_many_follow(course):
    wanted = asked(course)
    together = {}
    for one in planned(course).windows:
        together.setdefault((one.assignment, one.window - one.number), []).append(one)
    for (_, first), prompts in together.items():
        trigger = wanted[key(prompts[0])][0].trigger
        count = len(prompts)
        assert [one.window for one in prompts] == list(range(first, first + count))
        assert [one.number for one in prompts] == list(range(count))
        assert [one.remaining for one in prompts] == list(range(count, 0, -1))
        assert len({(one.slots, one.gap, one.start_at, one.end_at) for one in prompts}) == 1
        assert count <= getattr(trigger, "per_window", 1)
        assert count <= feasible(prompts[0].slots, prompts[0].gap)
        if count > 1:
            assert prompts[0].gap == max(trigger.gap, course.protocol.limits.min_gap)


@examples(100)
@given(courses())
def test_the_probability_of_a_prompt_is_its_own_times_the_share_of_the_phase(course):
    stage = phase_of(course)
    for one in planned(course).windows:
        assignment = next(a for a in course.protocol.assignments if a.id == one.assignment)
        base = getattr(assignment.trigger, "probability", 1.0)
        _, day, phase = stage
        share = 1.0
        if phase and phase.fade:
            share -= (1 - phase.fade.to_share) * day / (phase.days.days - 1)
        assert abs(one.probability - base * share) < 1e-12
        assert 0 < one.probability <= base
        assert one.phase == (phase and phase.name)


@examples(70)
@given(courses())
def test_a_plan_is_the_same_whenever_and_wherever_it_is_made(course):
    first, inputs = planned(course), deepcopy((course.milestones, course.protocol, course.rules))
    planning._known.clear()
    planning._plan.cache_clear()
    planning._written.cache_clear()
    fitting._placed.cache_clear()
    agenda._rows.cache_clear()
    planning._ordinary.cache_clear()
    agenda.agenda_of.cache_clear()
    again = planned(
        course,
        protocol=course.protocol.model_copy(deep=True),
        rules=course.rules.model_copy(deep=True),
    )
    assert first == again
    assert inputs == (course.milestones, course.protocol, course.rules)
    (day_of_many,) = plan_days(
        course.protocol,
        course.day,
        1,
        course.tz,
        course.first_day,
        milestones=course.milestones,
        rules=course.rules,
    )
    assert day_of_many == first


@examples(70)
@given(courses())
def test_a_day_made_by_moving_another_is_the_one_made_by_itself(course):
    assume(ordinary_offset(course.day, course.tz) is not None)
    assume(not course.rules.paused(course.day))
    stage = phase_of(course)
    assume(stage is not None)
    plan = planned(course)
    assume(not any(one.reason == planning.FADED for one in plan.dropped))
    its_agenda = agenda.agenda_of(course.protocol, course.rules)
    on = its_agenda.asked_on(course.day, course.first_day, course.milestones, stage[0])
    kept, lost = fit(its_agenda, on, course.day, course.tz)
    direct = [(one.row.assignment.id, one.start_at, one.end_at, one.slots) for one in kept]
    moved = [
        (one.assignment, one.start_at, one.end_at, one.slots)
        for one in plan.windows
        if one.number == 0
    ]
    assert sorted(direct) == sorted(moved)
    assert [one.reason for one in lost] == [one.reason for one in plan.dropped]


@examples(75)
@given(courses())
def test_days_do_not_share_an_instant_nor_a_window_that_began_the_day_before(course):
    eve = planned(course, day=course.day - timedelta(days=1))
    today = planned(course)
    before = {(one.assignment, slot) for one in eve.windows for slot in one.slots}
    assert not before & {(one.assignment, slot) for one in today.windows for slot in one.slots}
