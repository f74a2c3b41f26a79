"""The therapist's view of a blended course: phases, events, own rules, phones, traces, drafts."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from builders import NOW, PASSWORD, Clinic, empty_clinic
from own_times import BLENDED
from practice import form_of, signed_in, words_of
from starlette.testclient import TestClient

from api import auth
from api.web import schedule_form
from engine.commands import holding, milestones, patient_rules, postponing, scheduling
from engine.protocol import dump_protocol, parse_protocol

DOCUMENT = dump_protocol(parse_protocol(BLENDED))


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """A clinic whose patient has had the first prompt of a blended course."""
    built = empty_clinic(f"sqlite:///{tmp_path / 'course.db'}", NOW)
    built.add_patient("P-07", protocol=BLENDED, habit=lambda *_: None)
    built.run_until(NOW + timedelta(seconds=6))
    yield built
    built.db.close()


@pytest.fixture
def client(clinic: Clinic) -> TestClient:
    return signed_in(clinic)


def here(clinic: Clinic) -> str:
    return f"/patients/{clinic.patients['P-07'].id}"


def device(clinic: Clinic):
    return clinic.devices[clinic.patients["P-07"].id]


def welcome(clinic: Clinic) -> UUID:
    today = NOW.date()
    records = clinic.records(clinic.patients["P-07"], today, today)
    return next(one.id for one in records if one.assignment == "welcome")


def token(client: TestClient) -> str:
    return form_of(client.get("/patients/new").text)["csrf"]


def enter(client: TestClient, clinic: Clinic, name: str, date: str):
    fields = {"csrf": token(client), "name": name, "date": date}
    return client.post(f"{here(clinic)}/milestones", data=fields)


def set_rules(clinic: Clinic, document: dict[str, object], by: str = "patient") -> None:
    patient = clinic.patients["P-07"].id
    _, version = patient_rules.rules_for(clinic.db, patient)
    patient_rules.set_rules(
        clinic.db, patient, document, by=by, expected_version=version, now=clinic.clock()
    )


def test_an_untouched_form_of_any_kind_of_trigger_changes_nothing(
    clinic: Clinic, client: TestClient
) -> None:
    assert schedule_form.parsed(DOCUMENT, schedule_form.shown(DOCUMENT)).document == DOCUMENT
    reply = client.post(
        f"{here(clinic)}/schedule", data=form_of(client.get(f"{here(clinic)}/schedule").text)
    )
    assert "Nothing was changed" in words_of(reply.text)


def test_decision_points_can_be_moved_on_the_form(clinic: Clinic, client: TestClient) -> None:
    fields = form_of(client.get(f"{here(clinic)}/schedule").text)
    name = next(name for name, text in fields.items() if text == "10:30")
    client.post(f"{here(clinic)}/schedule", data=fields | {name: "1100"})
    _, versions = scheduling.protocol_for(clinic.db, clinic.patients["P-07"].id)
    assert versions[0].document["assignments"][-1]["trigger"]["at"] == ["11:00", "17:15"]


def test_a_preview_tells_what_moves_and_goes_side_by_side(
    clinic: Clinic, client: TestClient
) -> None:
    fields = form_of(client.get(f"{here(clinic)}/schedule").text)
    first, third = (f"assignments[0].trigger.windows[{place}]" for place in (0, 2))
    fields |= {f"{first}.from": "0930", f"{third}.from": "", f"{third}.to": ""}
    told = words_of(client.post(f"{here(clinic)}/schedule/preview", data=fields).text)
    summary = re.search(r"What this changes: (\d+) prompts move, (\d+) go", told)
    assert summary is not None
    moved, gone = summary.groups()
    dash = "\N{EN DASH}"
    assert f"Check-in 09:00{dash}12:00 09:30{dash}12:00 moves {moved} prompts, Sat 21 Nov" in told
    assert f"Check-in 15:00{dash}18:00 {dash} goes {gone} prompts" in told
    assert f"was once in each of 09:00{dash}12:00" not in told, "was and now are marked, not words"
    assert "The settings that differ" in told
    assert "Sat 21 Nov waiting" in told


def test_a_preview_without_a_change_says_so(clinic: Clinic, client: TestClient) -> None:
    fields = form_of(client.get(f"{here(clinic)}/schedule").text)
    told = words_of(client.post(f"{here(clinic)}/schedule/preview", data=fields).text)
    assert "This changes no prompt" in told


def test_a_preview_counts_the_patients_own_rules(clinic: Clinic, client: TestClient) -> None:
    set_rules(clinic, {"pauses": [{"from": "2026-11-21", "to": "2026-11-21"}]})
    fields = form_of(client.get(f"{here(clinic)}/schedule").text)
    told = words_of(client.post(f"{here(clinic)}/schedule/preview", data=fields).text)
    assert "Sat 21 Nov nothing planned Left out: everything: the patient has a pause day" in told


def test_an_event_of_the_course_is_entered_and_put_right(
    clinic: Clinic, client: TestClient
) -> None:
    told = words_of(client.get(here(clinic)).text)
    assert "First session was on Not entered yet" in told
    assert "Waiting until first-session 20 Nov 2026 on" not in told
    assert "from 20 Nov 2026 on now" in told
    reply = enter(client, clinic, "first-session", "2026-11-24")
    assert reply.history[0].status_code == 303
    told = words_of(reply.text)
    assert "The date was entered" in told
    assert "24 Nov 2026, entered by Therapist One" in told
    assert "Treatment for 84 days 24 Nov 2026 to 15 Feb 2027" in told
    assert "Event of the course Therapist One, Fri 20 Nov" in told
    enter(client, clinic, "first-session", "2026-11-20")
    told = words_of(client.get(here(clinic)).text)
    assert "skipped: over before it began" in told
    assert "First-session on 2026-11-20, not 2026-11-24" in told


@pytest.mark.parametrize("date", ["", "soon", "2025-11-18", "2031-01-01", "2026-02-30", "x" * 40])
def test_a_date_outside_the_course_is_refused_beside_its_field(
    clinic: Clinic, client: TestClient, date: str
) -> None:
    reply = enter(client, clinic, "first-session", date)
    assert reply.status_code == 422
    assert "must be" in words_of(reply.text)
    assert 'aria-describedby="event-1-fault" autofocus' in reply.text
    _, recorded = milestones.milestones_for(clinic.db, clinic.patients["P-07"].id)
    assert recorded == []


def test_an_event_the_course_does_not_wait_for_is_refused(
    clinic: Clinic, client: TestClient
) -> None:
    reply = enter(client, clinic, "wedding", "2026-11-24")
    assert reply.status_code == 422
    assert "wedding: must be one of: first-session" in words_of(reply.text)


def test_what_the_patient_set_is_told_and_who_changed_it_when(
    clinic: Clinic, client: TestClient
) -> None:
    assert "What the patient set Nothing." in words_of(client.get(here(clinic)).text)
    set_rules(
        clinic,
        {
            "quiet_hours": [{"from": "13:00", "to": "14:00"}],
            "pauses": [{"from": "2026-11-24", "to": "2026-11-25"}, {"from": "2026-12-24"}],
            "per_day": 3,
            "without": ["nudge"],
        },
    )
    set_rules(clinic, {"per_day": 2}, by="Therapist One")
    told = words_of(client.get(here(clinic)).text)
    assert "What the patient set At most a day 2" in told
    assert "The patient's own rules the patient, Fri 20 Nov" in told
    assert "The patient's own rules Therapist One, Fri 20 Nov" in told
    assert "24 Nov 2026 to 25 Nov 2026; from 24 Dec 2026 until taken back" in told
    assert "Left out not set became Plan one thing for tomorrow (nudge)" in told


def test_moments_that_did_not_suit_are_counted_and_are_no_silence(
    clinic: Clinic, client: TestClient
) -> None:
    postponing.not_now(clinic.db, device(clinic), welcome(clinic), "work", now=clinic.clock())
    text = client.get(here(clinic)).text
    told = words_of(text)
    assert "The moment did not suit 1 time: 1 at work" in told
    assert "not now: at work" in told
    assert '<use href="#mark-declined" x="' in text.split("</ul>", 1)[1]


def test_what_the_phone_holds_is_told_and_when_it_is_older(
    clinic: Clinic, client: TestClient
) -> None:
    assert "has not asked for the schedule yet" in words_of(client.get(here(clinic)).text)
    holding.upcoming(clinic.db, device(clinic), now=clinic.clock())
    told = words_of(client.get(here(clinic)).text)
    assert "Schedule it holds: version 1, as of Fri 20 Nov, 16:10 up to date" in told
    set_rules(clinic, {"per_day": 2})
    assert "16:10 older" in words_of(client.get(here(clinic)).text)


def test_each_prompt_leads_to_its_way_to_the_phone(clinic: Clinic, client: TestClient) -> None:
    link = f"{here(clinic)}/prompts/{welcome(clinic)}"
    assert f'href="{link}"' in client.get(here(clinic)).text
    told = words_of(client.get(link).text)
    assert "Sent 16:10, phone confirmed 16:10" in told
    assert "Fri 20 Nov, 16:10:05" in told
    assert "sent to phone (attempt 1)" in told


def test_traces_and_events_of_others_and_of_nobody_look_the_same(
    clinic: Clinic, client: TestClient
) -> None:
    other = auth.add_clinician(
        clinic.db, email="o@clinic.example", name="O", role="therapist", password=PASSWORD, now=NOW
    )
    hidden = clinic.add_patient("Hidden", protocol=BLENDED, therapist_ids=[other.id])
    clinic.run_until(clinic.clock() + timedelta(seconds=6))
    theirs = next(one.id for one in clinic.records(hidden, NOW.date(), NOW.date()))
    replies = [
        client.get(path)
        for path in (
            f"/patients/{hidden.id}/prompts/{theirs}",
            f"{here(clinic)}/prompts/{theirs}",
            f"{here(clinic)}/prompts/{uuid4()}",
            f"{here(clinic)}/prompts/nonsense",
        )
    ]
    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.content for reply in replies}) == 1
    fields = {"csrf": token(client), "name": "first-session", "date": "2026-11-24"}
    absent, foreign = (
        client.post(f"/patients/{patient}/milestones", data=fields)
        for patient in (uuid4(), hidden.id)
    )
    assert absent.status_code == foreign.status_code == 404
    assert absent.content == foreign.content
    assert milestones.milestones_for(clinic.db, hidden.id)[1] == []


def test_an_event_needs_the_sessions_token(clinic: Clinic, client: TestClient) -> None:
    fields = {"csrf": "0" * 64, "name": "first-session", "date": "2026-11-24"}
    assert client.post(f"{here(clinic)}/milestones", data=fields).status_code == 403
    assert milestones.milestones_for(clinic.db, clinic.patients["P-07"].id)[1] == []
