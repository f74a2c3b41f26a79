"""Simulated moments against real prompt records, where those are at hand."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from worlds_played import flat, play_uniform

from models.simulation import ema, fast15
from models.simulation.moments import after_answer_and_miss, moments, quarters

FILE = "prompts-ccby.csv.gz"
# Rate, and SDs between persons, person x time of day and person x day, as measured before.
MEASURED = {
    "fried2020": (0.901, 0.124, 0.024, 0.128),
    "westhoff2024": (0.921, 0.057, 0.000, 0.058),
    "dejonckheere2018": (0.888, 0.083, 0.052, 0.106),
    "johannes2019": (0.595, 0.153, 0.018, 0.078),
    "marian2020": (0.901, 0.087, 0.000, 0.102),
}
QUICK = ("fried2020", "westhoff2024")  # sets with delays from prompt to answer


def _file():
    told = Path(os.environ.get("WELLTIMED_DATA", Path(__file__).parents[2] / "../shared/data"))
    return told / FILE if told.is_dir() else told


@pytest.fixture(scope="module")
def records():
    file = _file()
    if not file.is_file():
        pytest.skip(f"no real records: set WELLTIMED_DATA, or put {FILE} into ../shared/data")
    with gzip.open(file, "rt", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def column(records, study, name):
    return np.array([float(row[name] or "nan") for row in records if row["ds"] == study])


def of_study(records, study, label):
    """Moments of a study, by quarters of its hours, or of its beeps where it has no clock."""
    hours = column(records, study, "hour")
    when = hours if np.isfinite(hours).any() else column(records, study, "beep")
    person = np.array([row["pid"] for row in records if row["ds"] == study])
    day = column(records, study, "day")
    known = np.isfinite(when) & np.isfinite(day)
    return moments(person[known], day[known], quarters(when[known]), label[known])


@pytest.mark.parametrize("study", MEASURED)
def test_moments_of_real_sets_come_out_as_measured_before(records, study):
    answered = column(records, study, "y")
    found = of_study(records, study, answered)
    rate, person, tod, day = MEASURED[study]
    assert answered.mean() == pytest.approx(rate, abs=0.002)
    assert found.s_person == pytest.approx(person, abs=0.006)
    assert found.s_person_day == pytest.approx(day, abs=0.013)
    assert found.s_person_tod == pytest.approx(tod, abs=0.010)


def test_the_fast_world_lies_among_real_sets(records):
    world = moments(*flat(play_uniform(fast15.make).answered))
    real = [of_study(records, study, column(records, study, "delay") <= 15.0) for study in QUICK]
    for name, slack in (
        ("rate", 0.02),
        ("s_person", 0.02),
        ("s_person_tod", 0.012),
        ("s_person_day", 0.02),
    ):
        values = [getattr(one, name) for one in real]
        assert min(values) - slack <= getattr(world, name) <= max(values) + slack, name


def test_the_hour_long_world_depends_on_the_last_answer_as_real_sets_do(records):
    world = after_answer_and_miss(play_uniform(ema.make).answered.reshape(-1, 1000))
    real = []
    for study in MEASURED:
        y, pid = column(records, study, "y"), column(records, study, "pid")
        same = np.diff(pid) == 0
        after = y[1:][same]
        before = y[:-1][same] == 1
        real.append((after[before].mean(), after[~before].mean()))
    for ours, values in zip(world, zip(*real, strict=True), strict=True):
        assert min(values) - 0.05 < ours < max(values) + 0.05
