"""`welltimed replay`: what timing and history would have foretold in a finished study."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from api.cli.output import Failed, Json, err, out, print_json
from api.cli.prompt_records import read_studies
from models.evaluation.replay import Pooled, Replayed, pooled, replay
from models.evaluation.replay_data import Prompts
from models.evaluation.replay_scores import Estimate

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Where data lie in a checkout that has a shared folder beside it."""
LABEL = re.compile(r"within([1-9]\d{0,3})")
Z95 = 1.959964


def run(
    data: Annotated[
        Path | None,
        typer.Option(help="CSV (also .gz) or a folder of them; else $WELLTIMED_DATA."),
    ] = None,
    label: Annotated[
        str, typer.Option(help="What counts: answered, or withinN for within N minutes.")
    ] = "answered",
    as_json: Json = False,
) -> None:
    """Replay recorded prompts in order: AUC, calibration, and what the choice of time gains."""
    within = _minutes(label)
    found: dict[str, Replayed] = {}
    skipped: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    studies = read_studies(_files(data))
    for name, (prompts, nameless) in track(
        studies.items(), "studies", console=err, transient=True, disable=not err.is_terminal
    ):
        try:
            found[name] = replay(prompts, within)
        except ValueError as fault:
            skipped[name] = str(fault)
            continue
        notes[name] = _notes(prompts, nameless, found[name])
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise Failed(f"--label {label}: {reasons or 'the data hold no prompts'}")
    clean = {name: one for name, one in found.items() if not one.suspect}
    document = {
        "label": label,
        "sets": {name: {**_figures(one), "warnings": notes[name]} for name, one in found.items()},
        "pooled": {**_pool(pooled(list(clean.values()))), "sets": list(clean)},
        "pooled_all": {**_pool(pooled(list(found.values()))), "sets": list(found)},
        "skipped": skipped,
    }
    if as_json:
        print_json(document)
    else:
        _tell(document)


def _minutes(label: str) -> float | None:
    """Return how many minutes an answer may take, None for any."""
    if label == "answered":
        return None
    match = LABEL.fullmatch(label)
    if match is None:
        raise Failed(
            f"--label: answered or within15 (any minutes up to 9999), got {label!r}", code=2
        )
    return float(match[1])


def _files(data: Path | None) -> list[Path]:
    """Return the files to read: of --data, of WELLTIMED_DATA, or beside the checkout."""
    named = os.environ.get("WELLTIMED_DATA")
    place = data or (Path(named) if named else BESIDE)
    if place.is_dir():
        files = sorted([*place.glob("*.csv"), *place.glob("*.csv.gz")])
        if files:
            return files
    elif place.exists():
        return [place]
    elif data is None and named is None:
        raise Failed("--data: name a CSV, or set WELLTIMED_DATA", code=2)
    what = "--data" if data else "WELLTIMED_DATA" if named else "--data"
    raise Failed(f"{what}: there is no CSV at {place}", code=2)


def _notes(prompts: Prompts, nameless: int, one: Replayed) -> list[str]:
    """Return the warnings of a study, those of reading it first."""
    notes = [f"person-missing: {nameless} rows name no person"] if nameless else []
    return notes + [str(sign) for sign in one.signs]


def _figures(one: Replayed | Pooled) -> dict[str, Any]:
    """Return figures under their names, standard errors beside them."""
    figures: dict[str, Any] = {"n": one.n, "persons": one.persons}
    if isinstance(one, Replayed):
        figures |= {"rate": one.rate, "suspect": one.suspect}
    figures |= _estimate("auc_context", one.auc_context)
    figures |= _estimate("auc_history", one.auc_history)
    figures |= _estimate("auc_within", one.auc_context_within)
    figures |= _estimate("calibration_slope", one.calibration_slope)
    figures |= _estimate("calibration_slope_fixed", one.calibration_slope_fixed)
    figures["brier_skill"] = one.brier_skill
    for name, lift in (("lift", one.lift), ("lift_population", one.lift_population)):
        figures |= {f"{name}_pp": lift.value, f"{name}_se": lift.error, f"{name}_ci95": _ci95(lift)}
    return figures


def _pool(one: Pooled) -> dict[str, Any]:
    return {**_figures(one), "lift_sets": one.lift_studies}


def _estimate(name: str, figure: Estimate) -> dict[str, float | None]:
    return {name: figure.value, f"{name}_se": figure.error}


def _ci95(figure: Estimate) -> list[float] | None:
    if figure.value is None or figure.error is None:
        return None
    return [figure.value - Z95 * figure.error, figure.value + Z95 * figure.error]


def _tell(document: dict[str, Any]) -> None:
    """Show the figures as a table (AUC from context and with history), what is odd below it."""
    rows = {**document["sets"], "without suspicion": document["pooled"]}
    wide = max(map(len, rows))
    heads = ("prompts", "persons", "context", "history", "slope", "skill", "lift pp")
    out.print(" " * wide + "".join(f"{head:>14}" for head in heads))
    for name, one in rows.items():
        cells = (
            str(one["n"]),
            str(one["persons"]),
            _number(one["auc_context"]),
            _number(one["auc_history"]),
            _number(one["calibration_slope"], one["calibration_slope_se"]),
            _number(one["brier_skill"]),
            _number(one["lift_pp"], one["lift_se"]),
        )
        out.print(f"{name:<{wide}}" + "".join(f"{cell:>14}" for cell in cells))
    for name, one in document["sets"].items():
        for note in one["warnings"]:
            out.print(f"{name}: {note}")
    for name, reason in document["skipped"].items():
        out.print(f"{name}: left out: {reason}")


def _number(value: float | None, error: float | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if error is None else f"{value:.2f} ± {error:.2f}"
