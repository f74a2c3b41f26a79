"""`python -m benchmarks [--json]`: the short form of every comparison, about a minute in all."""

import argparse
import json
from typing import Any

from benchmarks import deciding, dispatching, planning
from benchmarks.compare import run

MESSAGES = 4_000
LATENCY_MS = 50.0


def main() -> None:
    """Print each comparison, or one JSON object of all of them."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    found: dict[str, dict[str, Any]] = {}
    for contest in (deciding.contest(), planning.contest()):
        comparison = run(contest)
        found[comparison.name] = comparison.as_json()
        if not as_json:
            print(comparison, flush=True)
    sent = found["dispatch"] = dispatching.report(MESSAGES, LATENCY_MS, "sqlite")
    if as_json:
        print(json.dumps(found))
        return
    baseline = sent["baselines"]["send_each"]
    print(
        f"dispatch: {sent['rate']:,.0f} messages/s against {baseline['rate']:,.0f}: "
        f"ratio {sent['ratio']:.1f}\n    claim, intent, send and record on SQLite at "
        f"{LATENCY_MS:.0f} ms, against firebase-admin's send_each in the same loop"
    )


if __name__ == "__main__":
    main()
