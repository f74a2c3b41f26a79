"""Signing in and out, how long sessions last, and what the database knows of secrets."""

import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from api_world import OTHER_EMAIL, Template, World, fields, is_problem, living
from builders import EMAIL, PASSWORD

from api import auth
from api.limiter import ACCOUNTS, TRIES_PER_MINUTE, Limiter
from engine.errors import FieldsRefused

SECOND = timedelta(seconds=1)


def sign_in(world: World, email: str = EMAIL, password: str = PASSWORD) -> str:
    body = {"email": email, "password": password}
    reply = world.call("POST", "/v1/session", None, json=body)
    assert reply.status_code == 201
    token: str = reply.json()["token"]
    return token


def status(world: World, token: str) -> int:
    return world.call("GET", "/v1/session", token).status_code


def test_signing_in_tells_who_one_is_and_signing_out_ends_it_at_once(world: World) -> None:
    first, second = sign_in(world), sign_in(world, email=EMAIL.upper())
    assert first != second
    who = world.call("GET", "/v1/session", first).json()
    assert {key: who[key] for key in ("name", "email", "role")} == {
        "name": "Therapist One", "email": EMAIL, "role": "therapist",
    }  # fmt: skip
    assert "token" not in who
    assert world.call("DELETE", "/v1/session", first).status_code == 204
    assert (status(world, first), status(world, second)) == (401, 200)


def test_a_session_ends_after_thirty_minutes_of_rest(world: World) -> None:
    token = sign_in(world)
    world.clock.move_to(world.clock() + timedelta(minutes=30) - SECOND)
    assert status(world, token) == 200
    world.clock.move_to(world.clock() + timedelta(minutes=30) - SECOND)
    assert status(world, token) == 200, "use begins the half hour anew"
    world.clock.move_to(world.clock() + timedelta(minutes=30))
    assert status(world, token) == 401


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(world: World) -> None:
    token, began = sign_in(world), world.clock()
    while world.clock() + timedelta(minutes=20) < began + timedelta(hours=12):
        world.clock.move_to(world.clock() + timedelta(minutes=20))
        assert status(world, token) == 200
    world.clock.move_to(began + timedelta(hours=12))
    assert status(world, token) == 401


def test_wrong_password_and_unknown_user_are_told_alike(world: World) -> None:
    wrong, unknown, nul = (
        world.call("POST", "/v1/session", None, json={"email": email, "password": password})
        for email, password in (
            (EMAIL, "not the password"),
            ("nobody@clinic.example", PASSWORD),
            (" ", ""),
        )
    )
    assert wrong.status_code == unknown.status_code == nul.status_code == 401
    assert wrong.content == unknown.content == nul.content
    assert is_problem(wrong)
    assert dict(wrong.headers) == dict(unknown.headers)


def test_a_password_is_compared_to_its_last_character(world: World) -> None:
    longest = "p" * auth.PASSWORD_LENGTH[1]
    auth.add_clinician(
        world.db, email="long@clinic.example", name="L", role="admin", password=longest,
        now=world.clock(),
    )  # fmt: skip
    assert sign_in(world, "long@clinic.example", longest)
    body = {"email": "long@clinic.example", "password": longest + "x"}
    assert world.call("POST", "/v1/session", None, json=body).status_code == 401


def test_a_password_too_short_or_too_long_is_refused_by_name(world: World) -> None:
    for length in (0, 11, 129):
        with pytest.raises(FieldsRefused, match="password: 12 to 128"):
            auth.add_clinician(
                world.db, email="x@clinic.example", name="X", role="admin", password="x" * length,
                now=world.clock(),
            )  # fmt: skip


def test_passwords_are_hashed_with_argon2id_at_no_less_than_64_mib(lasting: World) -> None:
    hashes = [row[4] for row in lasting.rows()["clinicians"]]
    assert len(hashes) == 2
    assert all(str(one).startswith("$argon2id$v=19$m=65536,t=3,") for one in hashes)
    assert len(set(hashes)) == 2


def test_the_database_file_holds_no_secret_in_clear(world: World) -> None:
    codes = [
        world.call("POST", world.own("/enrolment-codes"), "therapist").json()["code"]
        for _ in range(2)
    ]
    body = {"code": codes[1], "zone": "Europe/Berlin", "platform": "web"}
    enrolled = world.call("POST", "/v1/devices", None, json=body).json()
    secrets = [*codes, enrolled["credential"], sign_in(world), PASSWORD, *world.secrets.values()]
    world.db.close()
    files = list(world.database.parent.glob("clinic.db*"))
    stored = b"".join(file.read_bytes() for file in files)
    assert hashlib.sha256(codes[0].encode()).hexdigest().encode() in stored
    for secret in secrets:
        assert len(secret) >= 10
        assert secret.encode() not in stored


def test_a_stolen_hash_opens_no_session(lasting: World) -> None:
    for row in lasting.rows()["sessions"]:
        assert status(lasting, str(row[0])) == 401
    for row in lasting.rows()["devices"]:
        assert lasting.call("GET", "/v1/device", str(row[2])).status_code == 401


def test_too_many_tries_to_sign_in_answer_429_and_when_to_come_back(
    template: Template, tmp_path: Path
) -> None:
    with living(template, tmp_path, Limiter()) as world:
        body = {"email": EMAIL, "password": "not the password"}
        replies = [world.call("POST", "/v1/session", None, json=body) for _ in range(11)]
        assert [reply.status_code for reply in replies] == [401] * TRIES_PER_MINUTE + [429]
        assert replies[-1].headers["retry-after"] == "60"
        assert is_problem(replies[-1])
        right = {"email": EMAIL.upper(), "password": PASSWORD}
        assert world.call("POST", "/v1/session", None, json=right).status_code == 429
        assert sign_in(world, OTHER_EMAIL), "a colleague at the same address is not locked out"


def test_one_address_cannot_go_through_one_account_after_another(
    template: Template, tmp_path: Path
) -> None:
    with living(template, tmp_path, Limiter(tries_per_minute=2)) as world:
        replies = [
            world.call(
                "POST", "/v1/session", None, json={"email": f"{n}@x.example", "password": "wrong"}
            ).status_code
            for n in range(2 * ACCOUNTS + 1)
        ]
        assert replies == [401] * (2 * ACCOUNTS) + [429]


def test_too_many_tries_of_codes_answer_429_before_the_code_is_looked_at(
    template: Template, tmp_path: Path
) -> None:
    with living(template, tmp_path, Limiter()) as world:
        good = world.call("POST", world.own("/enrolment-codes"), "therapist").json()["code"]
        body = {"zone": "Europe/Berlin", "platform": "web"}
        wrong = [
            world.call("POST", "/v1/devices", None, json=body | {"code": uuid4().hex[:10]})
            for _ in range(TRIES_PER_MINUTE)
        ]
        assert {reply.status_code for reply in wrong} == {422}
        assert {tuple(fields(reply)) for reply in wrong} == {("code",)}
        before = world.rows()
        reply = world.call("POST", "/v1/devices", None, json=body | {"code": good})
        assert reply.status_code == 429
        assert reply.headers["retry-after"] == "60"
        assert world.rows() == before
