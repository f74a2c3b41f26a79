"""`make kill`: the proof by killing, and its table. Exit code 1 if anything was broken."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

import killing
import pausing
import storm
from arena import Figures
from fields import Field, run
from ground import readopt_postgres
from planted import DATABASES

DATABASE_KINDS = ("sqlite", "postgres")
RESTARTS = 2
ALL = 1_000_000
_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # tidies up
    rows = []
    for part in asked.parts.split(","):
        for kind in asked.databases.split(","):
            figures, seconds = _play(part, kind, asked)
            rows.append({"part": part, "database": kind, "seconds": seconds} | asdict(figures))
            if not asked.json:
                sys.stdout.write(_line(part, kind, figures, seconds))
                sys.stdout.flush()
    if asked.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    return int(any(row["faults"] for row in rows))


def _play(part: str, kind: str, asked: argparse.Namespace) -> tuple[Figures, float]:
    if part == "kills":
        return run(Field(kind, planted=asked.plant), killing.part(asked.scenarios, asked.further))
    if part == "pauses":
        return run(Field(kind, planted=asked.plant), pausing.part(asked.interleavings))
    field = Field(kind, lanes=1, people=asked.people, reminders=False, planted=asked.plant)
    try:
        return run(field, storm.part(asked.storm_seconds, RESTARTS, asked.people, asked.seed))
    finally:
        if kind == "postgres":
            readopt_postgres()


def _line(part: str, kind: str, figures: Figures, seconds: float) -> str:
    told = {
        "scenarios": figures.scenarios,
        "kills": figures.kills,
        "stops": figures.stops,
        **figures.extra,
        "late": figures.late,
        "broken": figures.broken,
        "violations": len(figures.faults),
        "seconds": round(seconds, 1),
    }
    if part != "storm":
        del told["late"]
    line = f"{part:7} {kind:9} " + "  ".join(f"{name} {value}" for name, value in told.items())
    more = "".join(f"    {fault}\n" for fault in figures.faults[:_SHOWN])
    return f"{line}\n{more}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make kill", description=__doc__)
    parser.add_argument("--parts", default="kills,pauses,storm")
    parser.add_argument("--databases", default=",".join(DATABASE_KINDS))
    parser.add_argument("--scenarios", type=int, default=ALL, help="kills in a first passage")
    parser.add_argument("--further", type=int, default=60, help="second passages and the like")
    parser.add_argument("--interleavings", type=int, default=700, help="on each database")
    parser.add_argument("--storm-seconds", type=float, default=12.0)
    parser.add_argument("--people", type=int, default=100, help="of each kind, in the storm")
    parser.add_argument("--seed", type=int, default=1, help="of the storm")
    parser.add_argument("--plant", choices=sorted(DATABASES), default="", help="a mistake to make")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
