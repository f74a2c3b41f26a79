"""The protocol document: reading it from anywhere and writing it back."""

import json
import re
from datetime import UTC, time, timedelta

import pytest
from blended import BLENDED, COURSE, KNOWN
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import documents, full_documents

from engine.durations import format_duration, parse_duration
from engine.errors import FieldsRefused
from engine.protocol import (
    Fault,
    Limits,
    LocalInterval,
    ProtocolFaults,
    StudyProtocol,
    dump_protocol,
    load_protocol,
    parse_protocol,
    stored_protocol,
)


def test_the_blended_protocol_is_read_with_its_defaults():
    protocol = load_protocol(BLENDED, known_content=KNOWN)
    checkin, plan, phq9 = protocol.assignments
    assert protocol.limits.min_gap == timedelta(minutes=45)
    assert (protocol.quiet_hours[0].from_, protocol.quiet_hours[0].to) == (time(21, 30), time(8))
    assert (checkin.id, checkin.trigger.within, checkin.trigger.slot) == (
        "checkin.momentary",
        timedelta(minutes=15),
        timedelta(minutes=15),
    )
    assert (plan.expires_after, plan.sampling) == (timedelta(minutes=60), None)
    assert (phq9.trigger.every, phq9.sampling) == (timedelta(days=14), "representative")
    assert "fri" in checkin.trigger.days
    assert "fri" not in plan.trigger.days


def test_a_protocol_can_also_be_written_in_python_and_never_changes():
    document = dump_protocol(load_protocol(BLENDED))
    protocol = StudyProtocol(**document)
    assert protocol == load_protocol(json.dumps(document))
    with pytest.raises(ValueError, match="frozen"):
        protocol.name = "other"


def test_the_canonical_document_spells_everything_out():
    document = dump_protocol(load_protocol(BLENDED))
    assert document["quiet_hours"] == [{"from": "21:30", "to": "08:00"}]
    assert document["limits"] == {"per_day": 6, "min_gap": "45m"}
    assert document["assignments"][2] == {
        "content": "phq9",
        "id": "phq9",
        "trigger": {"kind": "interval", "every": "14d", "at": "18:00"},
        "expires_after": "1h",
        "sampling": "representative",
    }


def test_midnight_at_the_days_end_is_written_as_24_00():
    text = BLENDED.replace('"08:00"', '"24:00"').replace('"21:00"', '"24:00"')
    document = dump_protocol(load_protocol(text.replace("21:30", "23:00")))
    assert document["quiet_hours"] == [{"from": "23:00", "to": "24:00"}]
    assert document["assignments"][0]["trigger"]["windows"][3] == {"from": "18:00", "to": "24:00"}


@given(documents() | full_documents())
def test_every_protocol_survives_being_written_and_read(document):
    protocol = StudyProtocol.model_validate(document)
    written = dump_protocol(protocol)
    assert StudyProtocol.model_validate(json.loads(json.dumps(written))) == protocol
    assert dump_protocol(StudyProtocol.model_validate(written)) == written


@settings(max_examples=200)
@given(full_documents())
def test_a_protocol_with_any_parts_is_taken_or_refused_with_places_that_exist(document):
    try:
        protocol = parse_protocol(document)
    except ProtocolFaults as refused:
        for fault in refused.faults:
            assert placed(document, fault.path), fault
            assert fault.message
    else:
        written = json.loads(json.dumps(dump_protocol(protocol)))
        assert parse_protocol(written) == stored_protocol(written) == protocol


def placed(document, path):
    """Return whether all of a path but its last step is there, as the author wrote it."""
    *way, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
    for step in way:
        if isinstance(document, dict) and step not in document:
            return False
        document = document[step]
    return isinstance(document, list) == isinstance(last, int)


def test_the_sample_of_the_blended_course_is_taken():
    aims = {one.id: one.trigger for one in load_protocol(COURSE).assignments}
    assert aims["defusion.leaves"].probability == 0.5
    assert aims["cbt.thought-record"].when.source() == ("checkin.momentary", "negative_affect")
    assert aims["cbt.thought-record"].when.holds(60)
    assert not aims["cbt.thought-record"].when.holds(59.9)
    waiting, treatment, aftercare = load_protocol(COURSE).phases
    assert (waiting.until, treatment.days) == ("first-session", timedelta(days=84))
    assert aftercare.fade.to_share == 0.2


def test_what_says_nothing_is_left_out_of_the_canonical_document():
    document = dump_protocol(load_protocol(BLENDED))
    checkin = document["assignments"][0]
    checkin |= {"reminders": [], "phases": [], "dates": {"except": []}, "priority": 50}
    checkin["trigger"] |= {"per_window": 1, "gap": "0m"}
    document["assignments"][2]["trigger"]["anchor"] = "enrolment"
    document["phases"] = []
    assert dump_protocol(parse_protocol(document)) == dump_protocol(load_protocol(BLENDED))


def test_a_document_accepted_before_a_rule_existed_is_still_read():
    document = dump_protocol(load_protocol(BLENDED))
    document["limits"]["per_day"] = 1
    with pytest.raises(ProtocolFaults):
        parse_protocol(document)
    assert stored_protocol(document).limits.per_day == 1
    with pytest.raises(ProtocolFaults, match=r"^limits\.per_day: "):
        stored_protocol(document | {"limits": {"per_day": "1"}})


def test_on_and_off_are_keys_and_no_booleans():
    bursts = BLENDED.replace("    sampling:", "    bursts: {on: 7d, off: 21d}\n    sampling:")
    assert load_protocol(bursts).assignments[2].bursts.off == timedelta(days=21)
    assert load_protocol(BLENDED.replace("Behavioural activation, blended", "no")).name == "no"
    with pytest.raises(ProtocolFaults, match=r"^name: must be text$"):
        load_protocol(BLENDED.replace("Behavioural activation, blended", "true"))


SYNTAX = [
    ("a: [1,\nb: 2", "line 2: "),
    ("name: x\nname: y", "line 2: the key 'name' is given twice"),
    ("a: &x [1]\nb: *x", "line 2: aliases and tags are not allowed"),
    ("a: !!python/object:os.system x", "line 1: aliases and tags are not allowed"),
    ("[" * 3000, "is nested too deeply"),
    ("a: \x07", "is not YAML or JSON: "),
    ("a: 0b_", "is not YAML or JSON: "),
    ("? [a]\n: 1", "line 1: "),
    ("x" * 300_000, "at most 262144 characters"),
    ("", "must be a mapping of keys to values"),
    ("just text", "must be a mapping of keys to values"),
]


@pytest.mark.parametrize(("text", "message"), SYNTAX)
def test_text_that_is_no_document_is_refused_with_its_line(text, message):
    with pytest.raises(ProtocolFaults) as refused:
        load_protocol(text)
    (fault,) = refused.value.faults
    assert fault.path == "document"
    assert fault.message.startswith(message)


def test_a_date_in_the_document_is_text_and_never_a_crash():
    protocol = load_protocol(BLENDED.replace("Behavioural activation, blended", "2026-13-45"))
    assert protocol.name == "2026-13-45"


def test_the_faults_are_fields_refused_with_path_and_message():
    with pytest.raises(FieldsRefused, match=r"^document: ") as refused:
        load_protocol("")
    assert refused.value.faults == (Fault("document", "must be a mapping of keys to values"),)


NAMES = (
    *("schema", "name", "quiet_hours", "limits", "assignments", "content", "id", "trigger"),
    *("kind", "windows", "from", "to", "at", "every", "days", "expires_after", "window", "x"),
    *("phases", "until", "fade", "when", "score", "missed", "event", "bursts", "dates", "except"),
)
keys = st.sampled_from(NAMES)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["welltimed-protocol/1", "09:00", "24:00", "15m", "14d", "mon", "phq9"])
    | st.text(max_size=5)
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys | st.text(max_size=3), inner, max_size=4)
        | st.dictionaries(st.integers() | st.booleans(), inner, max_size=1)
    ),
    max_leaves=20,
)


@st.composite
def damaged(draw):
    """A good document with one place replaced by anything."""
    document = dump_protocol(load_protocol(draw(st.sampled_from([BLENDED, COURSE]))))
    place = document
    while True:
        step = draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        if not isinstance(place[step], dict | list) or not place[step] or draw(st.booleans()):
            place[step] = draw(trees)
            return document
        place = place[step]


@settings(max_examples=300)
@given(trees | damaged())
def test_any_document_is_read_or_refused_with_paths_and_never_crashes(document):
    try:
        protocol = parse_protocol(document, known_content=KNOWN)
    except ProtocolFaults as refused:
        told = [bool(fault.path and fault.message) for fault in refused.faults]
    else:
        told = [parse_protocol(dump_protocol(protocol)) == protocol]
    assert told
    assert all(told)


@settings(max_examples=300)
@given(st.text(alphabet="{}[]:,-#&*!|>?%@\"'\n 0x_.=<~abm", max_size=40) | st.text(max_size=40))
def test_any_text_is_refused_and_never_crashes(text):
    with pytest.raises(ProtocolFaults):
        load_protocol(text)


@given(st.integers(0, 999_999), st.sampled_from("dhms"))
def test_a_duration_is_read_and_written_without_loss(count, unit):
    length = parse_duration(f"{count}{unit}")
    assert parse_duration(format_duration(length)) == length


def test_python_values_are_taken_as_they_are_if_they_can_be_written():
    noon = LocalInterval(from_=time(9), to=time(12))
    assert noon == LocalInterval.model_validate({"from": "09:00", "to": "12:00"})
    assert Limits(min_gap=timedelta(minutes=45)) == Limits.model_validate({"min_gap": "45m"})
    for wrong in (time(9, 0, 1), time(9, tzinfo=UTC)):
        with pytest.raises(ValueError, match="is not a time"):
            LocalInterval(from_=wrong, to=time(12))


@pytest.mark.parametrize("length", [timedelta(seconds=-1), timedelta(microseconds=1)])
def test_a_length_that_no_unit_can_tell_is_not_written(length):
    with pytest.raises(ValueError, match="whole seconds"):
        format_duration(length)


@pytest.mark.parametrize(
    "wrong",
    ["", "m", "1.5h", "-5m", "5 m", "5M", "1h30m", "1234567d", "٣m", "5m\n", None, 5, b"5m"],
)
def test_what_is_no_duration_is_refused(wrong):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(wrong)
