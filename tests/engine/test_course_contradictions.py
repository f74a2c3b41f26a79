"""Days of the course: phases, dates and rhythms that never meet, and prompts that do."""

import pytest
from designs import at, every, faults, told


def test_the_daily_cap_is_held_against_days_that_there_are():
    weekly = [at("12:00"), at("14:00", phases=["b"]), at("16:00", phases=["a"])]
    phases = [{"name": "a", "days": 7}, {"name": "b"}]
    assert faults(*weekly, phases=phases, limits={"per_day": 2}) == []
    del weekly[2]["phases"]
    assert [path for path, _ in faults(*weekly, phases=phases, limits={"per_day": 2})] == [
        "limits.per_day"
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"phases": ["a"]}, {"phases": ["b"]}),
        ({"dates": {"to": "2027-01-31"}}, {"dates": {"from": "2027-02-01"}}),
        ({"dates": {"from": "2027-02-01", "to": "2027-02-01"}},
            {"dates": {"except": ["2027-02-01"]}}),
        ({"bursts": {"on": "7d", "off": "14d"}, "phases": ["a"]},
            {"bursts": {"on": "1d", "off": "8d"}, "phases": ["b"]}),
    ],
)  # fmt: skip
def test_prompts_that_never_share_a_day_may_have_the_same_time(first, second):
    phases = [{"name": "a", "days": 7}, {"name": "b", "days": 7}]
    limits = {"min_gap": "45m", "per_day": 1}
    assert faults(at("12:00", **first), at("12:00", **second), phases=phases, limits=limits) == []
    assert len(faults(at("12:00", **first), at("12:00"), phases=phases, limits=limits)) == 2


def test_intervals_and_bursts_are_held_against_each_other_by_their_days():
    def clash(first, second, days):
        phases = [{"name": "a", "days": 7}, {"name": "b", "days": days}]
        return bool(faults(first, second, phases=phases, limits={"min_gap": "45m"}))

    a = every("4d", phases=["b"])  # days 8, 12, ... of the course
    b = at("12:20", phases=["b"], bursts={"on": "1d", "off": "8d"})  # days 9, 18, 27, 36
    assert [clash(a, b, days) for days in (3, 29, 30)] == [False, False, True]


def test_set_times_are_told_apart_by_the_anchor_of_their_interval():
    limits = {"min_gap": "45m"}
    assert faults(every("2d"), every("3d"), limits=limits)  # both on the first day
    # The date of the event is not known, so some patient has both on one day.
    assert faults(every("2d"), every("3d", "first-session"), limits=limits)


def test_phases_have_names_of_their_own_and_are_named_right():
    phases = [{"name": "a", "days": 7}, {"name": "a"}]
    assert told(faults(at("12:00", phases=["a", "b"]), phases=phases)) == [
        "phases[1].name: 'a' is the name of phases[0] already; give each phase a name of its own",
        "assignments[0].phases[1]: unknown phase 'b'; known: a",
    ]
    assert told(faults(at("12:00", phases=["a"]))) == [
        "assignments[0].phases[0]: unknown phase 'a'; known: none"
    ]


def test_a_phase_at_fault_itself_is_still_known_by_name():
    found = faults(at("12:00", phases=["a"]), phases=[{"name": "a", "days": "7h"}])
    assert [path for path, _ in found] == ["phases[0].days"]


def test_a_phase_that_can_never_begin_is_refused():
    phases = [
        {"name": "a", "until": "enrolment"},
        {"name": "b", "until": "first-session"},
        {"name": "c", "until": "first-session"},
        {"name": "d"},
        {"name": "e"},
    ]
    assert told(faults(at("12:00"), phases=phases)) == [
        "phases[0].until: enrolment is the first day itself: the phase would have no day",
        "phases[2].until: 'first-session' ends phases[1] already: this one would be over before "
        "it begins",
        "phases[4]: can never begin: phases[3] has no end; give that one 'days' or 'until'",
    ]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (at("12:00", dates={"from": "2027-03-05", "to": "2027-03-04"}),
            "dates.to: must not be before 'from' (2027-03-05)"),
        (at("12:00", dates={"from": "2027-03-05", "to": "2027-03-05", "except": ["2027-03-05"]}),
            "dates: leave no day: there is no day from 2027-03-05 to 2027-03-05 that is not "
            "excepted"),
        (every("10d", phases=["b"]),
            "phases: no day of phase b has a turn of every 10d from enrolment"),
        (at("12:00", phases=["b"], bursts={"on": "3d", "off": "10d"}),
            "phases: no day of phase b has a turn of 3d on and 10d off from enrolment"),
        (every("2d", phases=["b"], bursts={"on": "1d", "off": "4d"}),
            "phases: no day of phase b has a turn of every 2d from enrolment and 1d on and 4d off "
            "from enrolment"),
        (every("14d", "first-session", phases=["a", "c"]), None),
        (every("14d", "first-session", phases=["c"]),
            "phases: no day of phase c has a turn of every 14d from first-session"),
    ],
)  # fmt: skip
def test_an_assignment_that_no_day_can_have_is_refused(assignment, message):
    phases = [
        {"name": "a", "days": 4},
        {"name": "b", "days": 6},
        {"name": "c", "until": "first-session"},
    ]
    wanted = [] if message is None else [f"assignments[0].{message}"]
    assert told(faults(assignment, phases=phases)) == wanted


def test_a_rhythm_that_the_one_phase_cuts_off_is_refused_at_the_trigger():
    phases = [{"name": "a", "until": "first-session"}]
    assert told(faults(every("14d", "first-session"), phases=phases)) == [
        "assignments[0].trigger: no day of the course has a turn of every 14d from first-session"
    ]
