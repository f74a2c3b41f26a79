"""Learning over the API: declared hours, good moments, reasons, reachability, objectives."""

from datetime import timedelta
from typing import Any

import pytest
from api_world import BAD_ID, World, fields
from httpx2 import Response

from engine.learning_records import COMPLETED, RELEVANCE, Artifact
from engine.store import artifacts
from models.artifact import dumps
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.learning import Learner

HOURS = {"wake": "07:30", "bed": "23:00", "work_start": "09:00", "work_end": "17:15"}
NONE = dict.fromkeys(HOURS)
SIDES = {"phone": "/v1/device/declared-hours", "therapist": "{own}/declared-hours"}


def hours(world: World, who: str = "phone") -> Response:
    return world.call("GET", SIDES[who].format(own=world.own("")), who)


def declare(world: World, body: Any, version: int = 0, who: str = "phone") -> Response:
    path = SIDES[who].format(own=world.own(""))
    return world.call("PUT", path, who, json=body, headers={"If-Match": f'"{version}"'})


def learn(world: World) -> None:
    Learner(world.db, epsilon=0.1, refit_hour_utc=3).refit(now=world.clock())


def test_what_the_patient_declares_the_therapist_reads_and_the_other_way_round(
    world: World,
) -> None:
    empty = hours(world)
    assert (empty.json()["version"], empty.headers["etag"]) == (0, '"0"')
    assert {name: empty.json()[name] for name in HOURS} == NONE
    assert declare(world, HOURS).status_code == 200
    read = hours(world, "therapist").json()
    assert {name: read[name] for name in HOURS} == HOURS
    assert (read["version"], read["declared_by"]) == (1, "patient")
    reply = declare(world, {"wake": "06:00", "bed": "22:00"}, 1, "therapist")
    assert reply.json()["declared_by"] == "Therapist One"
    assert hours(world).json() == reply.json()
    assert reply.json()["work_start"] is None
    assert hours(world).headers["etag"] == '"2"'


@pytest.mark.parametrize("who", SIDES)
@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"wake": "07:00"}, ["bed"]),
        ({"work_end": "17:00"}, ["work_start"]),
        ({"wake": "07:00", "bed": "07:00"}, ["bed"]),
        ({"wake": "7 o'clock", "bed": "24:00"}, ["wake", "bed"]),
        ({"wake": 450, "bed": "23:00"}, ["wake"]),
        ({"wake": "07:00:30", "bed": "23:00"}, ["wake"]),
        ({"wake": "07:00+02:00", "bed": "23:00"}, ["wake"]),
        ({"wake": True, "bed": []}, ["wake", "bed"]),
        ({"nap": "13:00"}, ["nap"]),
    ],
)
def test_hours_that_cannot_be_are_refused_by_name(
    lasting: World, who: str, body: Any, named: list[str]
) -> None:
    before = lasting.rows()
    reply = declare(lasting, body, who=who)
    assert (reply.status_code, fields(reply)) == (422, named)
    assert lasting.rows() == before


def test_a_lost_reply_may_be_asked_for_again_and_another_change_may_not(world: World) -> None:
    first, again = declare(world, HOURS), declare(world, HOURS)
    assert first.json() == again.json()
    assert again.headers["etag"] == '"1"'
    other = declare(world, HOURS | {"wake": "08:00"})
    assert (other.status_code, fields(other)) == (412, ["If-Match"])
    path = "/v1/device/declared-hours"
    assert fields(world.call("PUT", path, json=HOURS)) == ["If-Match"]
    assert declare(world, NONE, 1).json()["version"] == 2


def mark(world: World, who: str = "phone", prompt: str | None = None, **body: Any) -> Response:
    path = f"/v1/device/prompts/{prompt or world.prompts['phone']}/mark"
    return world.call("PUT", path, who, json=body or {"good": True})


def learning(world: World) -> Any:
    return world.call("GET", world.own("/learning"), "therapist").json()


def test_a_mark_counts_once_however_often_it_is_sent_and_may_be_changed(world: World) -> None:
    assert learning(world)["marks"] == {"good": 0, "bad": 0}
    for _ in range(3):
        assert mark(world).status_code == 204
    assert learning(world)["marks"] == {"good": 1, "bad": 0}
    assert mark(world, good=False).status_code == 204
    assert learning(world)["marks"] == {"good": 0, "bad": 1}
    assert mark(world, "other_phone", world.prompts["other_phone"]).status_code == 204
    assert learning(world)["marks"] == {"good": 0, "bad": 1}, "another's is another's"


def test_only_a_yes_or_no_on_a_prompt_of_ones_own_is_a_mark(lasting: World) -> None:
    before = lasting.rows()
    for body in ({"good": "yes"}, {"good": 1}, {"good": None}, {"bad": True}):
        assert mark(lasting, **body).status_code == 422
    absent, others = mark(lasting, prompt=BAD_ID), mark(lasting, "other_phone")
    assert absent.status_code == others.status_code == 404
    assert absent.content == others.content
    assert lasting.rows() == before


def test_the_phone_is_told_why_a_prompt_came_and_the_therapist_too(world: World) -> None:
    (greeting,) = world.call("GET", "/v1/device/prompts").json()["prompts"]
    assert greeting["why"] == "It came as your phone was connected, to show that prompts reach you."
    world.pass_time(days=1)
    world.sign_in_anew()
    listed = world.call("GET", world.own("/prompts"), "therapist").json()
    drawn = [one for one in listed if one["arm"] and one["assignment"] == "checkin.momentary"]
    assert drawn
    for one in drawn:
        found = world.call("GET", world.own(f"/prompts/{one['id']}/decision"), "therapist").json()
        told = found["explanation"]
        assert (told["objective"], told["rests_on"] in {None, "answered"}) == ("answered", True)
        slots = sum(found["available"])
        assert f"{slots} times" in told["therapist"] or slots == 1
    for one in world.call("GET", "/v1/device/prompts").json()["prompts"]:
        path = world.own(f"/prompts/{one['id']}/decision")
        told = world.call("GET", path, "therapist").json()["explanation"]
        assert one["why"] == told["patient"]


def test_reachability_is_empty_without_a_model_and_then_a_curve_with_its_doubt(
    world: World,
) -> None:
    path = world.own("/reachability")
    assert world.call("GET", path, "therapist").json() == {"curves": []}
    learn(world)
    work, off = world.call("GET", path, "therapist").json()["curves"]
    assert (work["day_type"], off["day_type"]) == ("work", "off")
    for one in (work, off):
        assert [half["start_hour"] for half in one["half_hours"]] == [n / 2 for n in range(48)]
        assert all(0 < h["low"] < h["mean"] < h["high"] < 1 for h in one["half_hours"])
        assert {half["n"] for half in one["half_hours"]} == {0}
        assert "No prompt of this patient's" in one["sentences"][-1]
    before = [half["mean"] for half in work["half_hours"]]
    assert declare(world, {"wake": "10:00", "bed": "02:00"}).is_success
    after, _ = world.call("GET", path, "therapist").json()["curves"]
    assert [half["mean"] for half in after["half_hours"]] != before


def test_reachability_follows_silences_without_a_new_fit(world: World) -> None:
    learn(world)
    path = world.own("/reachability")
    assert world.call("GET", path, "therapist").is_success, "the model is loaded by now"
    learner = Learner(world.db, epsilon=0.1, refit_hour_utc=3)
    for _ in range(40):
        world.pass_time(minutes=50)
    learner.update(now=world.clock())
    world.sign_in_anew()
    curves = world.call("GET", path, "therapist").json()["curves"]
    sent = sum(half["n"] for one in curves for half in one["half_hours"])
    assert sent >= 2


def test_objectives_say_what_they_rest_on_at_present(world: World) -> None:
    document = world.call("GET", world.own("/protocol"), "therapist").json()["document"]
    window = document["assignments"][0]
    trigger = window["trigger"]
    changed = [
        {**window, "id": name, "trigger": {**trigger, "objective": name}}
        for name in ("answered", "completed", "relevance")
    ]
    for one, span in zip(changed, ("09:00-11:00", "12:00-14:00", "15:00-17:00"), strict=True):
        start, end = span.split("-")
        one["trigger"]["windows"] = [{"from": start, "to": end}]
    changed.append(
        {**window, "id": "any", "trigger": {**changed[0]["trigger"], "timing": "uniform"}}
    )
    changed[-1]["trigger"]["windows"] = [{"from": "18:00", "to": "20:00"}]
    reply = world.call(
        "PUT", world.own("/protocol"), "therapist",
        json={"document": {**document, "assignments": changed}}, headers={"If-Match": '"1"'},
    )  # fmt: skip
    assert reply.is_success, reply.text

    def resting() -> dict[str, str | None]:
        return {one["assignment"]: one["rests_on"] for one in learning(world)["objectives"]}

    assert set(resting().values()) == {None}
    learn(world)
    answered = dict.fromkeys(("answered", "completed", "relevance"), "answered")
    assert resting() == answered | {"any": None}
    add_head(world, RELEVANCE, Relevance())
    assert resting() == answered | {"relevance": "relevance", "any": None}
    add_head(world, COMPLETED, Receptivity())
    assert resting() == {name: name for name in answered} | {"any": None}
    objectives = {one["assignment"]: one["objective"] for one in learning(world)["objectives"]}
    assert objectives == {name: name for name in answered} | {"any": "answered"}


def add_head(world: World, head: str, model: Receptivity) -> None:
    X = [[8.0 + n % 12, 0.0] for n in range(40)]
    model.fit(X, [n % 2 for n in range(40)], person=["p"] * 40)
    artifact = Artifact(
        version=head, created_at=world.clock(), learned_through=0, blob=dumps(model, {}), head=head
    )
    with world.db.write() as tx:
        artifacts.add_artifact(tx, artifact)


def test_every_prompt_timed_for_good_moments_asks_for_a_mark(world: World) -> None:
    document = world.call("GET", world.own("/protocol"), "therapist").json()["document"]
    document["assignments"][0]["trigger"]["objective"] = "relevance"
    reply = world.call(
        "PUT", world.own("/protocol"), "therapist", json={"document": document},
        headers={"If-Match": '"1"'},
    )  # fmt: skip
    assert reply.is_success
    world.pass_time(days=1)  # what is drawn already was drawn for what held then
    asked, end = {}, world.clock() + timedelta(days=3)
    while world.clock() < end:
        world.pass_time(minutes=50)
        for one in world.call("GET", "/v1/device/prompts").json()["prompts"]:
            if one["content"]["id"] == "checkin.momentary":
                asked[one["id"]] = one["asks_moment"]
    asked.pop(world.prompts["phone"], None)
    assert len(asked) >= 6
    assert set(asked.values()) == {True}
