"""Who may do what, over every route the app has: enumerated from the app, not from its papers."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from api_world import BAD_ID, PROTOCOL, World, is_problem
from builders import PASSWORD
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import auth
from api.deps import COOKIE

PUBLIC = {
    ("POST", "/v1/session"),
    ("POST", "/v1/devices"),
    ("GET", "/v1/openapi.json"),
    ("HEAD", "/v1/openapi.json"),
}
OPEN_PAGES = {"/", "/sign-in", "/health", "/ready", "/metrics"}
BODIES: dict[str, Any] = {
    "/protocol": {"document": PROTOCOL},
    "/protocol/preview": {"document": PROTOCOL},
    "/protocol/compare": {"document": PROTOCOL},
    "/milestones": {"name": "first-session", "date": "2026-11-20"},
    "/rules": {"rules": {"per_day": 1}},
    "/declared-hours": {"wake": "07:00", "bed": "23:00"},
    "/mark": {"good": True},
    "/zone": {"zone": "America/New_York"},
    "/snooze": {"minutes": 15},
    "/not-now": {"reason": "work"},
    "/reports/{report_id}": {"name": "smoked", "at": "2026-11-20T15:00Z"},
    "/push-token": {"push_token": "x"},
    "/receipts": {"receipts": [{"prompt_id": BAD_ID, "kind": "shown", "at": "2026-11-20T15:00Z"}]},
}


def endpoints(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of every endpoint, also of included routers."""
    waiting: list[Any] = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        if (router := getattr(route, "original_router", None)) is not None:
            waiting += router.routes
        for method in sorted(getattr(route, "methods", None) or ()):
            yield method, route.path


def api(app: FastAPI) -> list[tuple[str, str]]:
    return [one for one in endpoints(app) if one[1].startswith("/v1") and one not in PUBLIC]


def filled(path: str, patient: str, other: str = BAD_ID) -> str:
    """Return a path with the patient's id in its place and another id in every other."""
    return re.sub(r"{[^}]+}", other, path.replace("{patient_id}", patient))


def body_for(path: str) -> Any:
    return next((body for end, body in BODIES.items() if path.endswith(end)), None)


def test_the_routes_are_found_and_the_public_ones_are_few(lasting: World) -> None:
    found = set(endpoints(lasting.app))
    assert len(api(lasting.app)) >= 18
    assert found >= PUBLIC
    assert len({path for _, path in PUBLIC}) <= 6


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eDp5", "Bearer \xff\xfe"])
def test_every_route_but_the_public_ones_asks_who_is_calling(
    lasting: World, header: str | None
) -> None:
    before = lasting.rows()
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    for method, path in api(lasting.app):
        full = filled(path, lasting.patients["therapist"])
        reply = lasting.client.request(method, full, headers=headers, json=body_for(path))
        assert reply.status_code == 401, (method, path)
        assert method == "HEAD" or is_problem(reply), (method, path)
        assert reply.headers["www-authenticate"] == "Bearer", (method, path)
    assert lasting.rows() == before


def test_pages_without_a_session_lead_to_sign_in_or_are_open(lasting: World) -> None:
    for method, path in endpoints(lasting.app):
        if path.startswith("/v1") or path in OPEN_PAGES:
            continue
        full = filled(path, lasting.patients["therapist"])
        reply = lasting.client.request(method, full, follow_redirects=False)
        assert reply.status_code == 303, (method, path)
        assert reply.headers["location"].startswith("/sign-in"), (method, path)


def test_a_phones_credential_opens_no_therapist_route_and_a_session_no_phone_route(
    lasting: World,
) -> None:
    before = lasting.rows()
    for method, path in api(lasting.app):
        wrong = "therapist" if path.startswith("/v1/device") else "phone"
        full = filled(path, lasting.patients["therapist"], lasting.prompts["phone"])
        reply = lasting.call(method, full, wrong, json=body_for(path))
        assert reply.status_code == 401, (method, path)
    assert lasting.rows() == before


def test_another_therapists_patient_and_an_absent_one_are_told_alike(lasting: World) -> None:
    before = lasting.rows()
    seen = 0
    for method, path in api(lasting.app):
        if "{patient_id}" not in path:
            continue
        seen += 1
        replies = [
            lasting.call(
                method,
                filled(path, patient, lasting.prompts["other_phone"]),
                "therapist",
                json=body_for(path),
                headers={"If-Match": '"1"'},
            )
            for patient in (lasting.patients["other"], str(uuid4()))
        ]
        assert replies[0].status_code == replies[1].status_code == 404, (method, path)
        assert replies[0].content == replies[1].content, (method, path)
        assert dict(replies[0].headers) == dict(replies[1].headers), (method, path)
    assert seen >= 9
    assert lasting.rows() == before


def test_another_patients_prompt_is_no_prompt_of_ones_own(lasting: World) -> None:
    absent, others = (
        [
            lasting.call("GET", lasting.own(f"/prompts/{prompt}/{what}"), "therapist")
            for what in ("decision", "trace")
        ]
        for prompt in (BAD_ID, lasting.prompts["other_phone"])
    )
    assert {reply.status_code for reply in (*absent, *others)} == {404}
    assert [reply.content for reply in absent] == [reply.content for reply in others]
    replies = [
        lasting.answer("other_phone", prompt_id=prompt)
        for prompt in (BAD_ID, lasting.prompts["phone"])
    ]
    assert [reply.status_code for reply in replies] == [422, 422]
    assert replies[0].content == replies[1].content


def test_lists_do_not_change_when_another_therapist_gains_data(world: World) -> None:
    paths = ("/v1/patients", *(world.own(end) for end in ("/prompts", "/compliance", "/protocol")))
    before = [world.call("GET", path, "therapist").content for path in paths]
    reply = world.call(
        "POST", "/v1/patients", "other",
        json={"name": "AAA", "zone": "Europe/Berlin", "protocol": PROTOCOL},
    )  # fmt: skip
    assert reply.status_code == 201
    assert world.answer("other_phone", prompt_id=world.prompts["other_phone"]).is_success
    assert [world.call("GET", path, "therapist").content for path in paths] == before
    assert len(world.call("GET", "/v1/patients", "other").json()) == 2


def test_a_colleagues_patients_are_not_on_ones_list(lasting: World) -> None:
    for who in ("therapist", "other"):
        listed = lasting.call("GET", "/v1/patients", who).json()
        assert [row["patient"]["id"] for row in listed] == [lasting.patients[who]]


CHANGES = [
    ("DELETE", "/v1/session"),
    ("POST", "/v1/patients"),
    ("POST", "{own}/enrolment-codes"),
    ("POST", "{own}/tests"),
    ("PUT", "{own}/protocol"),
    ("POST", "{own}/protocol/preview"),
    ("POST", "{own}/protocol/compare"),
    ("POST", "{own}/milestones"),
    ("PUT", "{own}/rules"),
    ("PUT", "{own}/declared-hours"),
]
FOREIGN: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_cookie_changes_nothing_for_another_site(lasting: World, headers: dict[str, str]) -> None:
    with_cookie = TestClient(lasting.app, cookies={COOKIE: lasting.secrets["therapist"]})
    body = {"name": "P-1", "zone": "Europe/Berlin", "protocol": PROTOCOL}
    before = lasting.rows()
    for method, path in CHANGES:
        full = path.format(own=lasting.own(""))
        sent = body if path == "/v1/patients" else body_for(path)
        reply = with_cookie.request(method, full, headers=headers | {"If-Match": '"1"'}, json=sent)
        assert reply.status_code == 401, (method, path)
    assert lasting.rows() == before
    assert with_cookie.get("/v1/patients").status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "http://testserver"}, {"Sec-Fetch-Site": "none"}])
def test_a_cookie_from_our_own_pages_may_change_things(
    world: World, headers: dict[str, str]
) -> None:
    own = TestClient(world.app, cookies={COOKIE: world.secrets["therapist"]})
    assert own.post(world.own("/enrolment-codes"), headers=headers).status_code == 201
    assert own.delete("/v1/session", headers=headers).status_code == 204


def test_a_broken_bearer_is_not_made_up_for_by_a_cookie(lasting: World) -> None:
    both = TestClient(lasting.app, cookies={COOKIE: lasting.secrets["therapist"]})
    assert both.get("/v1/patients", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_researcher_or_admin_sees_no_patients_of_others(world: World) -> None:
    for role in ("researcher", "admin"):
        auth.add_clinician(
            world.db, email=f"{role}@clinic.example", name=role, role=role, password=PASSWORD,
            now=world.clock(),
        )  # fmt: skip
        token = auth.sign_in(world.db, f"{role}@clinic.example", PASSWORD, now=world.clock()).token
        assert world.call("GET", "/v1/patients", token).json() == []
        assert world.call("GET", world.own(""), token).status_code == 404
