"""Enrolment codes work once and end; answers are checked against the content they belong to."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

from api_world import ANSWERS, JSON, NEW_DEVICE, PROTOCOL, World, fields


def new_code(world: World) -> str:
    code: str = world.call("POST", world.own("/enrolment-codes"), "therapist").json()["code"]
    return code


def test_a_code_works_up_to_its_last_second_and_only_once(world: World) -> None:
    used = NEW_DEVICE | {"code": new_code(world)}
    world.clock.move_to(world.clock() + timedelta(hours=24) - timedelta(microseconds=1))
    assert world.call("POST", "/v1/devices", None, json=used).status_code == 201
    before = world.rows()
    again = world.call("POST", "/v1/devices", None, json=used)
    assert again.status_code == 422
    assert fields(again) == ["code"]
    assert world.rows() == before


def test_a_code_ends_to_the_second(world: World) -> None:
    old = NEW_DEVICE | {"code": new_code(world)}
    world.clock.move_to(world.clock() + timedelta(hours=24))
    before = world.rows()
    reply = world.call("POST", "/v1/devices", None, json=old)
    assert reply.status_code == 422
    assert fields(reply) == ["code"]
    assert world.rows() == before


def test_refused_input_leaves_a_code_good(world: World) -> None:
    code = new_code(world)
    bad = NEW_DEVICE | {"code": code, "zone": "Europe/Bonn"}
    assert world.call("POST", "/v1/devices", None, json=bad).status_code == 422
    good = bad | {"zone": "Europe/Berlin"}
    assert world.call("POST", "/v1/devices", None, json=good).status_code == 201


def test_of_fifty_phones_that_redeem_one_code_at_once_exactly_one_wins(world: World) -> None:
    body = NEW_DEVICE | {"code": new_code(world)}
    devices = len(world.rows()["devices"])
    with ThreadPoolExecutor(25) as pool:
        replies = list(
            pool.map(lambda _: world.call("POST", "/v1/devices", None, json=body), range(50))
        )
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 49
    assert len(world.rows()["devices"]) == devices + 1


def test_an_item_hidden_by_the_other_answers_takes_no_answer_and_text_has_a_limit(
    world: World,
) -> None:
    plan = PROTOCOL | {"assignments": [PROTOCOL["assignments"][1]]}
    created = world.call(
        "POST", "/v1/patients", "therapist",
        json={"name": "P-5", "zone": "Europe/Berlin", "protocol": plan},
    ).json()["id"]  # fmt: skip
    path = f"/v1/patients/{created}/enrolment-codes"
    code = world.call("POST", path, "therapist").json()["code"]
    body = NEW_DEVICE | {"code": code, "push_token": "plans"}
    phone = world.call("POST", "/v1/devices", None, json=body).json()["credential"]
    world.pass_time(seconds=6)
    (prompt,) = world.call("GET", "/v1/device/prompts", phone).json()["prompts"]
    about = {
        "prompt_id": prompt["id"],
        "content_id": "ba.plan-tomorrow",
        "content_version": prompt["content"]["version"],
    }
    good = ANSWERS["ba.plan-tomorrow"]
    bad = {
        "obstacle": good | {"obstacle": "Rain"},
        "activity": good | {"activity": "x" * 301},
        "start": good | {"start": "25:00"},
        "reason": good | {"reason": "a\ud800"},
        "if_then": good | {"likely": 20, "obstacle": "Rain\x00", "if_then": "\udfff"},
    }
    before = world.rows()
    for name, answers in bad.items():
        content = json.dumps(world.body(**about, answers=answers)).encode()
        reply = world.call(
            "PUT", f"/v1/device/responses/{uuid4()}", phone, content=content, headers=JSON
        )
        assert reply.status_code == 422
        assert f"answers.{name}" in fields(reply)
        assert "Rain" not in reply.text
    assert world.rows() == before
    assert world.answer(phone, **about, answers=good).status_code == 201
