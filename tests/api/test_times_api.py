"""What phones and therapists call about times: schedule, zone, snooze, not now, rules, events."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from api_world import BAD_ID, PROTOCOL, World

BLENDED: dict[str, Any] = {
    **PROTOCOL,
    "phases": [{"name": "waiting", "until": "first-session"}, {"name": "treatment", "days": "84d"}],
    "assignments": [
        *PROTOCOL["assignments"],
        {
            "content": "cbt.thought-record",
            "id": "own.record",
            "trigger": {"kind": "patient_initiated", "per_day": 1},
        },
        {
            "content": "cbt.thought-record",
            "id": "after.smoking",
            "trigger": {"kind": "event", "when": {"report": "smoked"}, "delay": "10m"},
        },
    ],
}


def publish(world: World, document: dict[str, Any] = BLENDED) -> None:
    reply = world.call(
        "PUT",
        world.own("/protocol"),
        "therapist",
        json={"document": document},
        headers={
            "If-Match": world.call("GET", world.own("/protocol"), "therapist").headers["ETag"]
        },
    )
    assert reply.status_code == 200, reply.text


def test_a_phone_pulls_the_coming_two_days_and_the_therapist_sees_what_it_holds(
    world: World,
) -> None:
    schedule = world.call("GET", "/v1/device/schedule").json()
    assert schedule["windows"], "two days ahead are planned"
    starts = [datetime.fromisoformat(window["start_at"]) for window in schedule["windows"]]
    assert starts == sorted(starts)
    assert starts[-1] < datetime.fromisoformat(schedule["until"])
    (held,) = world.call("GET", world.own("/phones"), "therapist").json()
    assert (held["version"], held["is_current"]) == (schedule["version"], True)
    publish(world)
    (held,) = world.call("GET", world.own("/phones"), "therapist").json()
    assert not held["is_current"], "the phone holds an older version now"


def test_a_snoozed_prompt_comes_again_and_expires_later(world: World) -> None:
    prompt = f"/v1/device/prompts/{world.prompts['phone']}"
    (before,) = world.call("GET", "/v1/device/prompts").json()["prompts"]
    snoozed = world.call("POST", f"{prompt}/snooze", json={"minutes": 15})
    assert snoozed.status_code == 200, snoozed.text
    assert datetime.fromisoformat(snoozed.json()["due_at"]) == world.clock() + timedelta(minutes=15)
    (after,) = world.call("GET", "/v1/device/prompts").json()["prompts"]
    assert after["expires_at"] >= before["expires_at"]
    refused = world.call("POST", f"{prompt}/snooze", json={"minutes": 1})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "minutes"


def test_not_now_closes_the_prompt_and_is_no_answer(world: World) -> None:
    prompt = f"/v1/device/prompts/{world.prompts['phone']}"
    assert world.call("POST", f"{prompt}/not-now", json={"reason": "asleep"}).status_code == 204
    assert world.call("POST", f"{prompt}/not-now", json={"reason": "asleep"}).status_code == 204
    assert world.call("GET", "/v1/device/prompts").json()["prompts"] == []
    assert world.call("POST", f"{prompt}/not-now", json={"reason": "bored"}).status_code == 422
    trace = world.call(
        "GET", world.own(f"/prompts/{world.prompts['phone']}/trace"), "therapist"
    ).json()
    assert trace["steps"], "staff can read what became of it"


def test_another_patients_prompt_can_be_neither_snoozed_nor_declined_nor_traced(
    world: World,
) -> None:
    for name in (world.prompts[next(k for k in world.prompts if k != "phone")], BAD_ID):
        prompt = f"/v1/device/prompts/{name}"
        assert world.call("POST", f"{prompt}/snooze", json={"minutes": 15}).status_code == 404
        assert world.call("POST", f"{prompt}/not-now", json={"reason": "work"}).status_code == 404
        trace = world.call("GET", world.own(f"/prompts/{name}/trace"), "therapist")
        assert trace.status_code == 404


def test_what_the_patient_starts_is_open_at_once_and_only_as_often_as_allowed(world: World) -> None:
    publish(world)
    (startable,) = world.call("GET", "/v1/device/startable").json()
    assert (startable["assignment"], startable["left"]) == ("own.record", 1)
    begun = world.call("POST", "/v1/device/startable/own.record")
    assert begun.status_code == 201, begun.text
    again = world.call("POST", "/v1/device/startable/own.record")
    assert again.json()["id"] == begun.json()["id"], "what is open is not opened twice"
    assert world.call("POST", "/v1/device/startable/checkin.momentary").status_code == 404


def test_a_report_is_stored_once_and_followed_once(world: World) -> None:
    publish(world)
    assert world.call("GET", "/v1/device/reports").json() == ["smoked"]
    body = {"name": "smoked", "at": world.clock().isoformat()}
    path = f"/v1/device/reports/{uuid4()}"
    first, second = (world.call("PUT", path, json=body) for _ in range(2))
    assert first.json() == {"new": True, "prompts": 1}
    assert second.json() == {"new": False, "prompts": 0}


def test_own_rules_narrow_the_plan_and_stale_edits_are_refused(world: World) -> None:
    first = world.call("GET", "/v1/device/rules")
    rules = {"quiet_hours": [{"from": "00:00", "to": "23:00"}]}
    set_ = world.call(
        "PUT",
        "/v1/device/rules",
        json={"rules": rules},
        headers={"If-Match": first.headers["ETag"]},
    )
    assert set_.status_code == 200, set_.text
    assert world.call("GET", "/v1/device/schedule").json()["windows"] == []
    stale = world.call(
        "PUT", "/v1/device/rules", json={"rules": {}}, headers={"If-Match": first.headers["ETag"]}
    )
    assert stale.status_code == 412
    bad = world.call(
        "PUT",
        "/v1/device/rules",
        json={"rules": {"per_day": 0}},
        headers={"If-Match": set_.headers["ETag"]},
    )
    assert bad.status_code == 422
    assert "per_day" in bad.json()["errors"][0]["field"]
    assert world.call("GET", world.own("/rules"), "therapist").json()["version"] == 1


def test_a_draft_is_compared_without_storing_and_the_history_tells_who_did_what(
    world: World,
) -> None:
    before = world.rows()
    compared = world.call(
        "POST", world.own("/protocol/compare"), "therapist", json={"document": BLENDED}
    )
    assert compared.status_code == 200, compared.text
    assert compared.json()["differences"]
    after = world.rows()
    assert {k: v for k, v in after.items() if k != "sessions"} == {
        k: v for k, v in before.items() if k != "sessions"
    }
    publish(world)
    newest = world.call("GET", world.own("/history"), "therapist").json()[0]
    assert newest["by"]
    assert newest["differences"]


def test_an_event_of_the_course_is_entered_by_name_and_date(world: World) -> None:
    publish(world)
    path = world.own("/milestones")
    assert world.call("GET", path, "therapist").json()["waited_for"] == ["first-session"]
    today = world.clock().date().isoformat()
    stored = world.call("POST", path, "therapist", json={"name": "first-session", "date": today})
    assert stored.status_code == 201, stored.text
    (recorded,) = world.call("GET", path, "therapist").json()["recorded"]
    assert recorded["local_date"] == today
    refused = world.call("POST", path, "therapist", json={"name": "wedding", "date": today})
    assert refused.status_code == 422
    assert "first-session" in refused.json()["errors"][0]["message"]


def test_a_phone_that_travels_takes_its_times_along(world: World) -> None:
    told = world.call("PUT", "/v1/device/zone", json={"zone": "America/New_York"})
    assert told.json() == {"zone": "America/New_York", "known": True}
    assert world.call("GET", world.own(""), "therapist").json()["zone"] == "America/New_York"
    told = world.call("PUT", "/v1/device/zone", json={"zone": "Mars/Base"})
    assert told.json() == {"zone": "America/New_York", "known": False}
