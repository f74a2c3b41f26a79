"""The bench commands on tiny sizes: what they print and that it adds up, never how fast it is."""

import pytest
from cli_runs import Run

from benchmarks import answering, claims, deciding, dispatching, processes

pytestmark = pytest.mark.slow

FIGURES = {"rate", "cpu_us"}


def test_dispatch_tells_ours_beside_three_baselines_and_nothing_arrives_twice(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "ROUNDS", 1)
    ran = run("bench", "dispatch", "--messages", 30, "--latency-ms", 1, "--json")
    assert ran.code == 0, ran.err
    told = ran.document
    assert {"messages": 30, "latency_ms": 1.0, "database": "sqlite", "doubles": 0}.items() <= (
        told.items()
    )
    baselines = told["baselines"]
    assert baselines.keys() == {"send_each", "date_jobs", "send"}
    for way in (told, *baselines.values()):
        assert way["rate"] > 0
        assert way["cpu_us"] > 0
    assert told["ratio"] == pytest.approx(
        told["rate"] / baselines["send_each"]["rate"], rel=0.01, abs=0.01
    )
    assert told["ratio_send"] == pytest.approx(
        told["rate"] / baselines["send"]["rate"], rel=0.01, abs=0.01
    )
    assert 0 < told["lateness_p50_s"] <= told["lateness_p99_s"] < 60
    assert 10 < told["peak_rss_mb"] < 1_000
    assert told["emulator_ceiling"] > told["rate"]
    assert "send_each" in ran.err


def test_claims_tells_the_rate_of_a_large_table_beside_that_of_a_small_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "SMALL", 4_000)
    told = run("bench", "claims", "--rows", 10_000, "--json").document
    assert told["ratio"] == pytest.approx(told["rate"] / told["baseline_rate"], rel=0.01)
    assert (told["rows"], told["baseline_rows"], told["due"]) == (10_000, 4_000, 1_500)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_filled_database_holds_as_many_prompts_as_asked_for_and_few_are_due(kind: str) -> None:
    with processes.database(kind) as url:
        db = claims.open_database(url)
        claims.migrate(db)
        now = claims.system_clock()
        claims.fill(db, 3_000, 200, now=now)
        with db.write() as tx:
            states = dict(
                tx.conn.exec_driver_sql("SELECT state, count(*) FROM prompts GROUP BY state").all()
            )
            due = claims.delivery.claim(tx, now=now, limit=1_000)
        db.close()
    assert states == {"accepted": 2_660, "planned": 340}
    assert len(due) == 200


def test_answers_go_through_the_real_api_and_are_told_beside_bare_commits(run: Run) -> None:
    told = run("bench", "answers", "--answers", 40, "--json").document
    assert told["ratio"] == pytest.approx(told["rate"] / told["baseline_rate"], rel=0.05, abs=0.001)
    assert 0 < told["p50_s"] <= told["p99_s"]
    assert told["clients"] == answering.CLIENTS


def test_without_json_each_figure_has_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "WINDOWS", 20)
    monkeypatch.setattr(deciding, "HISTORY_DAYS", 3)
    ran = run("bench", "decide")
    assert ran.code == 0
    assert any(line.startswith("ratio ") for line in ran.out.splitlines())


def test_without_the_dev_extra_postgresql_is_refused_with_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_PGSERVER", "no_such_server")
    ran = run("bench", "claims", "--database", "postgresql", "--rows", 10_000)
    assert ran.code == 1
    assert "install welltimed[dev]" in ran.err.splitlines()[-1]


def test_a_process_that_fails_is_told_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(processes.BenchUnusable, match=r"benchmarks\.measured: .*--way"):
        processes.run_measured("benchmarks.measured", way="nonsense")
