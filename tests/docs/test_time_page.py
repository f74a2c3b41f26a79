"""The page about time shows what `welltimed plan` really prints."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.root import app

PAGE = (Path(__file__).parents[2] / "docs/time.md").read_text("utf-8")
NIGHT = next(text for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S))
SHOWN = re.findall(r"^```\n(welltimed plan night\.yaml[^\n]*)\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_each_output_on_the_page_is_what_the_command_prints(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "night.yaml").write_text(NIGHT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, shlex.split(command)[1:])
    assert (ran.exit_code, ran.stdout) == (0, output)


def test_the_page_shows_both_changes_of_berlin_and_the_two_odd_places() -> None:
    told = [re.search(r"--timezone (\S+) --from (\S+)", command) for command, _ in SHOWN]
    assert [found.groups() for found in told if found] == [
        ("Europe/Berlin", "2027-03-27"),
        ("Europe/Berlin", "2027-10-30"),
        ("Pacific/Apia", "2011-12-29"),
        ("Pacific/Apia", "2027-01-15"),
        ("America/Nuuk", "2027-03-27"),
    ]
