"""`make power`: the proof by taking the power away, and its table. Exit code 1 if it fails."""

import argparse
import sys
import time
from collections.abc import Sequence

from power_cuts import Found, Life, power_lost, traced, why_not
from power_life import PLANTS

BEGINNINGS = {
    "often": (("--checkpoint", "40"), False),
    "product": ((), False),
    "empty": (("--checkpoint", "40"), True),
}
"""How a life begins: on a migrated file whose log is worked in often, or as seldom as in the
product; in an empty folder, which adds making the file and its tables."""
_SHOWN = 3


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if reason := why_not():
        sys.stderr.write(f"{reason}\n")
        return 1
    sound = True
    for seed in range(asked.seed, asked.seed + asked.seeds):
        for name, (options, fresh) in BEGINNINGS.items():
            life = _lives(["none"], asked, seed, options, fresh=fresh)["none"]
            found = _play(f"{name}, seed {seed}", life, seed, asked.torn)
            sound &= not found.guilty
    for plant, life in _lives(PLANTS, asked, asked.seed, BEGINNINGS["often"][0]).items():
        sound &= bool(_play(f"planted: {plant}", life, asked.seed, asked.torn).guilty)
    return int(not sound)


def _lives(
    plants: Sequence[str],
    asked: argparse.Namespace,
    seed: int,
    options: Sequence[str],
    *,
    fresh: bool = False,
) -> dict[str, Life]:
    given = ("--seed", str(seed), "--people", str(asked.people), "--steps", str(asked.steps))
    return traced(plants, *given, *options, fresh=fresh)


def _play(name: str, life: Life, seed: int, torn: int) -> Found:
    began = time.monotonic()
    found = power_lost(life, seed=seed, torn=torn)
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{name}: {len(life.events)} events, {found.cuts} cuts, {found.images} images,"
        f" {found.guilty} guilty, {seconds:.0f} s\n"
    )
    shown = list(dict.fromkeys(found.faults))[:_SHOWN]
    sys.stdout.write("".join(f"  {fault}\n" for fault in shown))
    sys.stdout.flush()
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make power", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="lives from each beginning")
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument(
        "--steps", type=int, default=12, help="of ten minutes, in each half of life"
    )
    parser.add_argument("--torn", type=int, default=6, help="subsets by chance for each cut")
    return parser


if __name__ == "__main__":
    sys.exit(main())
