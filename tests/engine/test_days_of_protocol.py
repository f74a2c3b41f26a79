"""The kinds of day a protocol has, against walking through courses day by day."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.assignment import Assignment, Phase
from engine.contradictions.days import kinds_of_day
from engine.triggers import WEEKDAYS

DAY = timedelta(days=1)
FIRST = date(2027, 1, 1)
CALENDAR = st.integers(0, 12).map(lambda number: (FIRST + number * DAY).isoformat())
SHORT = st.sampled_from(["1d", "2d"])
SPANS = st.integers(1, 4).map(lambda days: f"{days}d")


@st.composite
def courses(draw):
    """Up to three assignments and two phases, with rhythms that repeat within twelve days."""
    phases = [
        {"name": name, "days": draw(st.integers(1, 9))}
        for name in draw(st.sampled_from(["", "ab"]))
    ]
    drawn = []
    for place in range(draw(st.integers(1, 3))):
        trigger = draw(
            st.fixed_dictionaries(
                {"kind": st.just("fixed"), "at": st.just(["12:00"])},
                optional={"days": st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True)},
            )
            | st.fixed_dictionaries(
                {"kind": st.just("interval"), "every": SPANS, "at": st.just("12:00")}
            )
        )
        more = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "dates": st.fixed_dictionaries(
                        {}, optional={"from": CALENDAR, "to": CALENDAR,
                                      "except": st.lists(CALENDAR, max_size=2)},
                    ),
                    "bursts": st.fixed_dictionaries({"on": SHORT, "off": SHORT}),
                    "phases": st.sampled_from([["a"], ["b"]] if phases else [[]]),
                },
            )
        )  # fmt: skip
        drawn.append((place, Assignment(content=f"c{place}", trigger=trigger, **more)))
    return drawn, [Phase(**phase) for phase in phases]


def asks(assignment, phases, first_day, day):
    """Return whether the assignment asks on this date, told straight from the format's words."""
    since = (day - first_day).days
    if since < 0:
        return False
    names, start = [], 0
    for phase in phases:
        names += [phase.name] * phase.days.days
        start += phase.days.days
    if phases and since >= start:
        return False
    if assignment.phases and names[since] not in assignment.phases:
        return False
    trigger, bursts = assignment.trigger, assignment.bursts
    if trigger.kind == "interval" and since % trigger.every.days:
        return False
    if trigger.kind == "fixed" and WEEKDAYS[day.weekday()] not in trigger.days:
        return False
    if bursts and since % (bursts.on + bursts.off).days >= bursts.on.days:
        return False
    return assignment.dates.include(day)


def lived(assignments, phases):
    """Return the pairs (who asks today, who asked yesterday or also today) of many courses."""
    together, in_a_row = set(), set()
    for start in range(-34, 30):
        first_day = FIRST + start * DAY
        before = []
        for number in range(65):
            day = first_day + number * DAY
            today = [place for place, one in assignments if asks(one, phases, first_day, day)]
            together.add(frozenset(today))
            in_a_row.update((one, other) for one in before for other in today)
            before = today
    largest = {one for one in together if not any(one < other for other in together)}
    return largest - {frozenset()}, in_a_row


@settings(max_examples=60)
@given(courses())
def test_the_kinds_of_day_are_those_that_some_course_has(course):
    assignments, phases = course
    together, in_a_row = lived(assignments, phases)
    kinds = kinds_of_day(assignments, phases)
    sets = {kind.today for kind in kinds}
    assert {one for one in sets if one and not any(one < other for other in sets)} == together
    found = {(one, other) for kind in kinds for one in kind.yesterday for other in kind.today}
    # Of two days in a row only those within one phase are looked into.
    assert found <= in_a_row
    assert phases or found == in_a_row
