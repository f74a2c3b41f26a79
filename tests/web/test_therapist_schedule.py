"""Changing a schedule: the form, its preview, and two people saving at once."""

import pytest
from builders import NOW, PROTOCOL
from hypothesis import given
from hypothesis import strategies as st
from practice import build_history, copy_of, form_of, signed_in, words_of

from api.web import schedule_form
from api.web.protocol_words import differences, protocol_words
from content.library import Library
from engine.commands import scheduling
from engine.errors import FieldFault
from engine.protocol import ProtocolFaults, dump_protocol, parse_protocol

DOCUMENT = dump_protocol(parse_protocol(PROTOCOL))
FIRST_END = "assignments[0].trigger.windows[0].to"
NEW_WINDOW = "assignments[0].trigger.windows[3]"


@pytest.fixture
def clinic(tmp_path):
    copied = copy_of(build_history(), tmp_path)
    yield copied
    copied.db.close()


@pytest.fixture
def client(clinic):
    return signed_in(clinic)


@pytest.fixture
def here(clinic):
    return f"/patients/{clinic.patients['P-01'].id}"


def versions(clinic):
    return scheduling.protocol_for(clinic.db, clinic.patients["P-01"].id)[1]


def changed(clinic, **assignment_changes):
    """Save a change as somebody else."""
    document = versions(clinic)[0].document
    document["assignments"][0].update(assignment_changes)
    scheduling.change_protocol(
        clinic.db,
        clinic.patients["P-01"].id,
        document,
        expected_version=versions(clinic)[0].version,
        known_content=Library.builtin().ids(),
        by="Somebody Else",
        now=NOW,
    )


def test_an_untouched_form_changes_nothing():
    assert schedule_form.parsed(DOCUMENT, schedule_form.shown(DOCUMENT)).document == DOCUMENT


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=10), max_size=5))
def test_fields_the_form_does_not_have_change_nothing(typed):
    known = schedule_form.shown(DOCUMENT)
    strange = {name: text for name, text in typed.items() if name not in known}
    assert schedule_form.parsed(DOCUMENT, strange).document == DOCUMENT


@given(st.dictionaries(st.sampled_from(sorted(schedule_form.shown(DOCUMENT))), st.text()))
def test_whatever_is_typed_is_saved_or_refused_with_a_place(typed):
    fields = schedule_form.shown(DOCUMENT) | typed
    result = schedule_form.parsed(DOCUMENT, fields)
    try:
        parse_protocol(result.document)
    except ProtocolFaults as refused:
        by_field, others = schedule_form.faults_on_fields(refused.faults, result.places, fields)
        assert by_field or others
        assert set(by_field) <= set(fields)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("930", "09:30"), ("9:30", "09:30"), ("0930", "09:30"), (" 9 ", "09:00"), ("9.30", "09:30")],
)
def test_times_may_be_written_loosely(typed, meant):
    fields = schedule_form.shown(DOCUMENT) | {"quiet_hours[0].to": typed}
    assert schedule_form.parsed(DOCUMENT, fields).document["quiet_hours"][0]["to"] == meant


def test_an_emptied_row_is_removed_and_a_filled_last_row_added():
    first = "assignments[0].trigger.windows[0]"
    fields = schedule_form.shown(DOCUMENT) | {
        f"{first}.from": "",
        f"{first}.to": "",
        f"{NEW_WINDOW}.from": "18",
        f"{NEW_WINDOW}.to": "21",
    }
    result = schedule_form.parsed(DOCUMENT, fields)
    windows = result.document["assignments"][0]["trigger"]["windows"]
    assert [window["from"] for window in windows] == ["12:00", "15:00", "18:00"]
    # The third window of the document stands in the fourth row of the form.
    fault = FieldFault("assignments[0].trigger.windows[2].to", "is wrong")
    assert schedule_form.faults_on_fields((fault,), result.places, fields) == (
        {f"{NEW_WINDOW}.to": "is wrong"},
        [],
    )


def test_a_fault_of_no_field_is_told_all_the_same():
    fault = FieldFault("assignments[0].content", "unknown content")
    told = schedule_form.faults_on_fields((fault,), {}, schedule_form.shown(DOCUMENT))
    assert told == ({}, ["assignments[0].content: unknown content"])


def test_the_preview_shows_the_week_and_stores_nothing(clinic, client, here):
    fields = form_of(client.get(f"{here}/schedule").text)
    fields |= {f"{NEW_WINDOW}.from": "1800", f"{NEW_WINDOW}.to": "2000"}
    reply = client.post(f"{here}/schedule/preview", data=fields)
    told = words_of(reply.text)
    assert reply.status_code == 200
    assert told.count("18:00\N{EN DASH}20:00 Check-in") == 7
    assert "Sat 21 Nov" in told
    assert form_of(reply.text)[f"{NEW_WINDOW}.from"] == "1800"
    assert len(versions(clinic)) == 1


def test_the_preview_says_what_is_left_out_and_why(client, here):
    fields = form_of(client.get(f"{here}/schedule").text) | {"limits.per_day": "3"}
    told = words_of(client.post(f"{here}/schedule/preview", data=fields).text)
    assert "Left out: Plan one thing for tomorrow, number 1: over the most prompts a day" in told


@pytest.mark.parametrize("ending", ["/preview", ""])
def test_faults_stand_beside_their_fields_and_the_first_has_the_focus(clinic, client, here, ending):
    fields = form_of(client.get(f"{here}/schedule").text)
    fields |= {FIRST_END: "0830", "limits.min_gap": "soon"}
    reply = client.post(f"{here}/schedule{ending}", data=fields)
    assert reply.status_code == 422
    assert f'id="{FIRST_END}-fault">must be later' in reply.text
    assert 'id="limits.min_gap-fault">must be a whole number of minutes' in reply.text
    assert reply.text.count(" autofocus") == 1
    assert " autofocus" in reply.text.split(f'id="{FIRST_END}"')[1].split(">")[0]
    typed = form_of(reply.text)
    assert (typed[FIRST_END], typed["limits.min_gap"]) == ("0830", "soon")
    assert len(versions(clinic)) == 1


def test_saving_makes_a_version_and_keeps_what_the_form_does_not_show(clinic, client, here):
    fields = form_of(client.get(f"{here}/schedule").text) | {FIRST_END: "11:30"}
    reply = client.post(f"{here}/schedule", data=fields)
    assert reply.history[0].status_code == 303
    told = words_of(reply.text)
    assert "The schedule was saved" in told
    assert "Version 2, saved by Therapist One" in told
    new, old = versions(clinic)
    expected = old.document
    expected["assignments"][0]["trigger"]["windows"][0]["to"] = "11:30"
    assert new.document == expected


def test_saving_without_a_change_makes_no_version(clinic, client, here):
    fields = form_of(client.get(f"{here}/schedule").text)
    reply = client.post(f"{here}/schedule", data=fields)
    assert "Nothing was changed" in words_of(reply.text)
    assert len(versions(clinic)) == 1


def test_a_version_saved_meanwhile_is_shown_and_nothing_typed_is_lost(clinic, client, here):
    fields = form_of(client.get(f"{here}/schedule").text)
    changed(clinic, expires_after="30m")
    reply = client.post(f"{here}/schedule", data=fields | {FIRST_END: "11:00"})
    assert reply.status_code == 409
    told = words_of(reply.text)
    assert "version 2 was saved meanwhile" in told
    assert "Somebody Else" in told
    theirs, own = told.split("What you were about to change")
    assert "open for 30 minutes" in theirs
    assert "09:00\N{EN DASH}11:00" in own.split("Check-in")[1]
    assert len(versions(clinic)) == 2
    merged = form_of(reply.text)
    assert (merged["version"], merged[FIRST_END]) == ("2", "11:00")
    assert merged["assignments[0].expires_after"] == "30"
    assert client.post(f"{here}/schedule", data=merged).history[0].status_code == 303
    newest = versions(clinic)[0]
    assert newest.version == 3
    assert newest.document["assignments"][0]["expires_after"] == "30m"
    assert newest.document["assignments"][0]["trigger"]["windows"][0]["to"] == "11:00"


def test_a_form_that_names_no_version_counts_as_the_newest(clinic, client, here):
    fields = form_of(client.get(f"{here}/schedule").text) | {FIRST_END: "11:00"}
    for version in ("99", "x", ""):
        reply = client.post(f"{here}/schedule/preview", data=fields | {"version": version})
        assert reply.status_code == 200
        assert form_of(reply.text)["version"] == "1"


def test_history_tells_what_each_version_changed(clinic, client, here):
    changed(clinic, expires_after="30m")
    told = words_of(client.get(here).text)
    assert "Version 2 Somebody Else" in told
    assert "The first schedule." in told


def test_every_field_has_a_place_in_words():
    titles = {"assignments[0]": "Check-in"}
    assert schedule_form.label_of(FIRST_END, titles) == "Check-in, window 1"
    assert schedule_form.label_of("quiet_hours[1].from", titles) == "Quiet time 2"
    assert schedule_form.label_of("limits.per_day", titles) == "Most prompts a day"
    assert schedule_form.label_of("assignments[0].expires_after", titles) == (
        "Check-in, stays open for"
    )
    assert all(schedule_form.label_of(name, {}) for name in schedule_form.shown(DOCUMENT))


def test_protocols_in_words_name_every_part():
    told = protocol_words(DOCUMENT, Library.builtin())
    assert told["Quiet hours"] == "21:30\N{EN DASH}08:00"
    assert told["Between two prompts"] == "at least 45 minutes"
    assert told["PHQ-9"] == "every 14 days at 18:30; open for 1 hour; never adapted"
    assert differences(told, told) == []
