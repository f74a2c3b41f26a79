"""What therapists read and change over JSON: lists, counts, draws, protocols."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api_world import PROTOCOL, fields, services
from builders import EMAIL, NOW, PASSWORD, Clinic, make_clinic
from starlette.testclient import TestClient

from api import auth
from api.app import create_app

Json = Any


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder: Path = tmp_path_factory.mktemp("therapist")
    made = make_clinic(f"sqlite:///{folder / 'clinic.db'}", weeks=1)
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def client(clinic: Clinic) -> Iterator[TestClient]:
    token = auth.sign_in(clinic.db, EMAIL, PASSWORD, now=clinic.clock()).token
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(create_app(services(clinic.db, clinic.clock)), headers=headers) as made:
        yield made


def path(clinic: Clinic, end: str = "", name: str = "P-01") -> str:
    return f"/v1/patients/{clinic.patients[name].id}{end}"


def prompts(client: TestClient, clinic: Clinic, name: str = "P-01") -> Json:
    span = f"?first={(NOW - timedelta(days=7)).date()}&last={NOW.date()}"
    return client.get(path(clinic, f"/prompts{span}", name)).json()


def test_the_caseload_tells_the_last_seven_days_as_the_prompts_do(
    client: TestClient, clinic: Clinic
) -> None:
    rows = {row["patient"]["name"]: row for row in client.get("/v1/patients").json()}
    assert list(rows) == ["P-01", "P-02", "P-03"]
    for name, row in rows.items():
        own = client.get(path(clinic, "/prompts", name)).json()
        assert row["counts"] == {
            "planned": len(own),
            "sent": sum(one["sent_at"] is not None for one in own),
            "delivered": sum(one["delivered_at"] is not None for one in own),
            "opened": sum(one["opened_at"] is not None for one in own),
            "answered": sum(one["answered_at"] is not None for one in own),
        }
    assert rows["P-01"]["counts"]["answered"] > 0 == rows["P-02"]["counts"]["answered"]
    assert [row["devices"] for row in rows.values()] == [1, 1, 0]
    assert rows["P-02"]["last_answer_at"] is rows["P-03"]["last_answer_at"] is None
    answered = [one["answered_at"] for one in prompts(client, clinic) if one["answered_at"]]
    assert rows["P-01"]["last_answer_at"] == max(answered)


def test_a_prompts_life_is_in_order(client: TestClient, clinic: Clinic) -> None:
    seen = prompts(client, clinic)
    assert [one["start_at"] for one in seen] == sorted(one["start_at"] for one in seen)
    for one in seen:
        lived = [one[at] for at in ("sent_at", "opened_at", "answered_at") if one[at] is not None]
        assert lived == sorted(lived)
        assert (one["answers"] is None) is (one["answered_at"] is None)
        assert one["late"] is (
            one["answered_at"] is not None and one["answered_at"] >= one["expires_at"]
        )
    assert any(one["late"] for one in seen)


def test_a_decision_can_be_recomputed_from_what_is_told(client: TestClient, clinic: Clinic) -> None:
    sent = [one for one in prompts(client, clinic) if one["sent_at"]]
    timings = set()
    for one in sent:
        found = client.get(path(clinic, f"/prompts/{one['id']}/decision")).json()
        timings.add(one["timing"])
        assert len(found["slots"]) == len(found["propensities"]) == len(found["available"])
        assert sum(found["propensities"]) == pytest.approx(1)
        assert found["slots"][found["chosen"]] == one["due_at"]
        assert found["propensities"][found["chosen"]] > 0
        assert found["arm"] == one["arm"]
        assert all(
            share == 0
            for share, free in zip(found["propensities"], found["available"], strict=True)
            if not free
        )
    assert timings >= {"adaptive", "fixed"}


def test_compliance_counts_what_the_prompts_show(client: TestClient, clinic: Clinic) -> None:
    span = f"?first={(NOW - timedelta(days=7)).date()}&last={NOW.date()}"
    found = client.get(path(clinic, f"/compliance{span}")).json()
    seen = prompts(client, clinic)
    assert found["total"]["planned"] == len(seen)
    for stage in ("planned", "sent", "delivered", "opened", "answered"):
        parts = [counts[stage] for counts in found["by_assignment"].values()]
        assert sum(parts) == found["total"][stage]
    assert set(found["by_assignment"]) == {one["assignment"] for one in seen}
    bins = found["by_time_of_day"]
    assert sum(one["sent"] for one in bins) == found["total"]["sent"]
    assert sum(one["answered"] for one in bins) == found["total"]["answered"]
    for one in bins:
        if one["rate"] is not None:
            assert 0 <= one["low"] <= one["rate"] <= one["high"] <= 1


def test_the_span_is_the_last_seven_local_days_unless_told(
    client: TestClient, clinic: Clinic
) -> None:
    found = client.get(path(clinic, "/compliance")).json()
    assert (found["first"], found["last"]) == ("2026-11-14", "2026-11-20")
    day = client.get(path(clinic, "/compliance?first=2026-11-19&last=2026-11-19")).json()
    assert 0 < day["total"]["planned"] < found["total"]["planned"]


def test_a_protocol_is_read_with_its_etag_and_changed_only_from_the_newest(
    client: TestClient, clinic: Clinic
) -> None:
    here = path(clinic, "/protocol", "P-02")
    read = client.get(here)
    assert (read.headers["etag"], read.json()["version"]) == ('"1"', 1)
    document = read.json()["document"]
    document["name"] = "Fewer"
    put = client.put(here, json={"document": document}, headers={"If-Match": '"1"'})
    assert put.status_code == 200
    assert (put.headers["etag"], put.json()["version"]) == ('"2"', 2)
    assert put.json()["created_by"] == "Therapist One"
    stale = client.put(here, json={"document": document}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert fields(stale) == ["If-Match"]
    ahead = client.put(here, json={"document": document}, headers={"If-Match": '"3"'})
    assert ahead.status_code == 412
    versions = client.get(f"{here}/versions").json()
    assert [one["version"] for one in versions] == [2, 1]
    assert [one["document"]["name"] for one in versions] == ["Fewer", PROTOCOL["name"]]
    assert client.get(here).json() == versions[0]


def test_every_fault_of_a_protocol_is_listed_with_its_path(
    client: TestClient, clinic: Clinic
) -> None:
    here = path(clinic, "/protocol")
    document = client.get(here).json()["document"]
    document["assignments"][0]["trigger"]["windows"][1]["to"] = "11:30"
    document["assignments"][1]["trigger"]["at"] = ["8 pm"]
    document["assignments"][2]["content"] = "no.such"
    expected = {
        "assignments[0].trigger.windows[1].to",
        "assignments[1].trigger.at[0]",
        "assignments[2].content",
    }
    before = client.get(f"{here}/versions").content
    for method, end in (("PUT", ""), ("POST", "/preview")):
        reply = client.request(
            method, here + end, json={"document": document}, headers={"If-Match": '"1"'}
        )
        assert reply.status_code == 422
        assert set(fields(reply)) >= expected
    assert client.get(f"{here}/versions").content == before


def test_a_preview_shows_the_coming_week_and_stores_nothing(
    client: TestClient, clinic: Clinic
) -> None:
    document = client.get(path(clinic, "/protocol")).json()["document"]
    document["assignments"] = document["assignments"][:1]
    dump = list(_dump(clinic))
    days = client.post(path(clinic, "/protocol/preview"), json={"document": document}).json()
    assert [day["local_date"] for day in days] == [f"2026-11-{n}" for n in range(21, 28)]
    assert [len(day["windows"]) for day in days] == [3] * 7
    assert all(window["slots"] for day in days for window in day["windows"])
    assert list(_dump(clinic)) == dump


def _dump(clinic: Clinic) -> Iterator[str]:
    with clinic.db.read() as tx:
        raw = tx.conn.connection.dbapi_connection
        assert raw is not None
        yield from raw.iterdump()


def test_a_new_patient_stands_on_the_list_with_nothing_sent(
    client: TestClient, clinic: Clinic
) -> None:
    body = {"name": " P-00 ", "zone": "Pacific/Chatham", "protocol": PROTOCOL}
    added = client.post("/v1/patients", json=body)
    assert added.status_code == 201
    found = client.get(f"/v1/patients/{added.json()['id']}")
    assert found.json() == added.json()
    assert found.json()["name"] == "P-00"
    row = client.get("/v1/patients").json()[0]
    assert row["patient"] == found.json()
    assert set(row["counts"].values()) == {0}
