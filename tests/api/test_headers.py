"""Headers on every reply, and problem documents for every error."""

import logging
import re
from dataclasses import replace

import pytest
from api_world import World, is_problem
from starlette.testclient import TestClient

from api.app import create_app
from engine.release import release
from engine.settings import Settings
from engine.store import workers

DATA = [
    ("GET", "/v1/patients", "therapist", 200),
    ("GET", "/v1/device/prompts", "phone", 200),
    ("GET", "/v1/openapi.json", None, 200),
    ("GET", "/health", None, 200),
    ("GET", "/sign-in", None, 200),
    ("GET", "/v1/patients", None, 401),
    ("GET", "/v1/no-such-thing", None, 404),
    ("GET", "/nothing", None, 404),
    ("PATCH", "/v1/device", "phone", 405),
    ("POST", "/v1/devices", None, 422),
]
FILES = ["/static/app.css", "/static/app.js", "/app/", "/app/main.js", "/app/sw.js"]


def plant_failure(world: World) -> None:
    def fail() -> None:
        raise RuntimeError("the password is swordfish")

    world.app.add_api_route("/v1/planted", fail)


@pytest.mark.parametrize(("method", "path", "who", "status"), DATA)
def test_data_is_never_cached_and_carries_every_header(
    lasting: World, method: str, path: str, who: str | None, status: int
) -> None:
    reply = lasting.call(method, path, who)
    assert reply.status_code == status
    assert reply.headers["cache-control"] == "no-store"
    check_headers(reply.headers)
    if path.startswith("/v1") and status >= 400:
        assert is_problem(reply)


@pytest.mark.parametrize("path", FILES)
def test_files_are_checked_at_each_use(lasting: World, path: str) -> None:
    reply = lasting.call("GET", path, None)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-cache"
    check_headers(reply.headers)
    again = lasting.call("GET", path, None, headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


def check_headers(headers: object) -> None:
    found = dict(headers)  # type: ignore[call-overload]
    policy = found["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == parts["frame-ancestors"] == parts["base-uri"] == "'none'"
    assert set(parts.values()) <= {"'none'", "'self'"}
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "no-referrer"
    assert found["cross-origin-opener-policy"] == "same-origin"


def test_https_is_insisted_on_where_the_public_address_has_it(lasting: World) -> None:
    assert "strict-transport-security" not in lasting.call("GET", "/health", None).headers
    settings = Settings(database_url=lasting.db.url, public_url="https://clinic.example")
    app = create_app(replace(lasting.app.state.services, settings=settings))
    for path in ("/health", "/v1/nothing"):
        reply = TestClient(app).get(path)
        assert "max-age=31536000" in reply.headers["strict-transport-security"]


def test_a_method_not_allowed_says_which_are(lasting: World) -> None:
    reply = lasting.call("PATCH", "/v1/device")
    assert reply.status_code == 405
    assert is_problem(reply)
    assert reply.headers["allow"] in {"GET", "DELETE", "GET, DELETE", "DELETE, GET"}


def test_a_fault_of_ours_tells_an_id_that_is_also_in_the_log_and_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    plant_failure(world)
    with caplog.at_level(logging.ERROR):
        reply = world.call("GET", "/v1/planted", None)
    assert reply.status_code == 500
    assert is_problem(reply)
    assert "swordfish" not in reply.text
    assert "RuntimeError" not in reply.text
    assert reply.headers["cache-control"] == "no-store"
    check_headers(reply.headers)
    number = re.search(r"logged as ([0-9a-f]{12})\.", reply.json()["detail"])
    assert number is not None
    assert f"error {number[1]} at GET /v1/planted" in caplog.text
    assert reply.json()["errors"] == []


def test_unknown_routes_are_problem_documents_whatever_the_method(lasting: World) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        reply = lasting.call(method, "/v1/no/such/route", None)
        assert reply.status_code == 404
        assert is_problem(reply)


def test_health_and_readiness_tell_the_state_of_the_process(world: World) -> None:
    assert world.call("GET", "/health", None).json() == {"status": "ok"}
    ready = world.call("GET", "/ready", None)
    assert ready.status_code == 200
    assert ready.json()["ready"] is ready.json()["migrated"] is True
    with world.db.write() as tx:
        tx.conn.exec_driver_sql("DELETE FROM alembic_version")
    reply = world.call("GET", "/ready", None)
    assert reply.status_code == 503
    assert reply.json() | {"tzdata": ""} == {
        "ready": False, "database": True, "migrated": False, "tzdata": "",
        "workers": 0, "dead_workers": 0, "stalled": [], "ticks": {}, "version": release(),
    }  # fmt: skip


def test_a_worker_that_stands_still_turns_readiness_red_until_one_is_at_work(world: World) -> None:
    def beat(owner: str, stalled: str | None) -> None:
        with world.db.write() as tx:
            workers.beat(tx, owner, stalled, now=world.clock())

    beat("one", "the plan tick has been running for 700 s")
    reply = world.call("GET", "/ready", None)
    assert reply.status_code == 503
    assert reply.json()["stalled"] == ["the plan tick has been running for 700 s"]
    beat("two", None)
    reply = world.call("GET", "/ready", None)
    assert (reply.status_code, reply.json()["workers"]) == (200, 1)


def test_a_database_of_a_newer_release_is_not_ready(world: World) -> None:
    with world.db.write() as tx:
        tx.conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    reply = world.call("GET", "/ready", None)
    assert reply.status_code == 503
    assert reply.json()["migrated"] is False
