"""Runs named tests in a process of their own, with or without a planted mistake, and judges."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mistakes import ROOT, Mistake
from planting import MISTAKE, OBSERVED

LONGEST_SECONDS = 150.0
_PYTEST = (sys.executable, "-m", "pytest", "-p", "planting", "-p", "no:cacheprovider", "-n", "0")
_HERE = Path(__file__).parent
_BREAKS_THE_MODULE = frozenset(
    {
        "AttributeError",
        "ImportError",
        "IndentationError",
        "ModuleNotFoundError",
        "NameError",
        "SyntaxError",
        "TypeError",
        "UnboundLocalError",
    }
)
"""A test that ends so has met code that cannot run, and not a promise that is broken."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of a run of tests.

    `failed` maps the tests that failed in their own body to the error's name, `broken` tells
    what failed elsewhere.
    """

    planted: list[str]
    passed: set[str]
    failed: dict[str, str]
    skipped: set[str]
    broken: list[str]
    seconds: float
    output: str


@dataclass(frozen=True, slots=True)
class Catch:
    """Whether the named test saw the mistake; `why` says by which error, or why not."""

    mistake: Mistake
    caught: bool
    why: str
    seconds: float
    skipped: bool = False


def observe(tests: Iterable[str], mistake: Mistake | None = None) -> Observed:
    """Return what came of these tests. Raises subprocess.TimeoutExpired."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        told = Path(folder, "observed.json")
        done = subprocess.run(
            [*_PYTEST, *(["-x"] if mistake else []), *dict.fromkeys(tests)],
            cwd=ROOT,
            env=_environment(mistake, folder) | {OBSERVED: str(told)},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        output = done.stdout + done.stderr
        found = json.loads(told.read_text("utf-8")) if told.exists() else None
    if found is None:
        return Observed([], set(), {}, set(), ["pytest did not begin"], 0.0, output)
    return _sorted(found, time.monotonic() - began, output)


def judge(mistake: Mistake) -> Catch:
    """Return whether the mistake's test fails with it, and by breaking a promise."""
    try:
        seen = observe([mistake.test], mistake)
    except subprocess.TimeoutExpired:
        return Catch(mistake, False, "no end within the time allowed", LONGEST_SECONDS)
    if mistake.test in seen.skipped:
        return Catch(mistake, False, "its test was skipped", seen.seconds, skipped=True)
    why = _why_not(mistake, seen)
    error = seen.failed.get(mistake.test, "")
    return Catch(mistake, why is None, why or error, seen.seconds)


def _why_not(mistake: Mistake, seen: Observed) -> str | None:
    if seen.broken:
        return f"failed outside the test: {', '.join(seen.broken)}\n{seen.output}"
    if seen.planted != [mistake.name]:
        return f"it did not take effect\n{seen.output}"
    if mistake.test in seen.passed:
        return "the test passes all the same"
    error = seen.failed.get(mistake.test)
    if error is None:
        return f"the test did not run\n{seen.output}"
    if error in _BREAKS_THE_MODULE:
        return f"{error}: the mistake breaks the module and not a promise\n{seen.output}"
    return None


def _sorted(found: dict[str, Any], seconds: float, output: str) -> Observed:
    calls = [report for report in found["reports"] if report["when"] == "call"]
    others = [report for report in found["reports"] if report["when"] != "call"]
    return Observed(
        planted=found["planted"],
        passed={report["test"] for report in calls if report["outcome"] == "passed"},
        failed={r["test"]: r["error"] for r in calls if r["outcome"] == "failed"},
        skipped={r["test"] for r in found["reports"] if r["outcome"] == "skipped"},
        broken=[f"{r['test']} ({r['when']})" for r in others if r["outcome"] == "failed"],
        seconds=seconds,
        output=output,
    )


def _environment(mistake: Mistake | None, folder: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "COVERAGE_", "WELLTIMED_"))
    }
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(_HERE), str(ROOT / "tests"), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
        # What a mistake makes fail is no example for the healthy product.
        "HYPOTHESIS_STORAGE_DIRECTORY": folder,
        **({MISTAKE: json.dumps(asdict(mistake))} if mistake else {}),
    }
