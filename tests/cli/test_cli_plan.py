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
            "probability", "dropped_because",
        }  # fmt: skip
        assert len(one["slots"]) == len(one["propensities"])
        assert sum(one["propensities"]) == pytest.approx(1)
        assert one["at"] in one["slots"]
        assert one["dropped_because"] is None
        assert one["probability"] == 1.0


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


COURSE = """\
schema: welltimed-protocol/1
name: Course
limits: {min_gap: 30m}
phases:
  - {name: waiting, until: first-session}
  - {name: treatment, days: 4d}
  - {name: aftercare, days: 3d, fade: {to_share: 0.5}}
assignments:
  - content: checkin.momentary
    trigger:
      kind: window
      windows: [{from: "09:00", to: "12:00"}]
      per_window: 3
      gap: 45m
    expires_after: 20m
  - content: phq9
    trigger: {kind: micro_randomised, at: ["18:00"], probability: 0.5}
    phases: [treatment, aftercare]
    expires_after: 30m
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    path = tmp_path / "course.yaml"
    path.write_text(COURSE, encoding="utf-8")
    return path


def test_each_prompt_of_a_window_is_told_with_its_law_and_the_gap_is_kept(
    run: Run, course: Path
) -> None:
    prompts = plan(run, course, "2026-11-20")
    for day in ("2026-11-20", "2026-11-21"):
        today = [one for one in prompts if one["local_date"] == day]
        assert [one["window"] for one in today] == [0, 1, 2]
        instants = [datetime.fromisoformat(one["at"]) for one in today]
        assert all(b - a >= timedelta(minutes=45) for a, b in pairwise(instants))
        for one in today:
            assert sum(one["propensities"]) == pytest.approx(1)
            assert one["propensities"][one["slots"].index(one["at"])] > 0
        for earlier, one in pairwise(today):
            law = zip(one["slots"], one["propensities"], strict=True)
            assert all(share == 0 for slot, share in law if slot <= earlier["at"])


def test_events_and_the_first_day_put_the_days_into_their_phases(run: Run, course: Path) -> None:
    given = ("--first-day", "2026-11-10", "--milestone", "first-session=2026-11-21")
    prompts = plan(run, course, "2026-11-20", "--days", 9, *given)
    by_date = by_day(prompts, "phq9")
    assert sorted(by_date) == [f"2026-11-{day}" for day in range(21, 28)]
    chances = [by_date[day]["probability"] for day in sorted(by_date)]
    assert chances == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5, 0.375, 0.25])
    assert {one["local_date"] for one in prompts} == {f"2026-11-{day}" for day in range(20, 28)}


def test_a_chance_that_says_no_is_told_as_such(run: Run, course: Path) -> None:
    given = ("--milestone", "first-session=2026-11-20", "--days", 4)
    points = [
        one
        for seed in range(10)
        for one in plan(run, course, "2026-11-20", *given, "--seed", seed)
        if one["assignment"] == "phq9"
    ]
    said_no = [one for one in points if one["dropped_because"]]
    assert 8 < len(said_no) < 32
    for one in said_no:
        assert one["dropped_because"] == "no prompt drawn (probability 0.5)"
        assert (one["at"], one["local_time"], one["propensities"]) == (None, None, [1.0])
        assert len(one["slots"]) == 1


@pytest.mark.parametrize(
    "wrong", ["first-session", "first-session=", "=2026-11-20", "a=2026-13-01", "a=20.11.2026"]
)
def test_an_event_without_name_or_date_is_refused(run: Run, course: Path, wrong: str) -> None:
    ran = run("plan", course, "--timezone", "UTC", "--from", "2026-11-20", "--milestone", wrong)
    assert ran.is_refusal(2)
    assert "--milestone: write NAME=YYYY-MM-DD" in ran.err


@pytest.fixture
def later_night(night: Path) -> Path:
    path = night.with_name("later.yaml")
    text = night.read_text(encoding="utf-8").replace('from: "01:00"', 'from: "02:00"')
    path.write_text(text.replace('["02:30"]', '["02:30", "23:00"]'), encoding="utf-8")
    return path


def test_two_versions_are_compared_prompt_by_prompt(
    run: Run, night: Path, later_night: Path
) -> None:
    ran = run(
        "plan", later_night, "--timezone", "Europe/Berlin", "--from", "2026-11-20", "--days", 2,
        "--against", night, "--json",
    )  # fmt: skip
    found = ran.document
    assert list(found) == ["prompts", "changes", "summary"]
    assert found["summary"] == "2 prompts move, 2 come"
    assert len(found["prompts"]) == 6, "the prompts are those of the first file"
    moved, come = (
        next(one for one in found["changes"] if one["kind"] == kind) for kind in ("moves", "comes")
    )
    assert moved["before"]["local_time"] == "01:00-04:00"
    assert moved["after"]["local_time"] == "02:00-04:00"
    assert moved["what"] == ["start_at", "slots"]
    assert (come["before"], come["after"]["local_time"]) == (None, "23:00")
    assert come["assignment"] == "phq9"


def test_a_comparison_for_people_is_side_by_side_with_the_sum_below(
    run: Run, night: Path, later_night: Path
) -> None:
    given = ("--timezone", "Europe/Berlin", "--from", "2026-11-20", "--days", 1)
    lines = run("plan", later_night, *given, "--against", night).out.splitlines()
    assert [line.split() for line in lines] == [
        ["2026-11-20", "01:00-04:00", "02:00-04:00", "checkin.momentary", "moves"],
        ["2026-11-20", "-", "23:00", "phq9", "comes"],
        ["1", "prompt", "moves,", "1", "comes"],
    ]
    same = run("plan", night, *given, "--against", night)
    assert same.out == "no prompt changes\n"


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
