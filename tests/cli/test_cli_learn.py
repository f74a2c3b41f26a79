"""`welltimed learn` on a database with outcomes in it."""

from datetime import timedelta
from pathlib import Path

import pytest
from cli_runs import Run
from fakes import Practice, protocol, sqlite_url, windowed

from engine.store import artifacts, open_database
from prompting import streaming
from prompting.learning import Learner


@pytest.fixture
def practice(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Practice:
    """A practice whose database the commands are pointed at."""
    url = sqlite_url(tmp_path)
    monkeypatch.setenv("WELLTIMED_DATABASE_URL", url)
    made = Practice(open_database(url))
    for _ in range(5):
        made.enrol(protocol(windowed("08:00-12:00")))
    made.live(made.clock() + timedelta(hours=5), step=timedelta(minutes=15))
    Learner(made.db, epsilon=0.1, refit_hour_utc=3).close_outcomes(now=made.clock())
    return made


def test_the_model_is_fitted_and_told_in_one_object(practice: Practice, run: Run):
    ran = run("learn", "--json")
    assert ran.code == 0, ran.err
    told = ran.document
    with practice.db.read() as tx:
        newest = artifacts.promoted(tx, limit=1)[0]
    assert told["version"] == newest.version
    assert told["promoted"] is True
    assert told["parts"] == 1
    assert 0 < told["outcomes"] <= 5
    assert told["persons"] == told["outcomes"]
    assert told["peak_rss_mb"] > 10


def test_it_says_in_words_that_the_model_decides(practice: Practice, run: Run):
    ran = run("learn", "--part", "1000")
    assert ran.code == 0, ran.err
    assert ran.out.strip().endswith("decides now")


def test_a_database_that_is_not_up_to_date_is_refused(run: Run):
    assert run("learn").is_refusal(1)


def test_without_dask_its_option_is_refused_and_nothing_is_stored(
    practice: Practice, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "find_spec", lambda _name: None)
    assert run("learn", "--dask", "127.0.0.1:8786").is_refusal(1)
    with practice.db.read() as tx:
        assert artifacts.promoted(tx, limit=1) == []
        assert artifacts.events(tx, limit=1) == []
