"""Fitting in parts: the same persons, nearly the same model, and no more than a part in memory."""

import re
import time
from uuid import UUID

import numpy as np
import pytest
from fakes import Practice
from learning_runs import Run, learner

from engine.learning_records import Outcome
from engine.store import artifacts, learning
from models.artifact import dumps
from models.combining import combined
from models.receptivity import Receptivity
from models.simulation.ema import make
from prompting import streaming
from prompting.knowing import Knowledge
from prompting.policies import ADAPTIVE
from prompting.streaming import Cluster, _spans, fit_stored

GRID = np.arange(8.0, 22.0, 0.5)


def studied(persons: int = 600, days: int = 21) -> list[Outcome]:
    """Return outcomes of a simulated study with uniform prompts, in order of persons."""
    world, rng = make(persons, days, 3), np.random.default_rng(3)
    made = []
    for day in range(days):
        for block, where in enumerate(world.blocks):
            slot = rng.integers(0, where.stop - where.start, persons)
            answered, _, _ = world.respond(day, block, slot)
            hours, kinds = world.slot_hours[where][slot], world.day_type(day)
            made += [
                Outcome(
                    seq=0, prompt_id=UUID(int=0), person=f"{n:04}", hour=float(hours[n]),
                    day_type=int(kinds[n]), day=day, arm=ADAPTIVE, y=int(answered[n]),
                )
                for n in range(persons)
            ]  # fmt: skip
    return sorted(made, key=lambda one: one.person)


def fitted(outcomes: list[Outcome]) -> Receptivity:
    return Receptivity().fit(
        np.array([(o.hour, o.day_type) for o in outcomes]),
        np.array([o.y for o in outcomes]),
        person=np.array([o.person for o in outcomes]),
        day=np.array([o.day for o in outcomes]),
    )


def test_parts_make_nearly_the_model_that_all_outcomes_at_once_make():
    outcomes = studied()
    whole = fitted(outcomes)
    third = len(outcomes) // 3
    parts = [fitted(outcomes[n : n + third]).to_arrays() for n in range(0, len(outcomes), third)]
    assert len(parts) == 3
    model = combined(parts, Receptivity().get_params())
    assert model.persons_.tolist() == whole.persons_.tolist()
    where = (np.tile(GRID, (600, 1)), np.zeros(600, dtype=int), whole.persons_)
    mine, theirs = model.slot_scores(*where), whole.slot_scores(*where)
    centred = [scores - scores.mean(axis=1, keepdims=True) for scores in (mine, theirs)]
    assert np.corrcoef(centred[0].ravel(), centred[1].ravel())[0, 1] > 0.97
    chances = model.predict_proba(*where), whole.predict_proba(*where)
    assert np.abs(chances[0] - chances[1]).mean() < 0.01


def test_one_part_is_the_model_itself_and_a_person_belongs_to_one_part_only():
    arrays = fitted(studied(persons=30, days=4)).to_arrays()
    alone = combined([arrays], Receptivity().get_params())
    np.testing.assert_allclose(alone.population_, arrays["population"])
    np.testing.assert_allclose(
        alone.basis_ @ alone.basis_.T, arrays["basis"] @ arrays["basis"].T, atol=1e-9
    )
    with pytest.raises(ValueError, match="persons"):
        combined([arrays, arrays], Receptivity().get_params())
    with pytest.raises(ValueError, match="parts"):
        combined([], Receptivity().get_params())


@pytest.mark.parametrize("part", [1, 3, 10, 17, 1000])
def test_spans_cover_every_person_once_in_parts_of_about_a_size(part: int):
    counts = [(f"{n:02}", 1 + n % 5) for n in range(30)]
    spans = list(_spans(counts, part))
    names = [name for name, _ in counts]
    covered = [name for low, high in spans for name in names if low <= name <= high]
    assert covered == names
    sizes = [sum(c for name, c in counts if low <= name <= high) for low, high in spans]
    assert max(sizes) <= part + 5


def test_a_fit_in_parts_of_what_is_in_store_knows_all_persons(anywhere: Practice):
    run = Run(anywhere)
    run.live(3)
    whole, parts = fit_stored(anywhere.db, {}), fit_stored(anywhere.db, {}, part=15)
    assert whole.parts == 1
    assert parts.parts >= 3
    assert whole.outcomes == parts.outcomes > 30
    assert sorted(whole.model.persons_) == sorted(parts.model.persons_)
    assert whole.model.ledger_.seen.sum() == parts.model.ledger_.seen.sum()


def test_a_model_in_parts_is_judged_stored_and_taken_like_any_other(practice: Practice):
    run = Run(practice)
    run.live(3)
    one = learner(practice.db, fit=lambda db, declared: fit_stored(db, declared, part=15))
    assert one.refit(now=practice.clock())
    with practice.db.read() as tx:
        artifact = artifacts.promoted(tx, limit=1)[0]
        last = learning.last_seq(tx)
    assert one.policy().version == Knowledge(artifact).version == f"{artifact.version}+{last}"


def test_without_dask_a_cluster_is_an_error_and_not_a_silent_fit_here(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match="dask"):
        fit_stored(practice.db, {}, cluster=Cluster("127.0.0.1:9"))


def connected(scheduler):
    """Return the names of those connected to a scheduler, but for its own workers."""
    return [name for name in scheduler.clients if re.match("Client-(?!worker)", name)]


@pytest.mark.slow
def test_a_cluster_fits_the_very_same_model_and_is_left_again(practice: Practice):
    from distributed import LocalCluster  # noqa: PLC0415 (whoever runs other tests need not wait)

    run = Run(practice)
    run.live(3)
    here = fit_stored(practice.db, {}, part=15)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
        address = made.scheduler_address.removeprefix("tcp://")
        there = fit_stored(practice.db, {}, part=15, cluster=Cluster(address))
        deadline = time.monotonic() + 30
        while connected(made.scheduler) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not connected(made.scheduler)
    assert dumps(there.model, {}) == dumps(here.model, {})
