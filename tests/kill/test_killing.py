"""A sample of `make kill`, and proof that its verdict can be "guilty".

The harness runs in a process of its own: it forks, and the tests' own process has threads.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ground import Stored
from scripted_fcm import Seen
from verdicts import Rules, late, violations

HERE = Path(__file__).parent
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
NINE = datetime(2027, 3, 1, 8, tzinfo=UTC)
END = NINE + timedelta(hours=3)
QUIET = NINE + timedelta(hours=1)
RULES = Rules(END, QUIET, all_arrive=True)
SEEN = Seen(
    prompt_id="p",
    repeat=0,
    token="t",
    collapse_key="p",
    tags=("p", "p", "p"),
    received_at=NINE.timestamp(),
    expires_at=END.isoformat(),
    behaviour="200",
    accepted=True,
    proven_negative=False,
)
STORED = Stored("p", 0, "accepted", waits=False, reason=None, deduplicates=False)
DROPPING = replace(STORED, deduplicates=True)
REFUSED = replace(SEEN, behaviour="429", accepted=False, proven_negative=True)


def harness(*arguments: str) -> list[dict[str, Any]]:
    """Return what a run of the harness tells of each of its parts."""
    paths = [str(HERE.parent), str(HERE.parents[1])]
    done = subprocess.run(
        [sys.executable, str(HERE), "--json", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("database", DATABASES)
def test_workers_killed_stopped_and_in_a_storm_break_no_promise(database: str):
    kills, pauses, storm = harness(
        *("--databases", database, "--scenarios", "24", "--further", "12"),
        *("--interleavings", "12"),
        *("--storm-seconds", "1", "--people", "20"),
    )
    assert kills["faults"] + pauses["faults"] + storm["faults"] == []
    assert kills["kills"] == kills["scenarios"] >= 20, "not every worker got to its point"
    assert pauses["scenarios"] == 12
    assert storm["kills"] > 0
    assert storm["extra"]["requests"] > 0


@pytest.mark.slow
def test_a_planted_mistake_is_found_in_the_stubs_log():
    (kills,) = harness(
        *("--databases", "sqlite", "--parts", "kills", "--scenarios", "24", "--further", "0"),
        "--plant",
        "resends",
    )
    assert any("none proven not delivered" in fault for fault in kills["faults"])


def test_a_prompt_sent_once_and_accepted_breaks_nothing():
    assert violations([SEEN], [STORED], RULES) == []


def test_what_was_proven_not_delivered_may_be_sent_again():
    assert violations([REFUSED, REFUSED, SEEN], [STORED], RULES) == []


@pytest.mark.parametrize("behaviour", ["200", "503", "503 accepted", "hang", "reset", "garbage"])
def test_a_second_send_to_a_phone_that_shows_repeats_is_a_violation(behaviour: str):
    first = replace(SEEN, behaviour=behaviour)
    assert len(violations([first, SEEN], [STORED], RULES)) == 1
    assert violations([first, SEEN], [DROPPING], RULES) == []


@pytest.mark.parametrize(
    "entry",
    [
        replace(SEEN, received_at=END.timestamp(), expires_at=END.isoformat()),
        replace(SEEN, received_at=QUIET.timestamp()),
        replace(SEEN, expires_at=(END + timedelta(seconds=1)).isoformat()),
        replace(SEEN, collapse_key="other"),
        replace(SEEN, tags=("p", "p", "other")),
        replace(SEEN, repeat=7),
    ],
)
def test_whatever_must_not_arrive_is_a_violation(entry: Seen):
    assert violations([SEEN, entry], [DROPPING], RULES)


def test_repeats_go_to_one_phone_only_and_end():
    elsewhere = replace(SEEN, token="another")
    assert violations([SEEN, elsewhere], [DROPPING], RULES)
    assert violations([SEEN] * 5, [DROPPING], RULES) == []
    assert violations([SEEN] * 6, [DROPPING], RULES)


@pytest.mark.parametrize("state", ["planned", "sending", "retry"])
def test_a_prompt_that_never_ended_is_a_violation(state: str):
    assert violations([SEEN], [replace(STORED, state=state)], RULES)
    assert violations([SEEN], [replace(STORED, state="unknown", waits=True)], RULES)


def test_what_is_called_accepted_was_seen_and_what_was_taken_is_not_called_unsent():
    assert violations([], [STORED], RULES)
    assert violations([SEEN], [replace(STORED, state="expired")], RULES)
    assert violations([SEEN], [replace(STORED, state="unknown")], RULES) == []


def test_a_prompt_lost_without_need_is_a_violation():
    lost = replace(STORED, state="unknown")
    assert violations([], [lost], RULES) == []
    assert violations([], [replace(lost, deduplicates=True)], RULES)
    assert violations([], [replace(STORED, state="expired")], RULES)


def test_packets_held_up_by_a_stop_are_counted_and_bounded():
    held_up = replace(SEEN, received_at=END.timestamp() + 1)
    assert late([SEEN, held_up]) == 1
    assert violations([held_up], [STORED], Rules(late_by=1.5)) == []
    assert violations([held_up], [STORED], Rules(late_by=0.5))
