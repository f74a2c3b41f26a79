"""What Prometheus is told, and who may ask."""

from dataclasses import replace
from datetime import timedelta

import pytest
from api_world import World, is_problem
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import create_app
from api.services import Services
from engine.settings import Settings
from engine.store import workers

TOKEN = "a-token-of-some-length"


def app_with(world: World, token: str | None) -> FastAPI:
    built: Services = world.app.state.services
    settings = Settings(database_url=world.db.url, metrics_token=token)
    return create_app(replace(built, settings=settings))


def scraper(app: FastAPI, host: str = "127.0.0.1", **headers: str) -> TestClient:
    return TestClient(app, client=(host, 50_000), headers=headers)


def samples(world: World) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    reply = scraper(world.app).get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_database(world: World) -> None:
    until = world.clock() + timedelta(seconds=20)
    with world.db.write() as tx:
        told = workers.Beat(open_until=until, ticks={"plan": 61.0, "dispatch": 0.4})
        workers.beat(tx, "one", None, now=world.clock(), told=told)
        workers.beat(tx, "two", "the plan tick hangs", now=world.clock())
    found = samples(world)
    assert found["welltimed_prompts", (("state", "accepted"),)] == 2
    assert found["welltimed_prompts", (("state", "failed"),)] == 0
    assert found["welltimed_lateness_seconds_bucket", (("le", "+Inf"),)] == 2
    assert found["welltimed_lateness_quantile_seconds", (("quantile", "0.99"),)] < 10
    assert found["welltimed_phones", ()] == 2
    assert found["welltimed_dead_tokens", ()] == found["welltimed_silent_patients", ()] == 0
    assert found["welltimed_prompts_waiting", ()] == 0
    assert found["welltimed_workers", (("state", "at_work"),)] == 1
    assert found["welltimed_workers", (("state", "stalled"),)] == 1
    assert found["welltimed_breaker_open", ()] == 1
    assert found["welltimed_tick_age_seconds", (("tick", "plan"),)] == 61


def test_two_processes_on_one_database_tell_the_same(world: World) -> None:
    again = scraper(app_with(world, None)).get("/metrics").text
    assert scraper(world.app).get("/metrics").text == again


def test_no_label_names_a_patient(world: World) -> None:
    allowed = {"state", "reason", "quantile", "le", "tick", "version"}
    assert {name for _, labels in samples(world) for name, _ in labels} <= allowed
    text = scraper(world.app).get("/metrics").text
    for secret in (*world.patients.values(), "P-therapist", "P-other"):
        assert secret not in text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1"])
def test_without_a_token_this_machine_may_ask(world: World, host: str) -> None:
    assert scraper(world.app, host).get("/metrics").status_code == 200


@pytest.mark.parametrize("host", ["10.0.0.7", "192.0.2.1", "2001:db8::1", "testclient", ""])
def test_without_a_token_others_find_no_such_page(world: World, host: str) -> None:
    reply = scraper(world.app, host).get("/metrics")
    assert reply.status_code == 404
    assert is_problem(reply)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_what_a_proxy_on_this_machine_passes_on_comes_from_elsewhere(
    world: World, name: str
) -> None:
    assert scraper(world.app, **{name: "127.0.0.1"}).get("/metrics").status_code == 404


@pytest.mark.parametrize(
    "header", [None, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"]
)
def test_with_a_token_set_only_it_opens_the_page(world: World, header: str | None) -> None:
    app = app_with(world, TOKEN)
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    for host in ("127.0.0.1", "192.0.2.1"):
        reply = scraper(app, host).get("/metrics", headers=headers)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        good = {"Authorization": f"Bearer {TOKEN}"}
        assert scraper(app, host).get("/metrics", headers=good).status_code == 200


def test_a_session_is_no_metrics_token(world: World) -> None:
    bearer = {"Authorization": f"Bearer {world.secrets['therapist']}"}
    assert scraper(app_with(world, TOKEN)).get("/metrics", headers=bearer).status_code == 401


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="metrics_token"):
        Settings(metrics_token="short")
