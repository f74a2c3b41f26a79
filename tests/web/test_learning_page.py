"""Learning on the therapist's pages: the curve, objectives, reasons, marks, declared hours."""

import re
from datetime import time

import numpy as np
import pytest
from practice import build_history, copy_of, form_of, signed_in, visitor, words_of

from api.web import charts, learning_view
from api.web.reach_view import curve_views, hour_words
from api.web.wording import DASH
from engine.commands import declaring, marking
from engine.learning_records import DeclaredHours
from models.bins import BINS, centres
from models.reachability import Reach
from prompting.explaining import explanation_of
from prompting.learning import Learner
from prompting.objectives import ObjectiveNow

HOURS = {"wake": "7:30", "bed": "2300", "work_start": "", "work_end": ""}
DAY = {"assignments": [{"trigger": {"windows": [{"from": "09:00", "to": "21:00"}]}}]}


@pytest.fixture
def clinic(tmp_path):
    copied = copy_of(build_history(), tmp_path)
    yield copied
    copied.db.close()


@pytest.fixture
def client(clinic):
    return signed_in(clinic)


def here(clinic):
    return f"/patients/{clinic.patients['P-01'].id}"


def section(text, name):
    """Return what the section under this heading says."""
    found = re.search(rf'<section[^>]*aria-labelledby="{name}".*?</section>', text, re.S)
    return words_of("<main" + found[0])


def learn(clinic):
    Learner(clinic.db, epsilon=0.1, refit_hour_utc=3).refit(now=clinic.clock())


def curve(mean, spread=0.05, n=2.0):
    mean = np.full(BINS, mean) if np.isscalar(mean) else mean
    return Reach(centres(), mean, mean - spread, mean + spread, np.full(BINS, n))


def peak_at(hour, high=0.8, low=0.4):
    return np.where(np.abs(centres() - hour) < 1, high, low)


def test_without_a_model_the_page_says_so(clinic, client):
    text = client.get(here(clinic)).text
    assert "There is no model yet." in section(text, "reach")
    assert "Rests at present on chance, until there is a model." in section(text, "learning")


def test_the_curve_is_told_in_words_as_a_picture_and_as_a_table(clinic, client):
    learn(clinic)
    text = client.get(here(clinic)).text
    told = section(text, "reach")
    for days in ("Work days", "Days off"):
        assert days in told
    assert "of this patient's on work days" in told
    assert "95 % interval" in told
    views = curve_views(client.app.state.services.standing.curves(clinic.patients["P-01"].id), DAY)
    table = re.search(r'aria-label="Chance of an answer by half hour".*?</table>', text, re.S)[0]
    rows = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', table)
    assert rows[0] == "8:00 to 8:30"
    assert len(rows) == len(re.findall(r'class="mean"', text)) / 2 / len(views)
    labels = re.findall(r'class="plot reach">.*?role="img" aria-label="([^"]*)"', text, re.S)
    assert [label[:12] for label in labels] == ["On work days", "On days off "]
    assert "Rests at present on what it is chosen for." in section(text, "learning")


@pytest.mark.parametrize(
    ("rests_on", "told"),
    [
        ("completed", "what it is chosen for"),
        ("answered", "answers in time, until enough is known of exercises done"),
    ],
)
def test_what_times_for_exercises_done_rest_on_is_told(clinic, client, monkeypatch, rests_on, told):
    exercise = ObjectiveNow("plan", "ba.plan-tomorrow", "adaptive", "completed", rests_on)
    monkeypatch.setattr(learning_view, "objectives_of", lambda *_, **__: [exercise])
    text = section(client.get(here(clinic)).text, "learning")
    assert f"An exercise done in time. Rests at present on {told}." in text


def test_the_places_of_the_curve_are_the_schedules_hours_and_its_chances():
    view, _ = curve_views((curve(peak_at(12)), curve(0.5)), DAY)
    assert (view.steps[0].half_hour.start, view.steps[-1].half_hour.start) == (8.0, 21.5)
    assert view.steps[0].x == 0
    assert view.steps[-1].x + view.steps[-1].width == pytest.approx(100, abs=0.01)
    for step in view.steps:
        assert step.y == charts.share_y(step.half_hour.mean)
        assert step.top < step.y < step.bottom
        assert 0 < step.bar <= 24
    assert len(view.whole_day) == 48


@pytest.mark.parametrize(
    ("mean", "spread", "n", "says", "says_not"),
    [
        (peak_at(12), 0.05, 2, ["most likely from 11:00 to 13:00: 80 % (95 % interval 75 to 85 %)",
                                "96 prompts of this patient's"], ["overlap", "No prompt"]),
        (peak_at(12), 0.3, 2, ["The two intervals overlap, so the difference may be chance."], []),
        (0.6, 0.1, 2, ["no time stands out: an answer in time is 60 %"], ["most likely"]),
        (peak_at(3), 0.05, 2, ["no time stands out"], ["most likely"]),
        (peak_at(12), 0.3, 0, ["No prompt of this patient's on work days is behind it yet"], []),
    ],
    ids=["clear", "doubtful", "flat", "a peak at night, when nothing is sent", "unknown"],
)  # fmt: skip
def test_the_sentences_say_what_the_curve_shows_and_no_more(mean, spread, n, says, says_not):
    view, _ = curve_views((curve(mean, spread, n), curve(0.5)), DAY)
    told = " ".join(view.sentences)
    for part in says:
        assert part in told
    for part in says_not:
        assert part not in told


def test_no_curve_is_made_without_a_model():
    assert curve_views(None, DAY) == ()
    assert (hour_words(9.0), hour_words(23.5), hour_words(24)) == ("9:00", "23:30", "24:00")


def test_each_prompts_way_says_why_it_came_at_its_time(clinic, client):
    patient = clinic.patients["P-01"]
    today = clinic.clock().date()
    drawn = [one for one in clinic.records(patient, today, today) if one.sent_at]
    assert len({one.assignment for one in drawn}) >= 1
    for one in drawn:
        why = explanation_of(clinic.db, patient.id, one.id)
        told = section(client.get(f"{here(clinic)}/prompts/{one.id}").text, "why")
        assert why.therapist in told
        assert why.patient in told
        assert "called the moment" not in told
    device = clinic.devices[patient.id]
    marking.mark_moment(clinic.db, device, drawn[0].id, good=False, now=clinic.clock())
    told = section(client.get(f"{here(clinic)}/prompts/{drawn[0].id}").text, "why")
    assert "The patient called the moment not good." in told
    told = section(client.get(here(clinic)).text, "learning")
    assert "the patient said yes 0 times and no 1 time." in told


def declare(clinic, client, **fields):
    page = client.get(here(clinic)).text
    form = re.search(r'<form class="form"[^>]*declared-hours.*?</form>', page, re.S)[0]
    return client.post(f"{here(clinic)}/declared-hours", data=form_of("<main" + form) | fields)


def declared(clinic):
    return declaring.declared_version(clinic.db, clinic.patients["P-01"].id)


def test_the_therapist_enters_usual_hours_and_sees_who_did(clinic, client):
    assert "has not told any" in section(client.get(here(clinic)).text, "declared")
    reply = declare(clinic, client, **HOURS)
    assert (reply.status_code, reply.url.fragment) == (200, "declared")
    assert declared(clinic).hours == DeclaredHours(wake=time(7, 30), bed=time(23))
    told = section(reply.text, "declared")
    assert f"Awake 07:30{DASH}23:00" in told
    assert "Entered by Therapist One" in told
    assert "The hours were saved." in words_of(reply.text)
    declare(clinic, client, wake="", bed="")
    assert declared(clinic).hours == DeclaredHours()
    assert "has not told any" in section(client.get(here(clinic)).text, "declared")


def test_refused_hours_stay_in_the_form_beside_the_reason(clinic, client):
    for fields, name, reason in (
        ({"wake": "7:30"}, "bed", "must be given together with"),
        ({"wake": "half past", "bed": "23:00"}, "wake", "must be a time such as 07:30"),
    ):
        reply = declare(clinic, client, **fields)
        assert reply.status_code == 422
        assert reason in re.search(rf'id="{name}-fault">([^<]*)<', reply.text)[1]
        (kept,) = re.findall(r'<input id="wake"[^>]* value="([^"]*)"', reply.text)
        assert kept == fields["wake"]
        assert 'role="alert">wake' not in reply.text
    assert declared(clinic) is None


def test_what_the_patient_told_meanwhile_is_not_overwritten(clinic, client):
    page = client.get(here(clinic)).text
    patient = clinic.patients["P-01"].id
    told = DeclaredHours(wake=time(6), bed=time(22))
    declaring.declare_hours(clinic.db, patient, told, by="patient", now=clinic.clock())
    form = re.search(r'<form class="form"[^>]*declared-hours.*?</form>', page, re.S)[0]
    reply = client.post(f"{here(clinic)}/declared-hours", data=form_of("<main" + form) | HOURS)
    assert reply.status_code == 422
    assert "was changed meanwhile" in reply.text
    assert "Entered by the patient" in section(reply.text, "declared")
    assert declared(clinic).hours == told


def test_a_form_of_another_session_or_site_changes_no_hours(clinic, client):
    assert declare(clinic, client, **HOURS, csrf="x").status_code == 403
    path = f"{here(clinic)}/declared-hours"
    assert visitor(clinic).post(path, data=HOURS, follow_redirects=False).status_code == 303
    assert declared(clinic) is None


def test_hours_and_reasons_of_anothers_patient_are_not_found(clinic, client):
    other = clinic.add_patient("P-99", phone=False, therapist_ids=[])
    token = form_of(client.get("/patients/new").text)["csrf"]
    reply = client.post(f"/patients/{other.id}/declared-hours", data=HOURS | {"csrf": token})
    assert reply.status_code == 404
    assert declaring.declared_version(clinic.db, other.id) is None
    today = clinic.clock().date()
    (one, *_) = clinic.records(clinic.patients["P-01"], today, today)
    assert client.get(f"/patients/{other.id}/prompts/{one.id}").status_code == 404
    mine = f"/patients/{clinic.patients['P-02'].id}/prompts/{one.id}"
    assert client.get(mine).status_code == 404, "nor under another patient of one's own"
