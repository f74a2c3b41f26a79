"""The therapist's pages over HTTP, as a browser without JavaScript uses them."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from builders import ANSWERS, EMAIL, NOW, PASSWORD, Answer, empty_clinic
from practice import ORIGIN, build_history, copy_of, form_of, signed_in, visitor, words_of
from starlette.testclient import TestClient

from api import auth
from api.app import create_app
from engine.commands import scheduling
from prompting.fcm.outcome import Kind

FIRST_END = "assignments[0].trigger.windows[0].to"


@pytest.fixture
def clinic(tmp_path):
    copied = copy_of(build_history(), tmp_path)
    yield copied
    copied.db.close()


@pytest.fixture
def client(clinic):
    return signed_in(clinic)


def page_of(clinic, name):
    return f"/patients/{clinic.patients[name].id}"


def versions(clinic, name):
    return scheduling.protocol_for(clinic.db, clinic.patients[name].id)[1]


def test_pages_without_a_session_lead_to_signing_in_and_back(clinic):
    client = visitor(clinic)
    path = page_of(clinic, "P-01")
    reply = client.get(path, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, f"/sign-in?next={path}")
    fields = form_of(client.get(reply.headers["location"]).text)
    reply = client.post("/sign-in", data=fields | {"email": EMAIL, "password": PASSWORD})
    assert reply.url.path == path


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_signing_in_never_leads_to_another_site(clinic, target):
    reply = visitor(clinic).post(
        "/sign-in",
        data={"email": EMAIL, "password": PASSWORD, "next": target},
        follow_redirects=False,
    )
    assert reply.headers["location"] == "/caseload"


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(clinic):
    services = clinic.services
    https = services.settings.model_copy(update={"public_url": "https://clinic.example"})
    client = TestClient(create_app(replace(services, settings=https)), headers={"origin": ORIGIN})
    reply = client.post(
        "/sign-in", data={"email": EMAIL, "password": PASSWORD}, follow_redirects=False
    )
    cookie = reply.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/"} <= set(cookie.split("; "))


def test_a_wrong_password_and_an_unknown_address_are_told_alike(clinic):
    client = visitor(clinic)
    wrong = client.post("/sign-in", data={"email": EMAIL, "password": "not it at all"})
    unknown = client.post("/sign-in", data={"email": "no@one.example", "password": "not it"})
    assert wrong.status_code == unknown.status_code == 401
    assert words_of(wrong.text) == words_of(unknown.text)
    assert f'value="{EMAIL}"' in wrong.text


def test_guessing_is_stopped_with_a_sentence(clinic):
    client = visitor(clinic)
    replies = [client.post("/sign-in", data={"email": "a@b.example"}) for _ in range(11)]
    assert replies[9].status_code == 401
    assert replies[10].status_code == 429
    assert "Wait a minute" in words_of(replies[10].text)
    assert replies[10].headers["retry-after"] == "60"


def test_signing_out_ends_the_session(client):
    token = form_of(client.get("/patients/new").text)["csrf"]
    client.post("/sign-out", data={"csrf": token})
    assert client.get("/caseload").url.path == "/sign-in"


def test_every_form_that_changes_something_needs_the_sessions_token(clinic, client):
    here = page_of(clinic, "P-01")
    before = versions(clinic, "P-01")
    for path in ("/patients/new", f"{here}/code", f"{here}/schedule", f"{here}/schedule/preview"):
        for data in ({}, {"csrf": "0" * 64}):
            reply = client.post(path, data={"name": "X", "zone": "Europe/Berlin"} | data)
            assert reply.status_code == 403, path
    assert client.post("/sign-out", data={}).status_code == 403
    assert versions(clinic, "P-01") == before
    assert "X" not in words_of(client.get("/caseload").text).split()


def test_a_form_posted_from_another_site_is_not_accepted(client):
    token = form_of(client.get("/patients/new").text)["csrf"]
    fields = {"csrf": token, "name": "Planted", "zone": "Europe/Berlin"}
    reply = client.post("/patients/new", data=fields, headers={"origin": "https://evil.example"})
    assert reply.url.path == "/sign-in"
    assert "Planted" not in client.get("/caseload").text


def test_the_caseload_lists_first_who_needs_attention_and_says_why(client):
    text = client.get("/caseload").text
    names = re.findall(r'<th scope="row"><a [^>]*>([^<]*)', text)
    assert names == ["P-02", "P-03", "P-01"]
    told = words_of(text)
    assert "3 patients, 2 to look at first" in told
    assert re.search(r"P-02 0 of (\d+) \1 never Nothing answered for 3 days", told)
    assert "P-03 none delivered 0 never No phone connected" in told


def test_a_risk_answer_comes_before_all_else(clinic):
    def at_risk(record, _number):
        answers = dict(ANSWERS[record.content_id])
        return Answer(5, answers | {"phq9": "2"} if record.content_id == "phq9" else answers)

    patient = clinic.add_patient("Z-99", habit=at_risk)
    clinic.run_until(NOW + timedelta(hours=8))
    client = signed_in(clinic)
    text = client.get("/caseload").text
    assert text.index("Z-99") < text.index("P-02")
    assert "Risk answer" in words_of(text)
    told = words_of(client.get(f"/patients/{patient.id}").text)
    assert "A clinical rule held for 1 answer" in told
    assert "Thoughts that you would be better off dead" in told
    assert "More than half the days" in told


def test_an_empty_caseload_says_what_to_do(tmp_path):
    clinic = empty_clinic(f"sqlite:///{tmp_path / 'empty.db'}", NOW)
    told = words_of(signed_in(clinic).get("/caseload").text)
    assert "No patients yet" in told
    assert "Add patient" in told
    clinic.db.close()


def test_a_new_patient_gets_a_code_and_a_schedule_that_can_be_planned(clinic, client):
    fields = form_of(client.get("/patients/new").text)
    reply = client.post("/patients/new", data=fields | {"name": "N-01", "zone": "Asia/Kolkata"})
    assert reply.status_code == 200
    assert re.search(r"<code>[0-9A-Z]{5}-[0-9A-Z]{5}</code>", reply.text)
    here = re.search(r"/patients/[0-9a-f-]{36}", reply.text)[0]
    assert "every 14 days at 19:15" in words_of(client.get(here).text)


def test_a_refused_patient_is_told_beside_the_field_and_nothing_is_lost(client):
    fields = form_of(client.get("/patients/new").text)
    reply = client.post("/patients/new", data=fields | {"name": "N-02", "zone": "Mars/Base"})
    assert reply.status_code == 422
    assert "is not a known time zone" in words_of(reply.text)
    assert form_of(reply.text) | {"csrf": ""} == {"csrf": "", "name": "N-02", "zone": "Mars/Base"}
    assert "N-02" not in client.get("/caseload").text


def test_another_therapists_patient_and_no_patient_look_the_same(clinic, client):
    other = auth.add_clinician(
        clinic.db, email="o@clinic.example", name="O", role="therapist", password=PASSWORD, now=NOW
    )
    patient = clinic.add_patient("Hidden", therapist_ids=[other.id])
    for ending in ("", "/schedule"):
        theirs = client.get(f"/patients/{patient.id}{ending}")
        absent = client.get(f"/patients/{UUID(int=0)}{ending}")
        nonsense = client.get(f"/patients/nonsense{ending}")
        assert theirs.status_code == absent.status_code == nonsense.status_code == 404
        assert theirs.text == absent.text == nonsense.text
    assert "Hidden" not in client.get("/caseload").text


def test_the_patient_page_gives_the_number_behind_each_figure(clinic, client):
    text = client.get(page_of(clinic, "P-01")).text
    told = words_of(text)
    patient = clinic.patients["P-01"]
    today = NOW.date()
    records = clinic.records(patient, today - timedelta(days=27), today)
    answered = sum(record.answered_at is not None for record in records)
    delivered = sum(record.delivered_at is not None for record in records)
    assert 0 < answered < delivered
    assert f"Last 4 weeks: answered {answered} of {delivered} delivered" in told
    assert text.count('<use href="#mark-') >= len(records)
    assert "Partner or family" in told
    assert "62 of 100 (0 very unpleasant, 100 very pleasant)" in told
    assert "Too few to tell" in told or "95 % interval" in told


def test_a_patient_without_a_phone_still_has_a_whole_page(clinic, client):
    told = words_of(client.get(page_of(clinic, "P-03")).text)
    assert "nothing was delivered to the phone" in told
    assert "No phone can be reached" in told
    assert "not sent: no phone to send to" in told


def test_the_span_is_checked_and_told_as_a_page(clinic, client):
    here = page_of(clinic, "P-01")
    assert "Last 1 week:" in words_of(client.get(f"{here}?weeks=1").text)
    for wrong in ("0", "13", "x", ""):
        reply = client.get(f"{here}?weeks={wrong}")
        assert reply.status_code == 422
        assert "weeks" in words_of(reply.text)


def test_a_code_is_shown_once_and_ends_the_one_before(clinic, client):
    here = page_of(clinic, "P-01")
    token = form_of(client.get("/patients/new").text)["csrf"]
    codes = {
        re.search(r"<code>(.*?)</code>", client.post(f"{here}/code", data={"csrf": token}).text)[1]
        for _ in range(2)
    }
    assert len(codes) == 2
    assert not any(code in client.get(here).text for code in codes)


def test_names_cannot_bring_markup_into_a_page(clinic, client):
    fields = form_of(client.get("/patients/new").text)
    name = '<script>alert(1)</script>"'
    client.post("/patients/new", data=fields | {"name": name, "zone": "Europe/Berlin"})
    text = client.get("/caseload").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_no_page_uses_inline_style_or_script(clinic, client):
    here = page_of(clinic, "P-01")
    for path in ("/", "/sign-in", "/caseload", "/patients/new", here, f"{here}/schedule"):
        text = client.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), path
        assert text.count("<h1") == 1, path
        ids = re.findall(r'\sid="([^"]*)"', text)
        assert len(ids) == len(set(ids)), path


def test_pushes_that_fail_do_not_count_against_the_patient(tmp_path):
    clinic = empty_clinic(f"sqlite:///{tmp_path / 'failing.db'}", NOW - timedelta(days=2))
    patient = clinic.add_patient("F-01")
    clinic.pusher.outcome = Kind.REFUSED
    clinic.run_until(NOW)
    told = words_of(signed_in(clinic).get(f"/patients/{patient.id}").text)
    assert "nothing was delivered to the phone" in told
    clinic.db.close()
