"""Zone data comes from the tzdata package alone; without it nothing starts."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest

WITHOUT_TZDATA = """
import json, sys
sys.modules["tzdata"] = None
from api.cli import main
codes = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["welltimed", *arguments]
    try:
        main()
    except SystemExit as ended:
        codes.append(ended.code)
print(json.dumps(codes))
"""
INSTANT = """
from datetime import date, time
from engine.localtime import resolve, zone
print(resolve(date(2027, 7, 1), time(9), zone("Europe/Berlin")).isoformat())
"""
PROTOCOL = """\
schema: welltimed-protocol/1
name: One
assignments: [{content: phq9, trigger: {kind: fixed, at: ["09:00"]}}]
"""


def python(code: str, *arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_without_the_package_nothing_starts_and_one_line_says_why(tmp_path: Path) -> None:
    file = tmp_path / "protocol.yaml"
    file.write_text(PROTOCOL, encoding="utf-8")
    commands = [
        ["serve", "--port", "0"],
        ["worker"],
        ["plan", str(file), "--timezone", "Europe/Berlin", "--from", "2027-07-01"],
    ]
    ran = python(
        WITHOUT_TZDATA,
        json.dumps(commands),
        env={"WELLTIMED_DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}"},
    )
    assert json.loads(ran.stdout) == [1, 1, 1]
    said = "welltimed: the tzdata package is missing: install it, zone data comes from nowhere else"
    assert ran.stderr.splitlines() == [said] * 3
    assert not (tmp_path / "none.db").exists()


@pytest.fixture
def wrong_zones(tmp_path: Path) -> str:
    """A folder of zone files in which Berlin keeps the time of Apia."""
    wrong = tmp_path / "Europe" / "Berlin"
    wrong.parent.mkdir()
    apia = resources.files("tzdata").joinpath("zoneinfo", "Pacific", "Apia")
    with resources.as_file(apia) as file:
        shutil.copy(file, wrong)
    return str(tmp_path)


@pytest.mark.parametrize("setting", ["PYTHONTZPATH", "TZDIR"])
def test_a_wrong_folder_of_zone_files_has_no_effect(wrong_zones: str, setting: str) -> None:
    ran = python(INSTANT, env={setting: wrong_zones})
    assert (ran.stdout.strip(), ran.stderr) == ("2027-07-01T07:00:00+00:00", "")


def test_the_wrong_folder_would_have_an_effect_on_the_standard_library(wrong_zones: str) -> None:
    code = (
        "from datetime import datetime; from zoneinfo import ZoneInfo;"
        "print(datetime(2027, 7, 1, 9, tzinfo=ZoneInfo('Europe/Berlin')).utcoffset())"
    )
    assert python(code, env={"PYTHONTZPATH": wrong_zones}).stdout.strip() == "13:00:00"
