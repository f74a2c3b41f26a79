"""Every refusal is one line on stderr: exit 2 for wrong usage, 1 for what could not be done."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_runs import Run

GOOD = """\
schema: welltimed-protocol/1
name: Short
assignments:
  - content: checkin.momentary
    trigger: {kind: window, windows: [{from: "09:00", to: "12:00"}, {from: "13:00", to: "15:00"}]}
    expires_after: 60m
"""
PLAN = ("plan", "p.yaml", "--timezone", "Europe/Berlin", "--from", "2026-11-20")


@pytest.fixture
def protocol(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


USAGE = [
    (("nosuch",), "nosuch"),
    (("plan", "--nope"), "--nope"),
    (("plan",), "protocol"),
    (("migrate", "--json", "extra"), "extra"),
    ((*PLAN[:-1], "tomorrow"), "--from"),
    ((*PLAN[:-1], "9999-12-30"), "--from"),
    ((*PLAN[:-1], "0001-01-01"), "--from"),
    ((*PLAN, "--days", "0"), "--days"),
    ((*PLAN, "--days", "many"), "--days"),
    ((*PLAN, "--seed", "-1"), "--seed"),
    (("plan", "p.yaml", "--timezone", "Mars/X", "--from", "2026-11-20"), "--timezone"),
    (("plan", "p.yaml", "--timezone", "../UTC", "--from", "2026-11-20"), "--timezone"),
    (("simulate", "--world", "moon"), "--world"),
    (("simulate", "--policy", "magic"), "--policy"),
    (("simulate", "--persons", "0"), "--persons"),
    (("simulate", "--epsilon", "nan"), "--epsilon"),
    (("demo", "--patients", "0"), "--patients"),
    (("serve", "--port", "70000"), "--port"),
    (("user", "add", "a@b.example"), "--name"),
    (("user", "add", "a@b.example", "--name", "A", "--role", "king"), "--role"),
]


@pytest.mark.parametrize(("arguments", "named"), USAGE)
@pytest.mark.usefixtures("protocol")
def test_wrong_usage_exits_2_with_one_line_that_names_it(
    run: Run, arguments: tuple[str, ...], named: str
) -> None:
    ran = run(*arguments)
    assert ran.is_refusal(2), ran
    assert named in ran.err


@pytest.mark.parametrize("arguments", [(), ("content",), ("user",)])
def test_no_command_shows_help_and_exits_2(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.err) == (2, "")
    assert "Usage" in ran.out


def test_help_exits_0(run: Run) -> None:
    ran = run("--help")
    assert (ran.code, ran.err) == (0, "")
    for name in ("demo", "serve", "plan", "simulate", "openapi", "migrate", "user", "content"):
        assert name in ran.out


FILES = {
    "missing": (None, "p.yaml"),
    "of binary": (b"\xff\xfe\x00\x01", "not UTF-8"),
    "empty": (b"", "document"),
    "not YAML": (b"schema: [", "line 1"),
    "a list": (b"- 1\n", "document"),
    "with a window that ends first": (
        GOOD.replace('"15:00"', '"12:30"').encode(),
        "assignments[0].trigger.windows[1].to",
    ),
    "with unknown content": (
        GOOD.replace("checkin.momentary", "no.such").encode(),
        "assignments[0].content",
    ),
    "with an unknown key": (GOOD.encode() + b"colour: red\n", "colour"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_protocol_file_that_cannot_be_used_exits_1_and_names_the_place(
    run: Run, tmp_path: Path, name: str
) -> None:
    written, named = FILES[name]
    if written is not None:
        (tmp_path / "p.yaml").write_bytes(written)
    ran = run(*PLAN, "--json")
    assert ran.is_refusal(1), ran
    assert named in ran.err


def test_all_faults_of_a_protocol_are_told_on_the_one_line(run: Run, tmp_path: Path) -> None:
    bad = GOOD.replace('"15:00"', '"12:30"').replace("60m", "soon")
    (tmp_path / "p.yaml").write_text(bad, encoding="utf-8")
    ran = run(*PLAN)
    assert ran.is_refusal(1)
    assert "assignments[0].expires_after" in ran.err


ENVIRONMENT = [
    ("WELLTIMED_PORT", "eighty", 2),
    ("WELLTIMED_CONTROL_SHARE", "2", 2),
    ("WELLTIMED_LOG_LEVEL", "banana", 2),
    ("WELLTIMED_DATABASE_URL", "nonsense", 1),
    ("WELLTIMED_DATABASE_URL", "mysql://host/name", 1),
    ("WELLTIMED_DATABASE_URL", "sqlite:////proc/none/clinic.db", 1),
    ("WELLTIMED_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/none", 1),
]


@pytest.mark.parametrize(("name", "value", "code"), ENVIRONMENT)
def test_a_setting_that_cannot_be_used_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int
) -> None:
    monkeypatch.setenv(name, value)
    ran = run("migrate", "--json")
    assert ran.is_refusal(code), ran
    assert "hush" not in ran.err
    if code == 2:
        assert name in ran.err


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("command", ["serve", "demo", "fcm-emulator"])
def test_a_busy_port_is_told_before_anything_is_done(
    run: Run, tmp_path: Path, busy_port: int, command: str
) -> None:
    ran = run(command, "--port", busy_port)
    assert ran.is_refusal(1), ran
    assert str(busy_port) in ran.err
    assert "--port" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_not_ours_is_told(run: Run) -> None:
    ran = run("serve", "--host", "192.0.2.1", "--port", 8000)
    assert ran.is_refusal(1), ran
    assert "192.0.2.1" in ran.err


def test_a_folder_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    ran = run("demo", "--no-serve", "--json", "--folder", tmp_path / "file" / "below")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1].startswith("welltimed: ")
    assert "Traceback" not in ran.err
    there = run("openapi", "--to", tmp_path / "none" / "openapi.json")
    assert there.is_refusal(1), there


def test_a_worker_on_the_built_in_emulator_says_what_to_set(run: Run) -> None:
    ran = run("worker")
    assert ran.is_refusal(1), ran
    assert "WELLTIMED_FCM_ENDPOINT" in ran.err
