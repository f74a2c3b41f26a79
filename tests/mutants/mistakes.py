"""The mistakes that are planted on purpose: what is changed, whom it harms, which test must see it.

They stand in the tables beside this file, one `[[mistake]]` each.
"""

import ast
import textwrap
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = sorted(Path(__file__).parent.glob("*.toml"))


class NotThereOnce(ValueError):
    """Says that the text a mistake replaces is gone from the product, or is there twice."""

    def __init__(self, mistake: "Mistake", times: int) -> None:
        super().__init__(
            f"{mistake.name}: its text is in {mistake.file} {times} times and not once; "
            f"look for what has become of it:\n{mistake.text}"
        )


@dataclass(frozen=True, slots=True)
class Mistake:
    """One planted mistake.

    `text` is in `file` exactly once and is replaced by `instead`. `harm` says what would go wrong
    for a patient. `test` is the pytest node that fails with the mistake and passes without.
    """

    name: str
    file: str
    text: str
    instead: str
    harm: str
    test: str

    @property
    def module(self) -> str:
        """Return the name by which the changed file is imported."""
        return self.file.removesuffix(".py").replace("/", ".")

    def planted(self, source: str) -> str:
        """Return the source with the mistake in it. Raises NotThereOnce."""
        times = source.count(self.text)
        if times != 1:
            raise NotThereOnce(self, times)
        return source.replace(self.text, self.instead)

    def changes_meaning(self) -> bool:
        """Return whether the file still parses with the mistake in it, to something else."""
        source = (ROOT / self.file).read_text("utf-8")
        return ast.dump(ast.parse(source)) != ast.dump(ast.parse(self.planted(source)))

    def told(self) -> str:
        """Return what was changed, for people to read."""
        before = textwrap.indent(self.text, "  - ", lambda _line: True)
        after = textwrap.indent(self.instead, "  + ", lambda _line: True)
        return f"{self.name} ({self.file})\n{before}\n{after}\n  {self.harm}"


@cache
def all_mistakes() -> tuple[Mistake, ...]:
    """Return every mistake of the tables, in their order."""
    return tuple(
        Mistake(**fields)
        for table in TABLES
        for fields in tomllib.loads(table.read_text("utf-8"))["mistake"]
    )


def named(name: str) -> Mistake:
    """Return the mistake of this name. Raises KeyError."""
    return {mistake.name: mistake for mistake in all_mistakes()}[name]
