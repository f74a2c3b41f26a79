"""Test notifications and silent phones over the API."""

from datetime import timedelta

from api_world import PROTOCOL, World, send_due


def test_a_phone_asks_for_a_test_and_is_told_how_far_it_came(world: World) -> None:
    asked = world.call("POST", "/v1/device/tests")
    assert asked.status_code == 201
    test = asked.json()
    assert (test["state"], test["to_this_phone"], test["ended"]) == ("planned", None, False)
    world.pass_time(seconds=1)
    sent = world.call("GET", f"/v1/device/tests/{test['id']}").json()
    assert (sent["state"], sent["to_this_phone"], sent["ended"]) == ("accepted", True, False)
    body = {"receipts": [{"prompt_id": test["id"], "kind": "delivered", "at": sent["sent_at"]}]}
    assert world.call("POST", "/v1/device/receipts", json=body).json() == {"stored": 1}
    done = world.call("GET", f"/v1/device/tests/{test['id']}").json()
    assert done["confirmed_at"] is not None
    assert done["ended"] is True


def test_a_push_of_a_test_is_like_any_other(world: World) -> None:
    test = world.call("POST", "/v1/device/tests").json()
    world.pass_time(seconds=1)
    (push,) = world.pusher.pushed
    assert str(push.prompt_id) == test["id"]
    assert push.expires_at - world.clock() < timedelta(minutes=5)


def test_a_test_is_in_no_list_and_no_count(world: World) -> None:
    paths = ("/prompts", "/compliance")
    before = [world.call("GET", world.own(path), "therapist").json() for path in paths]
    week = world.call("GET", "/v1/device/progress").json()
    opened = world.call("GET", "/v1/device/prompts").json()["prompts"]
    test = world.call("POST", "/v1/device/tests").json()
    world.pass_time(seconds=1)
    after = [world.call("GET", world.own(path), "therapist").json() for path in paths]
    assert after == before
    assert world.call("GET", "/v1/device/progress").json() == week
    assert world.call("GET", "/v1/device/prompts").json()["prompts"] == opened
    assert world.answer(prompt_id=test["id"]).status_code == 422


def test_a_therapist_sends_one_and_follows_it(world: World) -> None:
    test = world.call("POST", world.own("/tests"), "therapist").json()
    world.pass_time(seconds=1)
    path = world.own(f"/tests/{test['id']}")
    assert world.call("GET", path, "therapist").json()["state"] == "accepted"
    trace = world.call("GET", world.own(f"/prompts/{test['id']}/trace"), "therapist").json()
    assert trace["steps"][0]["text"] == "test notification asked for"


def test_the_limit_is_one_for_patient_and_therapist_together(world: World) -> None:
    for who, path in (
        ("phone", "/v1/device/tests"), ("therapist", world.own("/tests")),
        ("phone", "/v1/device/tests"),
    ):  # fmt: skip
        assert world.call("POST", path, who).status_code == 201
        world.clock.move_to(world.clock() + timedelta(seconds=100))
    for who, path in (("phone", "/v1/device/tests"), ("therapist", world.own("/tests"))):
        reply = world.call("POST", path, who)
        assert reply.status_code == 429
        assert reply.headers["retry-after"] == "300"
    assert world.call("POST", "/v1/device/tests", "other_phone").status_code == 201


def test_another_patients_test_is_not_found(world: World) -> None:
    test = world.call("POST", "/v1/device/tests").json()["id"]
    assert world.call("GET", f"/v1/device/tests/{test}", "other_phone").status_code == 404
    prompt = world.prompts["phone"]
    assert world.call("GET", f"/v1/device/tests/{prompt}").status_code == 404


def silence(world: World) -> dict[str, object] | None:
    (row,) = world.call("GET", "/v1/patients", "therapist").json()
    told = world.call("GET", world.own("/silence"), "therapist").json()
    assert told["silent"] is (row["silence"] is not None)
    assert told["prompts"] == (row["silence"] or {"prompts": 0})["prompts"]
    found: dict[str, object] | None = row["silence"]
    return found


def test_a_silent_phone_is_told_to_its_therapist_until_the_next_call(world: World) -> None:
    assert PROTOCOL["limits"]["per_day"] >= 3
    for _ in range(2 * 24 * 4):
        world.clock.move_to(world.clock() + timedelta(minutes=15))
        send_due(world.db, world.clock, world.pusher)
    world.sign_in_anew()
    found = silence(world)
    assert found is not None
    assert world.call("GET", "/v1/device/prompts").is_success
    assert silence(world) is None
