"""`plan` and `simulate`: what would be asked when, with every slot's probability."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Run

NIGHT = """\
schema: welltimed-protocol/1
name: Nights
assignments:
  - content: checkin.momentary
    trigger: {kind: window, windows: [{from: "01:00", to: "04:00"}]}
    expires_after: 60m
  - content: phq9
    trigger: {kind: fixed, at: ["02:30"]}
    expires_after: 30m
"""


@pytest.fixture
def night(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "night.yaml"
    path.write_text(NIGHT, encoding="utf-8")
    return path


def plan(run: Run, night: Path, first: str, *more: object) -> list[Any]:
    ran = run(
        "plan", night, "--timezone", "Europe/Berlin", "--from", first, "--days", 2, "--json", *more
    )
    assert (ran.code, ran.err) == (0, "")
    assert list(ran.document) == ["prompts"]
    found: list[Any] = ran.document["prompts"]
    return found


def by_day(prompts: list[Any], assignment: str) -> dict[str, Any]:
    return {one["local_date"]: one for one in prompts if one["assignment"] == assignment}


def test_a_plan_has_the_keys_of_the_contract_and_propensities_that_sum_to_one(
    run: Run, night: Path
) -> None:
    prompts = plan(run, night, "2026-11-20")
    assert len(prompts) == 4
    for one in prompts:
        assert set(one) == {
            "assignment", "local_date", "local_time", "at", "window", "slots", "propensities",
            "dropped_because",
        }  # fmt: skip
        assert len(one["slots"]) == len(one["propensities"])
        assert sum(one["propensities"]) == pytest.approx(1)
        assert one["at"] in one["slots"]
        assert one["dropped_because"] is None


def test_clocks_that_go_forward_leave_a_window_an_hour_shorter(run: Run, night: Path) -> None:
    prompts = plan(run, night, "2027-03-27")
    windows = by_day(prompts, "checkin.momentary")
    assert [len(windows[day]["slots"]) for day in ("2027-03-27", "2027-03-28")] == [12, 8]
    fixed = by_day(prompts, "phq9")
    assert fixed["2027-03-27"]["at"] == "2027-03-27T01:30:00+00:00"
    # 02:30 does not exist on the 28th: it moves forward by the gap.
    assert fixed["2027-03-28"]["at"] == "2027-03-28T01:30:00+00:00"
    assert fixed["2027-03-28"]["local_time"] == "03:30"


def test_clocks_that_go_back_double_no_slot(run: Run, night: Path) -> None:
    prompts = plan(run, night, "2026-10-24")
    slots = by_day(prompts, "checkin.momentary")["2026-10-25"]["slots"]
    assert slots == sorted(set(slots))
    fixed = by_day(prompts, "phq9")["2026-10-25"]
    # 02:30 happens twice: the first is meant.
    assert fixed["slots"] == [fixed["at"]] == ["2026-10-25T00:30:00+00:00"]
    distances = {
        datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
        for earlier, later in pairwise(slots)
    }
    assert min(distances) == timedelta(minutes=15)


def test_the_same_seed_draws_the_same_and_another_does_not(run: Run, night: Path) -> None:
    first, again, other = (
        plan(run, night, "2026-11-20", "--seed", seed, "--days", 20) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert [one["slots"] for one in first] == [one["slots"] for one in other]


def test_a_plan_for_people_is_one_line_a_prompt(run: Run, night: Path) -> None:
    ran = run("plan", night, "--timezone", "Europe/Berlin", "--from", "2026-11-20", "--days", 3)
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == 6
    assert all(line.startswith("2026-11-2") for line in ran.out.splitlines())


def test_a_simulation_tells_rates_by_week_and_the_floor_under_every_propensity(run: Run) -> None:
    few = ("--persons", 12, "--days", 14, "--epsilon", 0.2, "--json")
    found = run("simulate", "--policy", "adaptive", *few).document
    assert list(found) == ["rate_by_week", "rate", "min_propensity", "seconds"]
    assert len(found["rate_by_week"]) == 2
    assert all(0 < rate < 1 for rate in [*found["rate_by_week"], found["rate"]])
    uniform = run("simulate", "--policy", "uniform", *few).document
    assert found["min_propensity"] >= 0.2 * uniform["min_propensity"] > 0
    again = run("simulate", "--policy", "adaptive", *few).document
    assert again | {"seconds": 0} == found | {"seconds": 0}
