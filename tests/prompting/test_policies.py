"""Every policy keeps its floor, and one that fails gives way to the one behind it."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_runs import learner

from engine.learning_records import COMPLETED
from models.objective import OBJECTIVES, Heads
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.policies import (
    ADAPTIVE,
    PERSON,
    POOLED,
    UNIFORM,
    AdaptivePolicy,
    CurvePolicy,
    SlotBatch,
    UniformPolicy,
    check_lawful,
    law_of,
)

EPSILON = 0.1
NAMES = (ADAPTIVE, POOLED, PERSON)
CURVE = tuple(np.r_[np.zeros(20), 1.0, np.zeros(75)])


def morning_people() -> Receptivity:
    """Return a model of people of whom every other one answers early only, most of them."""
    rng = np.random.default_rng(4)
    hours = rng.uniform(8, 20, 4_000)
    person = np.repeat(np.arange(20), 200)
    early = np.where(person % 4 == 0, hours >= 13, hours < 13)
    y = (rng.random(4_000) < np.where(early, 0.9, 0.2)).astype(int)
    X = np.column_stack([hours, np.zeros(4_000)])
    return Receptivity().fit(X, y, person=person.astype(str), day=np.tile(np.arange(200) // 4, 20))


def evening_exercises(model: Receptivity) -> Receptivity:
    """Return the model fitted to twenty people who do exercises in the evening only."""
    hours = np.tile(np.linspace(8, 20, 40), 20)
    X = np.column_stack([hours, np.zeros(800)])
    person = np.repeat(np.arange(20), 40).astype(str)
    return model.fit(X, (hours > 16).astype(int), person=person, day=np.tile(np.arange(40), 20))


MODEL = morning_people()
ALL = Heads(MODEL, evening_exercises(Receptivity()), evening_exercises(Relevance()))


@st.composite
def slot_batches(data: st.DrawFn) -> SlotBatch:
    n, k = data(st.integers(1, 5)), data(st.integers(1, 9))
    available = np.array(
        data(st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=n, max_size=n))
    )
    available[:, data(st.integers(0, k - 1))] = True
    hours = np.round(data(st.floats(0, 20)) + np.arange(k) * 0.25, 4)
    return SlotBatch(
        hours=np.tile(hours, (n, 1)),
        available=available,
        day_type=np.array([data(st.integers(0, 1)) for _ in range(n)]),
        person=[str(data(st.integers(0, 25))) for _ in range(n)],
        declared=np.full((n, 4), np.nan),
        last_hour=np.array(
            data(st.lists(st.one_of(st.just(np.nan), st.floats(0, 24)), min_size=n, max_size=n))
        ),
        objective=[data(st.sampled_from(OBJECTIVES)) for _ in range(n)],
    )


@settings(max_examples=60, deadline=None)
@given(
    slot_batches(), st.sampled_from([ADAPTIVE, POOLED, PERSON]), st.sampled_from([0.05, 0.3, 1.0])
)
def test_every_law_keeps_its_floor_whatever_the_windows(batch, name, epsilon):
    policy = AdaptivePolicy(ALL, "test+1", epsilon, name)
    law = policy.law(batch)
    check_lawful(law, batch)
    floor = epsilon / batch.available.sum(axis=1, keepdims=True)
    assert (law.propensities >= np.where(batch.available, floor, 0.0) - 1e-12).all()
    assert (law.name, law.version, law.epsilon) == (name, "test+1", epsilon)


@settings(max_examples=40, deadline=None)
@given(slot_batches(), st.integers(0, 6))
def test_a_law_does_not_depend_on_the_other_windows_to_the_last_bit(batch, padding):
    policy = AdaptivePolicy(ALL, "test+1", EPSILON)
    together = policy.propensities(batch)
    width = ((0, 0), (0, padding))
    for row in range(len(batch.person)):
        alone = batch.rows(np.arange(len(batch.person)) == row)
        alone = replace(
            alone,
            hours=np.pad(alone.hours, width),
            available=np.pad(alone.available, width),
        )
        own = policy.propensities(alone)[0, : batch.hours.shape[1]]
        assert own.tobytes() == together[row].tobytes()


def day(person: str) -> SlotBatch:
    hours = np.arange(8.0, 20.0, 0.5)[None, :]
    return SlotBatch(hours, np.ones_like(hours, dtype=bool), np.array([0]), [person])


@pytest.mark.parametrize("name", NAMES)
def test_each_window_goes_by_the_head_of_its_objective_where_the_policy_trusts_heads(name):
    one = day("1")
    batch = SlotBatch(
        *(np.repeat(part, 3, axis=0) for part in (one.hours, one.available, one.day_type)),
        ["1"] * 3,
        objective=OBJECTIVES,
    )
    law = AdaptivePolicy(ALL, "t+1", EPSILON, name).law(batch)
    rests = [law.rests_on(row) for row in range(3)]
    evenings = batch.hours[np.arange(3), law.propensities.argmax(axis=1)] > 16
    if name == ADAPTIVE:
        assert rests == list(OBJECTIVES)
        assert evenings.tolist() == [False, True, True]
        last = batch.hours.shape[1] - 1
        assert law.reasons.of(0, last)["near"][0] < law.reasons.of(0, last)["near"][1]
        near, seen = law.reasons.of(1, last)["near"]
        assert near == seen > 0, "exercises, all of which were done then"
    else:
        assert rests == ["answered"] * 3
        assert len({row.tobytes() for row in law.propensities}) == 1


def test_without_a_head_windows_go_by_answers_and_say_so():
    batch = replace(day("1"), objective=[COMPLETED])
    law = AdaptivePolicy(replace(ALL, completed=None), "t+1", EPSILON).law(batch)
    assert law.rests_on(0) == "answered"
    by_answers = AdaptivePolicy(Heads(MODEL), "t+1", EPSILON).propensities(day("1"))
    assert law.propensities.tobytes() == by_answers.tobytes()


def test_the_policies_differ_in_whom_they_trust():
    best = {
        name: {
            person: float(
                day(person).hours[
                    0,
                    AdaptivePolicy(Heads(MODEL), "t+1", EPSILON, name)
                    .propensities(day(person))[0]
                    .argmax(),
                ]
            )
            for person in ("1", "4")
        }
        for name in (ADAPTIVE, POOLED, PERSON)
    }
    assert best[POOLED]["1"] == best[POOLED]["4"] < 13
    assert best[ADAPTIVE]["1"] < 13 <= best[ADAPTIVE]["4"]
    assert best[PERSON]["4"] >= 13


class Broken(Receptivity):
    """A model whose scores are what a damaged one gives."""

    def __init__(self, kind: str = "nan") -> None:
        self.kind = kind

    def slot_scores(self, hours, *_arguments, **_options):
        match self.kind:
            case "nan":
                return np.full(hours.shape, np.nan)
            case "shape":
                return np.zeros((1, 1))
            case "singular":
                raise np.linalg.LinAlgError("Singular matrix")
        raise KeyError("effects")


@pytest.mark.parametrize("kind", ["nan", "shape", "singular", "missing"])
def test_a_broken_model_gives_way_to_the_population_curve_and_that_to_chance(
    kind: str, caplog: pytest.LogCaptureFixture
):
    last = UniformPolicy(name=ADAPTIVE, version="untrained")
    curve = CurvePolicy(CURVE, "a/curve", EPSILON, behind=last)
    policy = AdaptivePolicy(Heads(Broken(kind)), "a+1", EPSILON, behind=curve)
    with caplog.at_level(logging.ERROR):
        law = law_of(policy, day("x"))
    assert law.version == "a/curve"
    assert law.propensities[0].argmax() == 4
    assert "policy adaptive a+1 failed" in caplog.text
    broken_too = replace(policy, behind=replace(curve, curve=CURVE[:5]))
    law = law_of(broken_too, day("x"))
    assert (law.name, law.version, law.epsilon) == (ADAPTIVE, "untrained", 1.0)
    assert len(set(law.propensities[0])) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_learner_decides_by_the_policy_the_admin_has_set(practice, name):
    one = learner(practice.db, policy=name)
    assert one.policy().name == name
    one.refit(now=practice.clock())
    assert one.policy().name == name
    assert one.policy().law(day("x")).name == name


def test_an_admin_can_have_everything_drawn_uniformly(practice):
    one = learner(practice.db, policy=UNIFORM)
    one.refit(now=practice.clock())
    law = law_of(one.policy(), day("x"))
    assert (law.version, law.epsilon) == (UNIFORM, 1.0)
