"""Reading prompt records: CSV with one row a prompt, plain or gzipped, several studies in one."""

import csv
import gzip
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from api.cli.output import Failed
from models.evaluation.replay_data import Prompts, arrange

REQUIRED = ("ds", "pid", "y")
ORDERING = ("k", "ts")
ABSENT = ("", "na", "nan", "nat", "none", "null")
LIMITS: dict[str, tuple[str, float, float]] = {
    "y": ("answered", 0.0, 1.0),
    "hour": ("hour", 0.0, 24.0),
    "wday": ("weekday", 0.0, 6.0),
    "day": ("day", -1e6, 1e6),
    "beep": ("beep", -1e6, 1e6),
    "delay": ("delay", -1e6, 1e9),
    "k": ("order", -1e12, 1e12),
}
"""Column: its name in models.evaluation.replay_data, the least and the greatest value allowed."""
SECONDS_PER_HOUR = 3600.0


class _Study:
    """The rows of one study as they come."""

    def __init__(self) -> None:
        self.person: list[str] = []
        self.clock: list[str] = []
        self.columns: dict[str, list[float]] = {
            name: [] for name in ("at", *(name for name, _, _ in LIMITS.values()))
        }
        self.nameless = 0

    def prompts(self) -> Prompts:
        """Return the study in order."""
        columns = {name: np.array(values, dtype=float) for name, values in self.columns.items()}
        return arrange(columns, np.array(self.person), np.array(self.clock, dtype=np.str_))


def read_studies(files: list[Path]) -> dict[str, tuple[Prompts, int]]:
    """Return the prompts of each study by name, and how many rows of it named no person.

    Columns: ds, pid, y and k or ts must be there; ts, hour, wday, day, beep, delay, clock may be.
    Hour and weekday are worked out from ts where empty. Raises Failed naming file, row and column
    of what cannot be used.
    """
    studies: dict[str, _Study] = {}
    for file in files:
        for number, row in _rows(file):
            try:
                _add(studies, row)
            except ValueError as fault:
                raise Failed(f"{file}: row {number}: {fault}", code=2) from fault
    return {name: (one.prompts(), one.nameless) for name, one in studies.items() if one.person}


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield line number and cells of each row."""
    try:
        opener = gzip.open if file.suffix == ".gz" else open
        with opener(file, "rt", encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            _check_header(file, reader.fieldnames or [])
            for row in reader:
                yield reader.line_num, row
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError, csv.Error) as fault:
        raise Failed(f"{file}: is no readable CSV: {fault}", code=2) from fault


def _check_header(file: Path, names: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise Failed(f"{file}: column {missing[0]}: is missing", code=2)
    if not any(name in names for name in ORDERING):
        raise Failed(f"{file}: column k: is missing, and ts too, so prompts have no order", code=2)


def _add(studies: dict[str, _Study], row: dict[str, str | None]) -> None:
    """Add a row to its study. Raises ValueError naming the column that is wrong."""
    name, person = (row.get(column) or "" for column in ("ds", "pid"))
    if name.strip() == "":
        raise ValueError("ds: must name the study")
    study = studies.setdefault(name.strip(), _Study())
    if person.strip().lower() in ABSENT:
        study.nameless += 1
        return
    values = {LIMITS[column][0]: _number(row, column) for column in LIMITS}
    if values["answered"] not in (0.0, 1.0):
        raise ValueError(f"y: must be 0 or 1, got {row.get('y')!r}")
    when = _instant(row.get("ts") or "")
    values["at"] = math.nan if when is None else when.timestamp() / SECONDS_PER_HOUR
    if when is not None and math.isnan(values["hour"]):
        values["hour"] = when.hour + when.minute / 60.0 + when.second / SECONDS_PER_HOUR
    if when is not None and math.isnan(values["weekday"]):
        values["weekday"] = float(when.weekday())
    for column, value in values.items():
        study.columns[column].append(value)
    study.person.append(person.strip())
    study.clock.append((row.get("clock") or "").strip())


def _number(row: dict[str, str | None], column: str) -> float:
    """Return a cell's number, NaN where empty."""
    text = (row.get(column) or "").strip()
    if text.lower() in ABSENT:
        return math.nan
    _, low, high = LIMITS[column]
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column}: must be a number, got {text!r}") from None
    if not low <= value <= high:
        raise ValueError(f"{column}: must be between {low:g} and {high:g}, got {text}")
    return value


def _instant(text: str) -> datetime | None:
    """Return the local time of a prompt, None where empty.

    Local times have no zone; here all are read as if in UTC, since only their differences within a
    person are used. A recorded offset is dropped, the wall clock kept.
    """
    if text.strip().lower() in ABSENT:
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"ts: must be a date and time as 2026-03-01 14:30, got {text!r}") from None
