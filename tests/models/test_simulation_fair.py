import numpy as np
import pytest

from models import context
from models.simulation import ema
from models.simulation.compare import SPACED, Comparison, compare, with_spaced
from models.simulation.fair import EQUALS, FAIR
from models.simulation.features import DECLARED, SlotFeatures, declared_hours
from models.simulation.policy import Setting
from models.simulation.tables import fair_table


def setting(declared):
    world = ema.make(4, 7, 1)
    rng = np.random.default_rng(0)
    return Setting(4, world.slot_hours, world.blocks, world.day_type, declared, 0.1, rng)


HOURS = {
    "wake": np.array([7.0, 7.0, np.nan, 11.0]),
    "bed": np.array([23.0, 23.0, np.nan, 23.0]),
    "work_start": np.array([9.0, np.nan, np.nan, np.nan]),
    "work_end": np.array([17.0, np.nan, np.nan, np.nan]),
}


def test_rivals_that_are_told_see_sleep_and_work_at_the_declared_hours():
    slots = SlotFeatures(setting(HOURS), 1.5, told=True)
    plain = SlotFeatures(setting(HOURS), 1.5)
    assert slots.size == plain.size + 6
    assert slots.personal
    assert not plain.personal
    nobody = np.full(4, np.nan)
    work, off = (slots.of(0, np.full(4, kind), nobody)[:, :, plain.size :] for kind in (0, 1))
    asleep, at_work = work[:, :, 0], work[:, :, 4]
    assert asleep[3].tolist() == [1.0] * 5 + [0.0, 0.0]  # until the half hour before 11:00
    assert work[3, :, 1].tolist() == [0.0] * 5 + [1.0, 1.0]
    assert asleep[:3].sum() == 0.0
    assert at_work[0].tolist() == [0.0, 0.0] + [1.0] * 5
    assert at_work[1:].sum() == 0.0
    assert off[:, :, 4:].sum() == 0.0  # nobody works on an off day
    assert work[2].sum() == 0.0  # nothing declared, nothing known


def test_telling_rivals_changes_nothing_where_nobody_declares():
    slots = SlotFeatures(setting(None), 2.0, told=True)
    assert slots.size == SlotFeatures(setting(None), 2.0).size
    assert declared_hours(setting(None)) is None


def test_declared_hours_are_in_the_order_of_the_estimator():
    table = declared_hours(setting(HOURS))
    assert DECLARED == ("wake", "bed", "work_start", "work_end")
    np.testing.assert_array_equal(table[0], [7.0, 23.0, 9.0, 17.0])
    assert context.zones_of(table).shape == (4, 96)


def test_each_policy_is_set_against_ours_that_knows_as_much():
    assert set(EQUALS.values()) == {"adaptive", "adaptive, not told"}
    assert set(EQUALS) - {"uniform"} == set(FAIR) - set(EQUALS.values())
    for name, ours in EQUALS.items():
        assert name.endswith(", told") == (ours == "adaptive")


@pytest.fixture(scope="module")
def found():
    return compare(ema.make, with_spaced(FAIR, ema.make), seeds=(1, 2), persons=30, days=14)


def test_told_and_untold_policies_do_not_do_the_same(found):
    for told, untold in (("pooled, told", "pooled"), ("person, told", "person")):
        assert found.runs[told][0].rate_by_week[1] != found.runs[untold][0].rate_by_week[1]
    for name in FAIR:
        assert min(run.min_propensity for run in found.runs[name]) >= 0.1 / 7 - 1e-12


def test_the_table_has_both_yardsticks_and_ours_with_equal_knowledge(found):
    lines = fair_table({"ema": found}).splitlines()
    assert len(lines) == 2 + len(found.runs)
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    cells = {row[1]: row for row in ([c.strip() for c in line.split("|")[1:-1]] for line in lines)}
    assert cells[SPACED][4].startswith("1.00 (")
    assert cells["oracle"][2].startswith("1.00 (")
    assert cells["pooled, told"][6].startswith(("+", "-"))
    assert cells["adaptive"][6] == ""


def test_without_a_spaced_oracle_its_columns_stay_empty(found):
    runs = {name: run for name, run in found.runs.items() if name != SPACED}
    lines = fair_table({"own": Comparison(found.seeds, runs)}).splitlines()[2:]
    assert all([c.strip() for c in line.split("|")[5:7]] == ["", ""] for line in lines)
