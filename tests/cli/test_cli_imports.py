"""A command imports what it needs: a worker lives for months, and nobody waits for help."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
import typer
from cli_runs import Run

from api.cli.commands import COMMANDS
from api.cli.root import app

TELLING = """
import atexit, json, sys
from api.cli import main
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules))))
main()
"""
WEB = {"fastapi", "starlette", "jinja2", "uvicorn", "api.app"}
LEARNING = {"numpy", "scipy", "sklearn"}
OTHERS_WORK = {"benchmarks", "models.simulation", "models.evaluation", "prompting.fcm.emulator"}
SENDERS = {"firebase_admin", "pyreqwest"}
"""What is held by the process that sends."""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TELLING, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"WELLTIMED_FCM_ENDPOINT": "http://127.0.0.1:9"},
    )


def imported(process: subprocess.Popen[str]) -> set[str]:
    """Return what the process has imported by its end."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return set(json.loads(out.splitlines()[-1]))


def test_a_worker_holds_neither_the_web_nor_what_others_work_with(run: Run) -> None:
    run("migrate")
    worker = started("worker")
    assert worker.stderr is not None
    assert "The worker runs" in worker.stderr.readline()
    worker.send_signal(signal.SIGTERM)
    held = imported(worker)
    assert "prompting.worker" in held
    assert held.isdisjoint(WEB | OTHERS_WORK | SENDERS | {"alembic"})


@pytest.mark.parametrize(
    ("arguments", "needless"),
    [
        (("--help",), WEB | LEARNING | OTHERS_WORK | {"sqlalchemy", "pydantic"}),
        (("content", "check", "--help"), WEB | LEARNING | OTHERS_WORK | {"sqlalchemy"}),
        (("plan", "--help"), WEB | LEARNING | OTHERS_WORK),
        (("migrate", "--help"), WEB | LEARNING | OTHERS_WORK),
        (("fcm-emulator", "--help"), LEARNING | {"fastapi"}),
        (("simulate", "--help"), WEB | {"sqlalchemy", "benchmarks"}),
    ],
)
def test_a_command_imports_nothing_of_the_others(
    arguments: tuple[str, ...], needless: set[str]
) -> None:
    held = imported(started(*arguments))
    assert held & needless == set()


def test_the_list_of_commands_says_of_each_what_it_says_itself() -> None:
    commands: Any = typer.main.get_command(app)
    told = {name: one.help.split("\n\n")[0] for name, one in commands.commands.items()}
    assert {name: summary for name, (_, summary) in COMMANDS.items()} == {
        name: " ".join(text.split()) for name, text in told.items()
    }


def test_a_command_that_is_not_there_is_refused_with_what_may_be_meant(run: Run) -> None:
    ran = run("wroker")
    assert ran.is_refusal(2)
    assert "No such command 'wroker'. Did you mean 'worker'?" in ran.err
