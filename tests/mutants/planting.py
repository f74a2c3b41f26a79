"""A pytest plugin: plants one mistake while the product is imported, and writes down what came.

Nothing on the disk changes. The one module named by the mistake is compiled from its changed text;
no compiled file of it is read or written. Two environment variables steer it: WELLTIMED_MISTAKE
holds the mistake as JSON (absent: none), WELLTIMED_OBSERVED names the file for what was observed.
"""

import json
import os
import sys
from collections.abc import Generator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from mistakes import ROOT, Mistake

MISTAKE, OBSERVED = "WELLTIMED_MISTAKE", "WELLTIMED_OBSERVED"
_reports: list[dict[str, str]] = []


class PlantedSource(SourceFileLoader):
    """Compiles a module from its text with the mistake in it."""

    def __init__(self, mistake: Mistake, path: str) -> None:
        super().__init__(mistake.module, path)
        self.mistake = mistake

    def get_code(self, fullname: str) -> CodeType:
        text = self.mistake.planted(Path(self.path).read_text("utf-8"))
        return compile(text, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module.__dict__["__mistake__"] = self.mistake.name  # only if it could be imported


class Planter(MetaPathFinder):
    """Finds the one module that is to have the mistake, and leaves all others alone."""

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.mistake.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin == str(ROOT / self.mistake.file), f"another copy: {spec.origin}"
        spec.loader = PlantedSource(self.mistake, spec.origin)
        return spec


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    if MISTAKE in os.environ:
        mistake = Mistake(**json.loads(os.environ[MISTAKE]))
        assert mistake.module not in sys.modules, "too late: it is imported already"
        sys.meta_path.insert(0, Planter(mistake))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    error = call.excinfo.typename if call.excinfo else ""
    _note(item.nodeid, report.when or "", report.outcome, error)
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _note(report.nodeid, "collect", report.outcome, "")


def pytest_sessionfinish() -> None:
    # Some packages put things into sys.modules that are no modules and answer to any name.
    contents = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())]
    planted = [found["__mistake__"] for found in contents if "__mistake__" in found]
    observed = {"planted": planted, "reports": _reports}
    Path(os.environ[OBSERVED]).write_text(json.dumps(observed), "utf-8")


def _note(test: str, when: str, outcome: str, error: str) -> None:
    _reports.append({"test": test, "when": when, "outcome": outcome, "error": error})
