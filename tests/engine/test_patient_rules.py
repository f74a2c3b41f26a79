"""The document of a patient's own rules."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CALENDAR, walls

from engine.assignment import Limits
from engine.errors import FieldsRefused
from engine.rules import NO_RULES, dump_rules, parse_rules

wall = walls.map(lambda at: at.strftime("%H:%M"))
documents = st.fixed_dictionaries(
    {},
    optional={
        "quiet_hours": st.lists(st.fixed_dictionaries({"from": wall, "to": wall}), max_size=3),
        "pauses": st.lists(
            st.fixed_dictionaries({"from": CALENDAR}, optional={"to": CALENDAR}), max_size=3
        ),
        "per_day": st.none() | st.integers(1, 100),
        "without": st.lists(st.sampled_from(["a", "b", "c"]), unique=True),
    },
)


def refused(document, **more):
    with pytest.raises(FieldsRefused) as error:
        parse_rules(document, **more)
    return [f"{fault.path}: {fault.message}" for fault in error.value.faults]


@given(documents)
def test_rules_survive_being_written_and_read_or_are_refused_with_paths(document):
    try:
        rules = parse_rules(document)
        paths = []
    except FieldsRefused as error:
        rules, paths = None, [fault.path for fault in error.faults]
    assert all(path.startswith(("quiet_hours", "pauses")) for path in paths)
    assert rules is None or parse_rules(dump_rules(rules)) == rules


def test_no_rules_are_an_empty_document():
    assert parse_rules({}) == NO_RULES


def test_rules_of_the_wrong_form_are_refused_with_what_is_allowed():
    assert refused({"per_day": 0, "quiet": [], "pauses": [{"to": "2027-01-01"}]}) == [
        "pauses[0].from: is required",
        "per_day: must be a whole number from 1 to 100",
        "quiet: unknown key; allowed: quiet_hours, pauses, per_day, without",
    ]
    assert refused(None) == ["document: must be a mapping of keys to values"]


def test_rules_that_contradict_themselves_are_refused():
    document = {
        "quiet_hours": [{"from": "10:00", "to": "10:00"}],
        "pauses": [{"from": "2027-01-02", "to": "2027-01-01"}],
        "without": ["phq9", "gad7"],
    }
    assert refused(document, assignments=["phq9"]) == [
        "quiet_hours[0].to: must differ from 'from': all day would be quiet",
        "pauses[0].to: must not be before 'from' (2027-01-02)",
        "without[1]: unknown assignment 'gad7'; known: phq9",
    ]


def test_a_pause_includes_both_its_ends_and_may_be_open():
    pauses = [{"from": "2027-01-02", "to": "2027-01-03"}, {"from": "2027-02-01"}]
    rules = parse_rules({"pauses": pauses})
    days = [date(2027, 1, day) for day in range(1, 5)] + [date(2027, 1, 31), date(2030, 1, 1)]
    assert [rules.paused(day) for day in days] == [False, True, True, False, False, True]


@pytest.mark.parametrize(
    ("protocol", "own", "capped"), [(None, None, None), (6, None, 6), (6, 9, 6), (6, 2, 2)]
)
def test_an_own_cap_counts_where_it_is_lower(protocol, own, capped):
    assert parse_rules({"per_day": own}).capped(Limits(per_day=protocol)) == capped
