"""`welltimed decisions replay` on a database with draws in it."""

from pathlib import Path

import pytest
from cli_runs import Run
from fakes import Practice, protocol, sqlite_url, windowed
from sqlalchemy import text

from engine.store import Database, open_database
from prompting.decide import Policies
from prompting.learning import Learner


@pytest.fixture
def drawn(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with one decision that rests on a model."""
    url = sqlite_url(tmp_path)
    monkeypatch.setenv("WELLTIMED_DATABASE_URL", url)
    practice = Practice(open_database(url))
    practice.enrol(protocol(windowed("08:00-12:00")), control_share=0.0)
    learner = Learner(practice.db, epsilon=0.1, refit_hour_utc=3)
    learner.refit(now=practice.clock())
    practice.policies = Policies(learner.policy())
    practice.plan()
    practice.decide()
    return practice.db


def test_a_sound_record_is_told_in_one_object_and_exits_0(drawn: Database, run: Run):
    ran = run("decisions", "replay", "--json")
    assert ran.code == 0
    assert ran.document == {
        "decisions": 1, "states": 1, "older": 0, "differences": 0, "shown": [],
    }  # fmt: skip


def test_a_difference_exits_1_and_says_where(drawn: Database, run: Run):
    with drawn.write() as tx:
        tx.conn.execute(text("UPDATE decisions SET chosen = (chosen + 1) % 16"))
    ran = run("decisions", "replay")
    assert ran.code == 1
    assert "1 decisions recomputed from 1 states of the model; 1 differences" in ran.out
    assert ": slot " in ran.out
    assert run("decisions", "replay", "--since", "2030-01-01").code == 0


def test_a_date_that_is_none_is_refused(drawn: Database, run: Run):
    assert run("decisions", "replay", "--since", "yesterday").is_refusal(2)


def test_a_database_that_is_not_up_to_date_is_refused(run: Run):
    assert run("decisions", "replay").is_refusal(1)
