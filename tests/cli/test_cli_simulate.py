"""`simulate`: built-in worlds, a researcher's own, and policies side by side."""

from pathlib import Path

import pytest
from cli_runs import Run

from models.simulation.fair import FAIR

SMALL = ("--persons", 12, "--days", 14)

OWN = """\
from dataclasses import dataclass

import numpy as np

from chances import chance


@dataclass
class Mine:
    persons: int
    seed: int

    slot_hours = np.arange(9, 21)
    blocks = [slice(0, 6), slice(6, 12)]
    declared = None

    def day_type(self, day):
        return [int(day % 7 >= 5)] * self.persons

    def respond(self, day, block, slot):
        probability = chance(slot)
        answered = np.random.default_rng([self.seed, day, block]).random(self.persons) < probability
        return answered, np.where(answered, 4.0, np.nan), probability

    def oracle(self, day, block):
        return np.full(self.persons, 5)


def make(persons, days, seed):
    return Mine(persons, seed)


def halting(persons, days, seed):
    world = Mine(persons, seed)
    world.respond = lambda day, block, slot: 1 / 0
    return world


def short(persons, days, seed):
    world = Mine(persons, seed)
    world.respond = lambda day, block, slot: (np.ones(3), np.ones(3), np.ones(3))
    return world


def without(persons, days, seed):
    return object()


def demanding(persons):
    return None


number = 7
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "my world.py"
    file.write_text(OWN, "utf-8")
    (tmp_path / "chances.py").write_text(
        "def chance(slot):\n    return 0.2 + 0.1 * slot\n", "utf-8"
    )
    return file


def test_a_simulation_tells_rates_by_week_and_the_floor_under_every_propensity(run: Run) -> None:
    few = (*SMALL, "--epsilon", 0.2, "--json")
    found = run("simulate", "--policy", "adaptive", *few).document
    assert list(found) == ["rate_by_week", "rate", "min_propensity", "seconds"]
    assert len(found["rate_by_week"]) == 2
    assert all(0 < rate < 1 for rate in [*found["rate_by_week"], found["rate"]])
    uniform = run("simulate", "--policy", "uniform", *few).document
    assert found["min_propensity"] >= 0.2 * uniform["min_propensity"] > 0
    again = run("simulate", "--policy", "adaptive", *few).document
    assert again | {"seconds": 0} == found | {"seconds": 0}


@pytest.mark.parametrize(
    "world", ["ema", "fast15", "shift-work", "holiday", "dropout", "adversarial"]
)
def test_every_built_in_world_can_be_simulated(run: Run, world: str) -> None:
    ran = run("simulate", "--world", world, "--policy", "fixed", *SMALL)
    assert ran.code == 0
    assert ran.out.startswith(f"fixed in {world}: 0.")


@pytest.mark.parametrize("suffix", [":make", ""])
def test_a_world_of_ones_own_is_simulated_like_any_other(run: Run, own: Path, suffix: str) -> None:
    found = run("simulate", "--world", f"{own}{suffix}", "--policy", "pooled", *SMALL, "--json")
    assert 0.3 < found.document["rate"] < 0.7
    oracle = run("simulate", "--world", f"{own}{suffix}", "--policy", "oracle", *SMALL, "--json")
    assert oracle.document["rate"] == pytest.approx(0.7)
    assert oracle.document["min_propensity"] == 0.0


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("halting", "ZeroDivisionError: division by zero, line 35"),
        ("short", "respond: answered: must have shape (12,), got (3,)"),
        ("without", "the world lacks slot_hours, blocks, day_type, declared, respond, oracle"),
        ("demanding", "demanding() takes 1 positional argument but 3 were given"),
    ],
)
def test_what_is_wrong_with_ones_own_world_is_told_in_one_line(
    run: Run, own: Path, factory: str, message: str
) -> None:
    ran = run("simulate", "--world", f"{own}:{factory}", *SMALL, "--json")
    assert ran.is_refusal(1)
    assert message in ran.err


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("mars", "'mars' is not one of ema, fast15"),
        ("nowhere.py:make", "there is no file nowhere.py"),
        ("my world.py:number", "defines no function number(persons, days, seed)"),
        ("my world.py:absent", "defines no function absent(persons, days, seed)"),
        ("broken.py:make", "SyntaxError"),
        ("failing.py:make", "ModuleNotFoundError: No module named 'not_here_at_all', line 2"),
    ],
)
def test_a_world_that_cannot_be_found_or_read_is_wrong_usage(
    run: Run, own: Path, world: str, message: str
) -> None:
    (own.parent / "broken.py").write_text("def make(:\n", "utf-8")
    (own.parent / "failing.py").write_text("\nimport not_here_at_all\n", "utf-8")
    ran = run("simulate", "--world", world, *SMALL)
    assert ran.is_refusal(2)
    assert message in ran.err


def test_policies_side_by_side_have_shares_and_intervals(run: Run) -> None:
    asked = ("simulate", "--compare", "rivals", "--seed", "1-2", *SMALL)
    found = run(*asked, "--json").document
    assert list(found) == ["seeds", "policies", "adaptive_minus", "seconds"]
    assert found["seeds"] == [1, 2]
    names = ["uniform", "fixed", "pooled", "person", "population", "adaptive", "oracle"]
    assert list(found["policies"]) == names
    for name in names:
        one = found["policies"][name]
        assert len(one["rate_by_week"]) == len(one["share_by_week"]) == 2
        assert all(low <= value <= high for value, low, high in one["share_by_week"])
    assert [*found["adaptive_minus"]] == [n for n in names if n not in ("adaptive", "oracle")]
    table = run(*asked).out
    assert table.startswith("| world | policy | week 1 | week 2 | smallest propensity |\n| --- |")


def test_a_fair_comparison_has_both_yardsticks_and_equals(run: Run) -> None:
    asked = ("simulate", "--compare", "fair", "--spacing-cost", 0, "--seed", "1-2", *SMALL)
    found = run(*asked, "--json").document
    names = [*FAIR, "spaced-oracle"]
    assert [*found["policies"]] == ["uniform", *names, "oracle"]
    assert [*found["share_of_spaced_by_week"]] == names
    assert found["share_of_spaced_by_week"]["spaced-oracle"][1] == [1.0, 1.0, 1.0]
    assert found["equal_minus"]["pooled, told"]["ours"] == "adaptive"
    assert found["equal_minus"]["pooled"]["ours"] == "adaptive, not told"
    # Where spacing costs nothing the better oracle is the plain one.
    spaced, plain = (found["policies"][name] for name in ("spaced-oracle", "oracle"))
    assert spaced["rate_by_week"] == plain["rate_by_week"]


def test_objectives_are_compared_by_good_moments_and_answers(run: Run) -> None:
    asked = ("simulate", "--compare", "objectives", "--seed", "1-2", *SMALL)
    found = run(*asked, "--json").document
    assert [*found["gains"]] == ["uniform", "adaptive", "relevance", "best-moments", "oracle"]
    value, low, high = found["gains"]["best-moments"]["good_over_uniform"]
    assert low <= value <= high
    assert found["gains"]["uniform"]["good_over_uniform"] == [0.0, 0.0, 0.0]
    assert "| ema | relevance | " in run(*asked).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--spacing-cost", 0), "--spacing-cost: only built-in worlds can be told"),
        (("--compare", "objectives"), "--compare objectives: only built-in worlds know good"),
    ],
)
def test_what_only_built_in_worlds_can_do_is_refused_for_others(
    run: Run, own: Path, arguments: tuple[object, ...], message: str
) -> None:
    ran = run("simulate", "--world", own, *arguments, *SMALL)
    assert ran.is_refusal(2)
    assert message in ran.err


def test_one_seed_is_compared_without_intervals(run: Run, own: Path) -> None:
    found = run(
        "simulate", "--world", own, "--compare", "rivals", "--seed", 3, *SMALL, "--json"
    ).document
    value, low, high = found["policies"]["pooled"]["share_by_week"][1]
    assert 0 < value < 1
    assert low is high is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policy", "best"), "--policy: 'best' is not one of uniform, fixed, bernoulli"),
        (("--seed", "1-2"), "--seed: must be one number without --compare"),
        (("--seed", "2-1", "--compare", "rivals"), "--seed: must be such as 10-19"),
        (("--seed", "one", "--compare", "rivals"), "--seed: must be such as 10-19"),
        (("--seed", "1,1", "--compare", "rivals"), "--seed: must hold each seed once"),
        (("--seed", "0-999999999", "--compare", "rivals"), "--seed: must be at most 1000 seeds"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: tuple[str, ...], message: str) -> None:
    ran = run("simulate", *arguments, *SMALL)
    assert ran.is_refusal(2)
    assert message in ran.err
