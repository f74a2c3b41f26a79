"""A command line whose environment and folder are the test's own."""

from pathlib import Path

import pytest
from cli_runs import Run, runner


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "PORT", "PUBLIC_URL", "FCM_ENDPOINT", "PASSWORD", "LOG_LEVEL"):
        monkeypatch.delenv(f"WELLTIMED_{name}", raising=False)
    monkeypatch.setenv("WELLTIMED_DATABASE_URL", f"sqlite:///{tmp_path / 'cli.db'}")
    return runner(monkeypatch, capsys)
