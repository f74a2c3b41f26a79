"""The admin's view over the API: counts for admins, nothing for others, nobody named."""

import json
from datetime import timedelta

import pytest
from api_world import World
from builders import PASSWORD

from api import auth
from engine.learning_records import LearningEvent, LearningKind
from engine.store import artifacts, workers

PATH = "/v1/admin/delivery"


def sign_in_as(world: World, role: str) -> str:
    email = f"one.{role}@clinic.example"
    auth.add_clinician(
        world.db, email=email, name=f"One {role}", role=role, password=PASSWORD, now=world.clock()
    )
    return auth.sign_in(world.db, email, PASSWORD, now=world.clock()).token


@pytest.mark.parametrize("role", ["therapist", "researcher"])
def test_to_other_roles_there_is_no_such_page(world: World, role: str) -> None:
    token = sign_in_as(world, role)
    reply = world.call("GET", PATH, token)
    assert reply.status_code == 404
    absent = world.call("GET", "/v1/admin/nothing", token)
    assert absent.status_code == 404
    assert world.call("GET", PATH, "phone").status_code == 401
    assert world.call("GET", PATH, None).status_code == 401


def test_an_admin_sees_how_delivery_stands(world: World) -> None:
    admin = sign_in_as(world, "admin")
    with world.db.write() as tx:
        beat = workers.Beat(host="alpha", pid=7, version="1", ticks={"plan": 12.5})
        workers.beat(tx, "one", None, now=world.clock(), told=beat)
        event = LearningEvent(
            at=world.clock(), kind=LearningKind.KEPT_BACK, version="m-1",
            detail={"reasons": ["it loses on the last 14 days"]},
        )  # fmt: skip
        artifacts.add_event(tx, event)
    found = world.call("GET", PATH, admin).json()
    day = found["spans"][0]
    assert (day["hours"], found["spans"][1]["hours"]) == (24, 168)
    assert {one["state"]: one["prompts"] for one in day["states"]}["accepted"] == 2
    assert day["lateness"]["prompts"] == 2
    assert day["lateness"]["buckets"][-1] == {"up_to_seconds": None, "prompts": 2}
    assert found["reach"] == {"phones": 2, "dead_tokens": 0, "silent_patients": 0}
    assert found["waiting"] == {"prompts": 0, "since": None}
    (worker,) = found["workers"]
    assert (worker["host"], worker["pid"], worker["alive"]) == ("alpha", 7, True)
    assert worker["ticks"] == {"plan": 12.5}
    assert found["learning"]["events"][0]["detail"]["reasons"] == ["it loses on the last 14 days"]


def test_no_patient_is_named_by_name_or_id(world: World) -> None:
    told = json.dumps(world.call("GET", PATH, sign_in_as(world, "admin")).json())
    for secret in (*world.patients.values(), "P-therapist", "P-other", *world.secrets.values()):
        assert secret not in told


def test_an_open_breaker_is_told_until_it_is_over(world: World) -> None:
    admin, until = sign_in_as(world, "admin"), world.clock() + timedelta(seconds=20)
    with world.db.write() as tx:
        workers.beat(tx, "one", None, now=world.clock(), told=workers.Beat(open_until=until))
    told = world.call("GET", PATH, admin).json()["open_until"]
    assert told == until.isoformat().replace("+00:00", "Z")
    world.clock.move_to(until)
    assert world.call("GET", PATH, admin).json()["open_until"] is None
