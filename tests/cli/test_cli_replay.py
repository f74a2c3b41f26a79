"""`welltimed replay`: what it prints, what it refuses, and what it finds in real studies."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run, runner

from api.cli.replay import BESIDE

HEADER = ["ds", "pid", "y", "ts", "hour", "wday", "day", "beep", "delay", "clock", "k"]
KEYS = {
    "auc_context", "auc_history", "auc_within", "lift_pp", "lift_se", "calibration_slope",
    "brier_skill", "n", "persons",
}  # fmt: skip


def table(name: str = "made", persons: int = 12, days: int = 8) -> list[list[str]]:
    """Return rows of a study in which persons differ."""
    rng = np.random.default_rng(1)
    rows = []
    for person in range(persons):
        rate = rng.uniform(0.3, 0.9)
        for k in range(days * 4):
            day, beep = divmod(k, 4)
            minute = int(rng.integers(0, 180))
            hour = 9 + 3 * beep + minute / 60
            when = f"2026-03-{day + 2:02d} {9 + 3 * beep + minute // 60:02d}:{minute % 60:02d}:00"
            y = int(rng.random() < rate)
            delay = f"{rng.exponential(12):.2f}" if y else ""
            row = [name, f"p{person}", y, when, hour, day % 7, day, beep + 1, delay, "exact", k]
            rows.append([str(cell) for cell in row])
    return rows


def text(rows: list[list[str]], header: list[str] = HEADER) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows([header, *rows])
    return stream.getvalue()


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    return table()


def test_the_json_has_the_agreed_keys_for_each_set_and_for_all(
    run: Run, tmp_path: Path, rows: list[list[str]]
) -> None:
    (tmp_path / "data.csv").write_text(text([*rows, *table("other")]), "utf-8")
    found = run("replay", "--data", "data.csv", "--label", "answered", "--json").document
    assert list(found["sets"]) == ["made", "other"]
    for one in [*found["sets"].values(), found["pooled"], found["pooled_all"]]:
        assert set(one) >= KEYS
        low, high = one["lift_ci95"]
        assert low < one["lift_pp"] < high
        assert 0.0 < one["auc_history"] < 1.0
    assert found["sets"]["made"]["n"] == 12 * 12
    assert found["sets"]["made"]["warnings"] == []
    assert (found["pooled"]["sets"], found["skipped"]) == (["made", "other"], {})


def test_a_gzipped_file_in_a_named_folder_gives_the_same(
    run: Run, tmp_path: Path, rows: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain.csv").write_text(text(rows), "utf-8")
    (tmp_path / "folder").mkdir()
    with gzip.open(tmp_path / "folder" / "data.csv.gz", "wt", encoding="utf-8") as stream:
        stream.write(text(rows))
    monkeypatch.setenv("WELLTIMED_DATA", "folder")
    whole = run("replay", "--json").document
    assert whole == run("replay", "--data", "plain.csv", "--json").document


def test_people_get_a_table_and_the_warnings(
    run: Run, tmp_path: Path, rows: list[list[str]]
) -> None:
    nameless = ["made", "nan", "1", *[""] * 8]
    (tmp_path / "data.csv").write_text(text([*rows, nameless]), "utf-8")
    ran = run("replay", "--data", "data.csv")
    assert ran.code == 0
    assert "without suspicion" in ran.out
    assert "made: person-missing: 1 rows name no person" in ran.out


def test_a_study_without_delays_is_left_out_beside_one_that_has_them(
    run: Run, tmp_path: Path, rows: list[list[str]]
) -> None:
    bare = [[*row[:8], "", *row[9:]] for row in table("bare")]
    (tmp_path / "data.csv").write_text(text([*rows, *bare]), "utf-8")
    found = run("replay", "--data", "data.csv", "--label", "within15", "--json").document
    assert list(found["sets"]) == ["made"]
    assert "delay" in found["skipped"]["bare"]
    (tmp_path / "bare.csv").write_text(text(bare), "utf-8")
    refused = run("replay", "--data", "bare.csv", "--label", "within15")
    assert refused.is_refusal(1)
    assert "bare: delay: is empty" in refused.err


def test_columns_that_need_not_be_there_are_worked_out_or_done_without(
    run: Run, tmp_path: Path, rows: list[list[str]]
) -> None:
    few = [[row[at] for at in (0, 1, 2, 3)] for row in rows]
    (tmp_path / "few.csv").write_text(text(few, ["ds", "pid", "y", "ts"]), "utf-8")
    (tmp_path / "all.csv").write_text(text(rows), "utf-8")
    less, more = (
        run("replay", "--data", name, "--json").document["sets"]["made"]
        for name in ("few.csv", "all.csv")
    )
    assert less["n"] == more["n"]
    assert less["lift_pp"] is not None
    assert less["auc_history"] == pytest.approx(more["auc_history"], abs=0.1)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("y", "2", "row 4: y: must be between 0 and 1, got 2"),
        ("y", "0.5", "row 4: y: must be 0 or 1, got '0.5'"),
        ("y", "", "row 4: y: must be 0 or 1, got ''"),
        ("hour", "25", "row 4: hour: must be between 0 and 24, got 25"),
        ("hour", "noon", "row 4: hour: must be a number, got 'noon'"),
        ("delay", "inf", "row 4: delay: must be between"),
        ("ts", "yesterday", "row 4: ts: must be a date and time"),
        ("ds", " ", "row 4: ds: must name the study"),
    ],
)
def test_a_bad_cell_is_refused_by_row_and_column(
    run: Run, tmp_path: Path, rows: list[list[str]], column: str, value: str, message: str
) -> None:
    bad = [list(row) for row in rows]
    bad[2][HEADER.index(column)] = value
    (tmp_path / "bad.csv").write_text(text(bad), "utf-8")
    ran = run("replay", "--data", "bad.csv")
    assert ran.is_refusal(2)
    assert f"bad.csv: {message}" in ran.err


@pytest.mark.parametrize(
    ("header", "message"),
    [("ds,y,k", "column pid: is missing"), ("ds,pid,y", "column k: is missing"), ("", "column ds")],
)
def test_a_missing_column_is_named(run: Run, tmp_path: Path, header: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(f"{header}\n", "utf-8")
    ran = run("replay", "--data", "bad.csv")
    assert ran.is_refusal(2)
    assert message in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere.csv"), "--data: there is no CSV at nowhere.csv"),
        (("--data", "."), "--data: there is no CSV at ."),
        (("--data", "torn.csv.gz"), "torn.csv.gz: is no readable CSV"),
        (("--data", "head.csv", "--label", "within"), "--label: answered or within15"),
        (("--data", "head.csv", "--label", "within0"), "--label: answered or within15"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    if "." not in arguments:
        (tmp_path / "torn.csv.gz").write_bytes(gzip.compress(text(table()).encode())[:200])
        (tmp_path / "head.csv").write_text(text([]), "utf-8")
    ran = run("replay", *arguments)
    assert ran.is_refusal(2)
    assert message in ran.err


def test_a_table_without_rows_has_nothing_to_replay(run: Run, tmp_path: Path) -> None:
    (tmp_path / "head.csv").write_text(text([]), "utf-8")
    ran = run("replay", "--data", "head.csv")
    assert ran.is_refusal(1)
    assert "the data hold no prompts" in ran.err


BARS = {  # AUC with history on the same studies: the better of two models of the reference notes
    "answered": {"fried2020": 0.764, "westhoff2024": 0.683, "dejonckheere2018": 0.754,
                 "johannes2019": 0.669, "marian2020": 0.753},
    "within15": {"fried2020": 0.686, "westhoff2024": 0.677},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("label", list(BARS))
def test_real_studies_are_foretold_as_well_as_ever_and_calibrated(
    label: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not BESIDE.is_dir():
        pytest.skip(f"the public prompt records are not at {BESIDE}")
    monkeypatch.delenv("WELLTIMED_DATA", raising=False)
    found = runner(monkeypatch, capsys)("replay", "--label", label, "--json").document
    sets, whole = found["sets"], found["pooled"]
    assert set(sets) == set(BARS[label])
    for name, bar in BARS[label].items():
        assert sets[name]["auc_history"] >= bar, name
        assert not sets[name]["suspect"]
        assert 0.45 < sets[name]["auc_context"] < 0.6
    assert 0.9 < whole["calibration_slope"] < 1.1
    assert whole["brier_skill"] > 0.08
    assert whole["lift_pp"] > {"answered": 0.0, "within15": 1.5}[label]
