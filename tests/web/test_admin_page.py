"""The admin's page, the therapist's test notification and the mark of a silent phone, as HTML."""

import re
import secrets
from datetime import timedelta

import pytest
from builders import PASSWORD
from practice import build_history, copy_of, form_of, signed_in, visitor, words_of

from api import auth
from api.deps import COOKIE
from api.web.admin_view import event_words, seconds_words
from engine.commands import answering
from engine.commands.answering import ReceiptIn
from engine.commands.enrolling import sha256
from engine.learning_records import LearningEvent, LearningKind
from engine.store import people, workers
from prompting.dispatch import Dispatcher


@pytest.fixture
def clinic(tmp_path):
    copied = copy_of(build_history(), tmp_path)
    yield copied
    copied.db.close()


def as_role(clinic, role):
    """Return a client signed in as somebody of this role, and their session's token."""
    someone = auth.add_clinician(
        clinic.db, email=f"{role}@clinic.example", name=f"One {role}", role=role,
        password=PASSWORD, now=clinic.clock(),
    )  # fmt: skip
    client, token = visitor(clinic), secrets.token_urlsafe(32)
    with clinic.db.write() as tx:
        people.open_session(tx, sha256(token), someone.id, now=clinic.clock())
    client.cookies.set(COOKIE, token, domain="testserver.local")
    return client


def tick(clinic):
    Dispatcher(db=clinic.db, pusher=clinic.pusher, clock=clinic.clock, owner="tests").tick()


@pytest.mark.parametrize("role", ["therapist", "researcher"])
def test_other_roles_find_no_such_page(clinic, role):
    reply = signed_in(clinic) if role == "therapist" else as_role(clinic, role)
    assert reply.get("/admin/delivery").status_code == 404


def test_an_admin_begins_at_delivery_and_a_therapist_at_the_caseload(clinic):
    as_role(clinic, "admin")
    for email, home in (
        ("admin@clinic.example", "/admin/delivery"), ("therapist@clinic.example", "/caseload"),
    ):  # fmt: skip
        form = {"email": email, "password": PASSWORD, "next": "/caseload"}
        reply = visitor(clinic).post("/sign-in", data=form, follow_redirects=False)
        assert (reply.status_code, reply.headers["location"]) == (303, home)
    assert 'href="/admin/delivery"' not in signed_in(clinic).get("/caseload").text


def test_the_page_tells_states_lateness_and_workers_and_names_nobody(clinic):
    now = clinic.clock()
    with clinic.db.write() as tx:
        told = workers.Beat(host="alpha", pid=7, version="1.2", ticks={"plan": 31.0})
        workers.beat(tx, "one", None, now=now, told=told)
        stalled = workers.Beat(host="beta", pid=8, open_until=now + timedelta(seconds=20))
        workers.beat(tx, "two", "the plan tick has been running for 700 s", now=now, told=stalled)
    text = as_role(clinic, "admin").get("/admin/delivery").text
    words = words_of(text)
    assert re.search(r"sent \S \d+ \d+ not sent no phone to send to \d+ \d+", words)
    assert re.search(r"\d+ prompts sent: half within 0 s of being due", words)
    assert "Worker beta, process 8: the plan tick has been running for 700 s." in words
    assert "1 of 2 workers send nothing until" in words
    assert "plan 31 s ago" in words
    for name, patient in clinic.patients.items():
        assert name not in text
        assert str(patient.id) not in text


def test_without_any_worker_the_page_says_what_that_means(clinic):
    words = words_of(as_role(clinic, "admin").get("/admin/delivery").text)
    assert "No worker is known: nothing is planned, sent or learned" in words


def test_a_model_that_was_kept_back_is_told_with_its_reason(clinic):
    event = LearningEvent(
        at=clinic.clock(),
        kind=LearningKind.KEPT_BACK,
        version="m-1",
        detail={"reasons": ["a", "b"]},
    )
    assert event_words(event) == "a new model was kept back (m-1): a; b"
    failed = LearningEvent(at=clinic.clock(), kind=LearningKind.FIT_FAILED, detail={"reason": "c"})
    assert event_words(failed) == "no model could be fitted: c"


def test_which_of_the_two_models_an_event_is_about_is_told(clinic):
    event = LearningEvent(
        at=clinic.clock(),
        kind=LearningKind.PROMOTED,
        version="m-2",
        detail={"head": "relevance"},
    )
    assert event_words(event) == "a new model of good moments decides (m-2)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
    ],
)
def test_seconds_are_told_in_the_unit_that_fits(seconds, words):
    assert seconds_words(seconds) == words


def test_a_therapist_watches_a_test_arrive(clinic):
    client, patient = signed_in(clinic), clinic.patients["P-01"]
    here = f"/patients/{patient.id}"
    csrf = {"csrf": form_of(client.get(here).text)["csrf"]}
    watched = client.post(f"{here}/tests", data=csrf)
    address = watched.url.path
    assert "Waiting for it to be sent." in words_of(watched.text)
    assert '<meta http-equiv="refresh" content="2">' in watched.text
    assert 'http-equiv="refresh"' not in client.get(f"{address}?watch=false").text
    tick(clinic)
    assert re.search(
        r"Sent \d\d:\d\d:\d\d\. Waiting for the phone", words_of(client.get(address).text)
    )
    push, device, now = clinic.pusher.pushed[-1], clinic.devices[patient.id], clinic.clock()
    report = ReceiptIn(prompt_id=push.prompt_id, kind="delivered", at=now)
    answering.record_receipts(clinic.db, device, [report], device_now=now, now=now)
    done = client.get(address).text
    assert re.search(r"Sent (\S+), the phone confirmed \1\.", words_of(done))
    assert 'http-equiv="refresh"' not in done


def test_a_test_that_nobody_confirms_and_one_that_cannot_leave_are_told(clinic):
    client = signed_in(clinic)
    for name, words in (
        ("P-01", "but no phone confirmed it"), ("P-03", "It did not reach the phone: no phone to"),
    ):  # fmt: skip
        here = f"/patients/{clinic.patients[name].id}"
        csrf = {"csrf": form_of(client.get(here).text)["csrf"]}
        address = client.post(f"{here}/tests", data=csrf).url.path
        tick(clinic)
        clinic.clock.move_to(clinic.clock() + timedelta(minutes=5))
        assert words in words_of(client.get(address).text)


def test_the_fourth_test_is_refused_in_words(clinic):
    client = signed_in(clinic)
    here = f"/patients/{clinic.patients['P-01'].id}"
    csrf = {"csrf": form_of(client.get(here).text)["csrf"]}
    replies = [client.post(f"{here}/tests", data=csrf) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert "The next is possible in 10 minutes." in words_of(replies[-1].text)


def test_a_test_needs_the_sessions_own_form(clinic):
    here = f"/patients/{clinic.patients['P-01'].id}"
    reply = signed_in(clinic).post(f"{here}/tests", data={"csrf": "x"})
    assert reply.status_code == 403


def test_a_silent_phone_is_marked_on_caseload_and_page_until_it_calls(clinic):
    client, patient = signed_in(clinic), clinic.patients["P-01"]
    with clinic.db.write() as tx:
        tx.conn.exec_driver_sql(
            "UPDATE prompts SET delivered_at = NULL, answered_at = NULL WHERE patient_id = ?"
            " AND local_date >= '2026-11-18'",
            (patient.id.hex,),
        )
        tx.conn.exec_driver_sql(
            "UPDATE devices SET seen_at = '2026-11-18 00:00:00.000000' WHERE patient_id = ?",
            (patient.id.hex,),
        )
    here = f"/patients/{patient.id}"
    assert "Phone silent" in words_of(client.get("/caseload").text)
    told = words_of(client.get(here).text)
    assert re.search(r"The phone is silent\. \d+ prompts sent since Wed 18 Nov", told)
    with clinic.db.write() as tx:
        tx.conn.exec_driver_sql(
            "UPDATE devices SET seen_at = '2026-11-20 15:00:00.000000' WHERE patient_id = ?",
            (patient.id.hex,),
        )
    assert "The phone is silent" not in words_of(client.get(here).text)
    assert "Phone silent" not in words_of(client.get("/caseload").text)
