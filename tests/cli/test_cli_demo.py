"""The demo through the console script, and the counting of what its emulator saw."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.demo.figures import deliveries

KEYS = [
    "patients", "days", "planned", "sent", "answered", "uniform_rate", "adaptive_rate", "lift_pp",
    "lift_ci95", "doubles", "quiet_hour_sends", "seconds",
]  # fmt: skip
COMMAND = (
    sys.executable, "-c", "from api.cli import main; main()",
    "demo", "--patients", "5", "--days", "2", "--no-serve", "--json", "--folder",
)  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, Path]]:
    """Two runs of the same demo at the same time: what each printed, and its folder."""
    folders = [tmp_path_factory.mktemp("demo") for _ in range(2)]
    started = [
        subprocess.Popen(
            [*COMMAND, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for folder in folders
    ]
    printed = []
    for process in started:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert out.count("\n") == 1, "one JSON object and nothing else"
        printed.append(json.loads(out))
    return list(zip(printed, folders, strict=True))


@pytest.mark.slow
def test_the_demo_keeps_its_promises_and_the_keys_of_the_contract(
    runs: list[tuple[Any, Path]],
) -> None:
    found, _ = runs[0]
    assert list(found) == KEYS
    assert (found["patients"], found["days"]) == (5, 2)
    assert found["doubles"] == found["quiet_hour_sends"] == 0
    assert 0 < found["answered"] <= found["sent"] <= found["planned"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(runs: list[tuple[Any, Path]]) -> None:
    (first, _), (second, _) = runs
    assert first | {"seconds": 0} == second | {"seconds": 0}


@pytest.mark.slow
def test_a_planted_double_and_a_push_at_night_are_counted(
    runs: list[tuple[Any, Path]], tmp_path: Path
) -> None:
    found, folder = runs[0]
    written = (folder / "demo-fcm.jsonl").read_text(encoding="utf-8")
    accepted = [json.loads(line) for line in written.splitlines()]
    assert len(accepted) == found["sent"]
    planted = tmp_path / "planted.jsonl"
    double = accepted[0]
    at_night = accepted[1] | {"prompt_id": "another", "at": double["at"][:11] + "02:30:00+00:00"}
    refused = accepted[2] | {"outcome": "UNREGISTERED"}
    lines = [*accepted, double, at_night, refused]
    planted.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    clean, dirty = deliveries(folder / "demo-fcm.jsonl"), deliveries(planted)
    assert (clean.doubles, clean.quiet_hour_sends) == (0, 0)
    assert (dirty.doubles, dirty.quiet_hour_sends) == (1, 1)
