"""A phone's life over HTTP: code, credential, prompts, receipts, answers, sign-out."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from api_world import ANSWERS, PROTOCOL, World, fields, is_problem

from engine.clock import VirtualClock
from prompting.fcm.outcome import Kind

MINUTE = timedelta(minutes=1)


def new_phone(world: World, **changes: object) -> tuple[str, str]:
    """Add a patient and enrol a phone; return the patient's id and the phone's credential."""
    patient = world.call(
        "POST",
        "/v1/patients",
        "therapist",
        json={"name": "P-77", "zone": "Europe/Berlin", "protocol": PROTOCOL},
    )
    assert patient.status_code == 201
    path = f"/v1/patients/{patient.json()['id']}/enrolment-codes"
    code = world.call("POST", path, "therapist").json()["code"]
    body = {"code": code, "zone": "Europe/Berlin", "platform": "android"} | changes
    enrolled = world.call("POST", "/v1/devices", None, json=body)
    assert enrolled.status_code == 201
    assert "emergency" in enrolled.json()["notice"]
    return patient.json()["id"], enrolled.json()["credential"]


def at(clock: VirtualClock, minutes: float) -> str:
    return (clock() + minutes * MINUTE).isoformat()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def record(world: World) -> dict[str, object]:
    """Return the therapist's view of the phone's prompt."""
    world.sign_in_anew()
    prompts = world.call("GET", world.own("/prompts"), "therapist").json()
    return next(one for one in prompts if one["id"] == world.prompts["phone"])


def test_a_phone_goes_from_code_to_answer_to_sign_out(world: World) -> None:
    _, phone = new_phone(world)
    token = {"push_token": f"fresh-{uuid4()}"}
    assert world.call("PUT", "/v1/device/push-token", phone, json=token).status_code == 204
    world.pass_time(seconds=6)
    assert world.pusher.pushed[-1].token == token["push_token"]

    (prompt,) = world.call("GET", "/v1/device/prompts", phone).json()["prompts"]
    assert prompt["id"] == str(world.pusher.pushed[-1].prompt_id)
    assert prompt["content"]["title"] == "Check-in"
    receipts = [
        {"prompt_id": prompt["id"], "kind": kind, "at": world.clock().isoformat()}
        for kind in ("delivered", "shown", "opened")
    ]
    for expected in (3, 0):
        reply = world.call("POST", "/v1/device/receipts", phone, json={"receipts": receipts})
        assert reply.json() == {"stored": expected}

    key = str(uuid4())
    good = {"prompt_id": prompt["id"], "content_version": prompt["content"]["version"]}
    world.clock.move_to(world.clock() + 3 * MINUTE)
    first = world.answer(phone, key=key, **good, answered_at=at(world.clock, 0))
    assert first.status_code == 201
    assert first.json()["progress"] | {"from": "", "to": ""} == {
        "from": "", "to": "", "answered": 1, "sent": 1,
    }  # fmt: skip
    assert world.call("GET", "/v1/device/prompts", phone).json()["prompts"] == []
    week = world.call("GET", "/v1/device/progress", phone).json()["week"]
    assert week == first.json()["progress"]

    assert world.call("DELETE", "/v1/device", phone).status_code == 204
    for method, path in (("GET", "/v1/device"), ("GET", "/v1/device/prompts")):
        assert world.call(method, path, phone).status_code == 401


def test_the_same_answer_again_gets_the_same_bytes_and_another_body_a_conflict(
    world: World,
) -> None:
    key, body = str(uuid4()), world.body()
    path = f"/v1/device/responses/{key}"
    first = world.call("PUT", path, json=body)
    world.clock.move_to(world.clock() + timedelta(days=2))
    world.call("GET", "/v1/device")  # so that its sign of life is on record already
    before = world.rows()
    again = world.call("PUT", path, json=body)
    assert (
        (again.status_code, again.content)
        == (first.status_code, first.content)
        == (
            201,
            first.content,
        )
    )
    other = world.call("PUT", path, json=body | {"answers": body["answers"] | {"valence": 1}})
    assert other.status_code == 409
    assert is_problem(other)
    assert world.answer().status_code == 409
    assert world.rows() == before


def test_another_patients_phone_cannot_use_up_or_read_a_response_id(world: World) -> None:
    key = str(uuid4())
    own = world.answer(key=key)
    stolen = world.call("PUT", f"/v1/device/responses/{key}", "other_phone", json=world.body())
    assert own.status_code == 201
    assert stolen.status_code == 409
    assert world.prompts["phone"] not in stolen.text


def test_an_answer_after_expiry_is_kept_and_marked_late(world: World) -> None:
    world.clock.move_to(world.clock() + timedelta(hours=3))
    reply = world.answer()
    assert reply.status_code == 201
    assert reply.json()["late"] is True
    kept = record(world)
    assert kept["late"] is True
    assert kept["answers"] == ANSWERS["checkin.momentary"]


@pytest.mark.parametrize(("before_end", "late"), [(timedelta(0), True), (MINUTE / 60, False)])
def test_the_instant_of_expiry_itself_is_late(
    world: World, before_end: timedelta, late: bool
) -> None:
    (prompt,) = world.call("GET", "/v1/device/prompts").json()["prompts"]
    world.clock.move_to(instant(prompt["expires_at"]) + timedelta(hours=1))
    at_end = instant(prompt["expires_at"]) - before_end
    reply = world.answer(answered_at=at_end.isoformat(), opened_at=None)
    assert reply.json()["late"] is late


def test_an_answer_given_in_time_and_delivered_days_later_counts_as_in_time(world: World) -> None:
    given = at(world.clock, 5)
    world.pass_time(days=2)
    now = world.clock().isoformat()
    reply = world.answer(answered_at=given, opened_at=given, headers={"Device-Time": now})
    assert reply.json()["late"] is False
    assert instant(reply.json()["answered_at"]) == instant(given)


@pytest.mark.parametrize("skew", [timedelta(days=-400), timedelta(hours=-2), timedelta(days=9000)])
def test_the_device_time_header_puts_a_wrong_phone_clock_right(
    world: World, skew: timedelta
) -> None:
    world.clock.move_to(world.clock() + 10 * MINUTE)
    device_now = world.clock() + skew
    given = (device_now - 4 * MINUTE).isoformat()
    reply = world.answer(
        answered_at=given, opened_at=given, headers={"Device-Time": device_now.isoformat()}
    )
    assert instant(reply.json()["answered_at"]) == world.clock() - 4 * MINUTE
    assert reply.json()["late"] is False


@pytest.mark.parametrize("ahead", [5, 60 * 24 * 365])
@pytest.mark.parametrize("with_header", [True, False])
def test_an_answer_is_never_from_the_future(world: World, ahead: float, with_header: bool) -> None:
    headers = {"Device-Time": world.clock().isoformat()} if with_header else {}
    reply = world.answer(answered_at=at(world.clock, ahead), headers=headers)
    assert instant(reply.json()["answered_at"]) == world.clock()


def test_a_phone_clock_from_before_the_prompt_moves_nothing_to_before_its_sending(
    world: World,
) -> None:
    ancient = "1980-01-06T00:00:00+00:00"
    assert world.answer(answered_at=ancient, opened_at=ancient).status_code == 201
    kept = record(world)
    assert kept["opened_at"] == kept["answered_at"] == kept["sent_at"]


def test_a_receipt_from_before_the_prompt_counts_from_its_sending(world: World) -> None:
    ancient = "1980-01-06T00:00:00+00:00"
    receipt = {"prompt_id": world.prompts["phone"], "kind": "shown", "at": ancient}
    assert world.call("POST", "/v1/device/receipts", json={"receipts": [receipt]}).is_success
    kept = record(world)
    assert kept["shown_at"] == kept["sent_at"]


def test_a_receipt_of_the_future_is_from_now(world: World) -> None:
    receipt = {"prompt_id": world.prompts["phone"], "kind": "shown", "at": at(world.clock, 90)}
    assert world.call("POST", "/v1/device/receipts", json={"receipts": [receipt]}).is_success
    assert instant(str(record(world)["shown_at"])) == world.clock()


def test_a_woken_phone_reports_and_pulls_in_one_call(world: World) -> None:
    receipt = {"prompt_id": world.prompts["phone"], "kind": "delivered", "at": at(world.clock, 0)}
    body = {"receipts": [receipt]}
    plain = world.call("POST", "/v1/device/receipts", json=body)
    assert plain.json() == {"stored": 1}
    pulled = world.call("POST", "/v1/device/receipts?pull=true", json=body)
    assert pulled.json()["stored"] == 0
    assert pulled.json()["prompts"] == world.call("GET", "/v1/device/prompts").json()["prompts"]


def test_receipts_are_stored_all_or_none(world: World) -> None:
    before = world.rows()
    receipts = [
        {"prompt_id": world.prompts[phone], "kind": "shown", "at": at(world.clock, 0)}
        for phone in ("phone", "other_phone")
    ]
    reply = world.call("POST", "/v1/device/receipts", json={"receipts": receipts})
    assert reply.status_code == 422
    assert fields(reply) == ["receipts[1].prompt_id"]
    assert world.rows() == before


def test_a_receipt_proves_that_a_push_of_unknown_fate_arrived(world: World) -> None:
    world.pusher.outcome = Kind.UNKNOWN
    _, phone = new_phone(world, push_token="uncertain")
    world.pass_time(seconds=6)
    (prompt,) = world.call("GET", "/v1/device/prompts", phone).json()["prompts"]
    receipt = {"prompt_id": prompt["id"], "kind": "delivered", "at": at(world.clock, 0)}
    reply = world.call("POST", "/v1/device/receipts", phone, json={"receipts": [receipt]})
    assert reply.json() == {"stored": 1}


def test_a_signed_out_phone_gets_no_further_push(world: World) -> None:
    _, phone = new_phone(world, push_token="leaving")
    assert world.call("DELETE", "/v1/device", phone).status_code == 204
    world.pass_time(seconds=6)
    assert "leaving" not in [push.token for push in world.pusher.pushed]
    assert world.call("PUT", "/v1/device/push-token", phone, json={"push_token": "x"}).is_error


def test_a_new_code_ends_the_one_before(world: World) -> None:
    path = world.own("/enrolment-codes")
    old, new = (world.call("POST", path, "therapist").json()["code"] for _ in range(2))
    body = {"zone": "Europe/Berlin", "platform": "web"}
    assert world.call("POST", "/v1/devices", None, json=body | {"code": old}).status_code == 422
    typed = f" {new[:5].lower()}-{new[5:]} ".replace("0", "o").replace("1", "l")
    assert world.call("POST", "/v1/devices", None, json=body | {"code": typed}).status_code == 201


def test_a_risky_answer_gets_its_safety_text_at_once(world: World) -> None:
    protocol = PROTOCOL | {"assignments": [PROTOCOL["assignments"][2]]}
    patient = world.call(
        "POST", "/v1/patients", "therapist",
        json={"name": "P-78", "zone": "Europe/Berlin", "protocol": protocol},
    ).json()["id"]  # fmt: skip
    code = world.call("POST", f"/v1/patients/{patient}/enrolment-codes", "therapist").json()["code"]
    body = {"code": code, "zone": "Europe/Berlin", "platform": "ios", "push_token": "risk"}
    phone = world.call("POST", "/v1/devices", None, json=body).json()["credential"]
    world.pass_time(seconds=6)
    (prompt,) = world.call("GET", "/v1/device/prompts", phone).json()["prompts"]
    reply = world.answer(
        phone,
        prompt_id=prompt["id"],
        content_id="phq9",
        content_version=prompt["content"]["version"],
        answers=ANSWERS["phq9"] | {"phq9": "1"},
    )
    assert "emergency number" in reply.json()["safety"][0]
    caseload = world.call("GET", "/v1/patients", "therapist").json()
    assert [row["risk_at"] is not None for row in caseload] == [True, False]
