"""Running the command line within this process, as the console script would."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from api.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1, "exactly one line, and so one object, on stdout"
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def is_refusal(self, code: int) -> bool:
        """Return whether it failed with this code, one line on stderr and nothing on stdout."""
        one_line = self.err.count("\n") == 1 and self.err.startswith("welltimed: ")
        return (self.code, self.out) == (code, "") and one_line and "Traceback" not in self.err


Run = Callable[..., Ran]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs `welltimed` with arguments."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["welltimed", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run
