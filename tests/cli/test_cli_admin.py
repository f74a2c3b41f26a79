"""`migrate`, `user add`, `content check` and `openapi`."""

import json
from pathlib import Path

import pytest
from cli_runs import Ran, Run
from fakes import postgres_url

from api import auth
from api.cli.environment import ready_database
from engine.clock import system_clock
from engine.settings import Settings
from engine.store import open_database

ITEMS = Path(auth.__file__).parents[1] / "content" / "items"


def test_migrating_twice_does_something_once(run: Run) -> None:
    first, second = run("migrate", "--json").document, run("migrate", "--json").document
    assert first["applied"][0] == "0001"
    assert second == first | {"applied": []}
    assert first["database"].startswith("sqlite:///")
    assert "nothing to do" in run("migrate").out


@pytest.mark.postgres
def test_a_server_that_may_lose_what_it_committed_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ready_database(Settings(database_url=postgres_url())).close()  # this one keeps nothing safe
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"PostgreSQL runs with {name} = off: a power cut may lose what it has committed"
        for name in ("fsync", "full_page_writes")
    ]


def add(run: Run, email: str = "a@clinic.example", *more: object) -> Ran:
    return run("user", "add", email, "--name", "Therapist A", *more)


def test_a_user_can_sign_in_with_the_password_shown_once(run: Run, tmp_path: Path) -> None:
    found = add(run, "a@clinic.example", "--json").document
    assert set(found) == {"id", "email", "password"}
    db = open_database(f"sqlite:///{tmp_path / 'cli.db'}")
    session = auth.sign_in(db, "A@clinic.example", found["password"], now=system_clock())
    assert str(session.clinician.id) == found["id"]
    assert session.clinician.role == "therapist"
    db.close()


def test_a_given_password_is_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLTIMED_PASSWORD", "correct horse battery")
    found = add(run, "b@clinic.example", "--role", "admin", "--json")
    assert found.document["password"] is None
    assert "horse" not in found.out + found.err
    shown = add(run, "c@clinic.example")
    assert "horse" not in shown.out
    assert "c@clinic.example can sign in as therapist" in shown.out


@pytest.mark.parametrize(
    ("email", "more", "named"),
    [
        ("a@clinic.example", ("--password", "short"), "password"),
        ("a@clinic.example", ("--password", "x" * 129), "password"),
        ("a@clinic.example", ("--password", "correct horse\udcff"), "password"),
        ("no address", (), "email"),
        ("a b@clinic.example", (), "email"),
        ("a@clinic.example", ("--name", " "), "name"),
        ("a@clinic.example", ("--name", "x" * 300), "name"),
        ("a@clinic.example", ("--name", "x\udcff"), "name"),
    ],
)
def test_a_user_that_cannot_be_is_refused_by_field(
    run: Run, email: str, more: tuple[str, ...], named: str
) -> None:
    ran = add(run, email, *more)
    assert ran.is_refusal(1), ran
    assert ran.err.startswith(f"welltimed: {named}: ")


def test_the_same_address_twice_is_refused_whatever_its_case(run: Run) -> None:
    assert add(run).code == 0
    ran = add(run, "A@Clinic.example")
    assert ran.is_refusal(1), ran
    assert "in use" in ran.err


def test_our_own_content_is_good(run: Run) -> None:
    found = run("content", "check", ITEMS, "--json").document
    assert found["ok"] is True
    assert found["errors"] == []
    assert "checkin.momentary" in found["items"]
    assert run("content", "check", ITEMS / "phq9.yaml").code == 0


def test_broken_content_is_told_by_file_line_and_path(run: Run, tmp_path: Path) -> None:
    lines = (ITEMS / "phq9.yaml").read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "loinc: 44250-9" in line)
    lines[at - 1] = lines[at - 1].replace("44250-9", "none")
    broken = tmp_path / "broken.yaml"
    broken.write_text("\n".join(lines), encoding="utf-8")
    ran = run("content", "check", broken, "--json")
    assert ran.code == 1
    assert ran.document["ok"] is False
    (fault,) = ran.document["errors"]
    assert fault["file"].endswith("broken.yaml")
    assert (fault["line"], fault["path"]) == (at, "items[0].loinc")
    shown = run("content", "check", broken)
    assert (shown.code, shown.out) == (1, "")
    assert f"broken.yaml:{at}: items[0].loinc: " in shown.err


def test_content_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        ran = run("content", "check", path, "--json")
        assert ran.code == 1
        assert ran.document["ok"] is False
        assert len(ran.document["errors"]) == 1


def test_openapi_prints_the_document_the_api_serves(run: Run, tmp_path: Path) -> None:
    ran = run("openapi")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert document["info"]["title"] == "Welltimed"
    assert "/v1/device/responses/{response_id}" in document["paths"]
    to = tmp_path / "openapi.json"
    assert run("openapi", "--to", to).out == ""
    assert json.loads(to.read_text(encoding="utf-8")) == document
    assert sorted(path.name for path in tmp_path.iterdir()) == ["openapi.json"]
