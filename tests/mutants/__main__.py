"""`make mutants`: plants every mistake and says what caught it. Exit code 1 if any is missed."""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from catching import Catch, judge, observe
from mistakes import all_mistakes


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    chosen = [mistake for mistake in all_mistakes() if asked.only in mistake.name]
    healthy = observe([mistake.test for mistake in chosen])
    if healthy.failed or healthy.broken:
        _say(f"These fail without any mistake: {', '.join([*healthy.failed, *healthy.broken])}")
        return 1
    _say(f"{len(healthy.passed)} tests pass without a mistake ({healthy.seconds:.0f} s)\n")
    with ThreadPoolExecutor(asked.jobs) as pool:
        catches = []
        for catch in pool.map(judge, chosen):
            catches.append(catch)
            _say(_line(catch))
    caught = sum(catch.caught for catch in catches)
    skipped = sum(catch.skipped for catch in catches)
    _say(f"\n{caught} of {len(catches)} caught, {skipped} skipped")
    for catch in catches:
        if not catch.caught:
            _say(f"\nNOT CAUGHT: {catch.mistake.told()}\n  {catch.why}")
    return int(caught + skipped < len(catches))


def _line(catch: Catch) -> str:
    file, _, test = catch.mistake.test.partition("::")
    how = catch.why if catch.caught else ("SKIPPED" if catch.skipped else "NOT CAUGHT")
    return f"{catch.mistake.name:<51} {how:<14} {catch.seconds:5.1f} s  {Path(file).name} {test}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    return parser


if __name__ == "__main__":
    sys.exit(main())
