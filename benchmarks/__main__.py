"""`python -m benchmarks [--json]`: every comparison, under a minute in all."""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks import deciding, dispatching, planning
from benchmarks.compare import Comparison, run


def main() -> None:
    """Print each comparison, or one JSON object of all of them."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    found: list[Comparison] = []

    def tell(comparison: Comparison) -> None:
        found.append(comparison)
        if not as_json:
            print(comparison, flush=True)

    tell(run(deciding.contest()))
    tell(run(planning.contest()))
    with tempfile.TemporaryDirectory() as folder, dispatching.contest(Path(folder)) as contest:
        tell(run(contest))
    if as_json:
        print(json.dumps({one.name: one.as_json() for one in found}))


if __name__ == "__main__":
    main()
