"""A sample of `make power`, and proof that its verdict can be "guilty".

A practice lives in a process of its own under strace; the power goes at instants of what was seen.
"""

import os
from dataclasses import replace

import pytest
from power_cuts import Life, power_lost, traced, why_not
from power_disk import holding, replayed
from power_trace import FOLDER, Marked, Removed, Synced, Written

GUILTY = {
    "normal": "an acknowledged answer is lost",
    "early-answers": "an acknowledged answer is lost",
    "late-intents": "a push left and its intent is not on record",
}
SMALL = ("--people", "2", "--steps", "6", "--checkpoint", "40")


@pytest.fixture(scope="module")
def lives() -> dict[str, Life]:
    if reason := why_not():
        if os.environ.get("WELLTIMED_REQUIRE_STRACE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return traced(["none", *GUILTY], *SMALL)


@pytest.mark.slow
def test_the_trace_is_whole_played_again_it_makes_the_files_that_are_there(lives: dict[str, Life]):
    for life in lives.values():
        assert replayed(holding(life.start), life.events).written() == life.end


@pytest.mark.slow
def test_the_life_has_all_that_matters_in_it(lives: dict[str, Life]):
    events = lives["none"].events
    marks = [event.text for event in events if isinstance(event, Marked)]
    for kind in ("acknowledged", "reported", "left"):
        assert sum(kind in mark for mark in marks) >= 3
    assert Removed("welltimed.db-wal") in events
    first_worked_in = next(
        n for n, e in enumerate(events) if isinstance(e, Written) and e.name == "welltimed.db"
    )
    assert any(isinstance(event, Marked) for event in events[first_worked_in:])
    anew = [e for e in events[first_worked_in:] if isinstance(e, Written) and e.at == 0]
    assert any(event.name.endswith("-wal") for event in anew), "the log never began anew"


@pytest.mark.slow
def test_when_the_power_goes_nothing_acknowledged_is_lost(lives: dict[str, Life]):
    found = power_lost(lives["none"], seed=1, wanted=40)
    assert found.faults == []
    assert found.images > found.cuts == 40


@pytest.mark.slow
@pytest.mark.parametrize(("plant", "fault"), GUILTY.items())
def test_a_planted_mistake_loses_something(lives: dict[str, Life], plant: str, fault: str):
    found = power_lost(lives[plant], seed=1, wanted=40, torn=1)
    assert any(fault in each for each in found.faults)


@pytest.mark.slow
def test_without_the_syncs_of_the_folder_the_logs_name_and_all_in_it_may_be_lost(
    lives: dict[str, Life],
):
    life = lives["none"]
    assert Synced(FOLDER) in life.events
    kept = [event for event in life.events if event != Synced(FOLDER)]
    found = power_lost(replace(life, events=kept), seed=1, wanted=40, torn=1)
    assert any("an acknowledged answer is lost" in fault for fault in found.faults)
