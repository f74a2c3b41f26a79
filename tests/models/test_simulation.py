import numpy as np
import pytest

from models.receptivity import Receptivity
from models.simulation import ema
from models.simulation.features import SlotFeatures, action_centred
from models.simulation.learners import AdaptivePolicy
from models.simulation.policy import Asked
from models.simulation.regressions import PersonPolicy, PooledPolicy
from models.simulation.run import POLICIES, simulate

EVERY = pytest.mark.parametrize("policy", POLICIES)


class Openly:
    """A world of n persons in which the last slot of each block is best for everybody."""

    def __init__(self, persons, days, seed):
        self.slot_hours = np.arange(8.0, 20.0)
        self.blocks = [slice(0, 4), slice(4, 12)]
        self.declared = None
        self.asked = []
        self._n, self._rng = persons, np.random.default_rng(seed)

    def day_type(self, day):
        return np.full(self._n, int(day % 7 >= 5))

    def respond(self, day, block, slot):
        self.asked.append((day, block, slot.copy()))
        size = self.slot_hours[self.blocks[block]].size
        probability = 0.1 + 0.8 * slot / (size - 1)
        answered = self._rng.random(self._n) < probability
        return answered, np.where(answered, 3.0, np.nan), probability

    def oracle(self, day, block):
        return np.full(self._n, self.slot_hours[self.blocks[block]].size - 1)


class Watched:
    """A policy that notes what it is shown."""

    def __init__(self, setting, _):
        self.setting, self.shown, self.nights = setting, [], 0

    def propensities(self, day, block):
        k = self.setting.hours(block).size
        return self.setting.everybody(np.arange(1.0, k + 1) / (k * (k + 1) / 2))

    def learn(self, asked):
        self.shown.append(asked)

    def end_day(self):
        self.nights += 1


def watch(world, days, **options):
    kept = []

    def make(setting, given):
        kept.append(Watched(setting, given))
        return kept[0]

    return kept, simulate(world, make, days=days, seed=5, **options)


def test_policies_see_answers_and_delays_and_neither_probability_nor_oracle():
    (policy,), _ = watch(Openly(50, 3, 1), 3)
    assert policy.nights == 3
    assert [(asked.day, asked.block) for asked in policy.shown] == [
        (day, block) for day in range(3) for block in range(2)
    ]
    fields = " ".join(Asked.__dataclass_fields__)
    assert fields == "day block slot hour day_type label delay propensity mark"
    shown = vars(policy.setting)
    assert not {"world", "oracle", "respond"} & set(shown)
    for asked in policy.shown:
        np.testing.assert_array_equal(np.isnan(asked.delay), ~asked.label)
        np.testing.assert_array_equal(asked.hour, 8.0 + asked.slot + (4 if asked.block else 0))


def test_slots_are_drawn_with_the_propensities_told():
    (policy,), run = watch(Openly(4000, 3, 1), 3)
    slots = np.concatenate([asked.slot for asked in policy.shown if asked.block == 0])
    np.testing.assert_allclose(np.bincount(slots) / slots.size, [0.1, 0.2, 0.3, 0.4], atol=0.015)
    assert run.min_propensity == pytest.approx(1 / 36)


def test_answers_that_come_too_late_are_not_learned_from():
    (policy,), _ = watch(Openly(200, 2, 1), 2, within_minutes=2.0)
    assert not any(asked.label.any() for asked in policy.shown)


def test_rates_are_means_of_the_true_probability():
    _, run = watch(Openly(3000, 8, 1), 8)
    expected = np.mean(
        [
            np.average(0.1 + 0.8 * np.arange(k) / (k - 1), weights=np.arange(1, k + 1))
            for k in (4, 8)
        ]
    )
    assert run.rate == pytest.approx(expected, abs=0.01)
    assert len(run.rate_by_week) == 2
    assert run.rate == pytest.approx((7 * run.rate_by_week[0] + run.rate_by_week[1]) / 8)


@pytest.mark.parametrize("policy", ["pooled", "person", "population", "adaptive"])
def test_every_learner_finds_what_is_plain_to_see(policy):
    run = simulate(Openly(60, 21, 1), policy, days=21, seed=1)
    assert run.rate_by_week[-1] > 0.8  # uniform has .5, and .1 is drawn uniformly
    assert run.min_propensity == pytest.approx(0.1 / 8, rel=0.25)


@EVERY
def test_every_policy_runs_and_keeps_the_promised_floor(policy):
    run = simulate(ema.make(12, 9, 3), policy, days=9, seed=4, epsilon=0.2)
    assert all(0.0 < rate < 1.0 for rate in run.rate_by_week)
    floor = 0.0 if policy == "oracle" else 0.2 / 7
    assert run.min_propensity >= floor - 1e-12


@EVERY
def test_runs_repeat_exactly(policy):
    runs = [simulate(ema.make(15, 9, 3), policy, days=9, seed=4) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "oracle"])
def test_epsilon_one_makes_every_policy_draw_like_uniform(policy):
    run = simulate(ema.make(40, 9, 3), policy, days=9, seed=4, epsilon=1.0)
    uniform = simulate(ema.make(40, 9, 3), "uniform", days=9, seed=4)
    assert run.rate == pytest.approx(uniform.rate, abs=1e-12)
    assert run.min_propensity == pytest.approx(1 / 7)


def test_micro_randomising_with_a_budget_of_one_a_block_is_uniform():
    runs = [simulate(ema.make(40, 9, 3), name, days=9, seed=4) for name in ("uniform", "bernoulli")]
    assert runs[0].rate == pytest.approx(runs[1].rate, abs=1e-12)
    assert runs[1].min_propensity == pytest.approx(1 / 7)


def test_adapting_is_better_than_uniform_and_worse_than_knowing():
    names = ("uniform", "adaptive", "oracle")
    last = {n: simulate(ema.make(200, 21, 2), n, days=21, seed=2).rate_by_week[-1] for n in names}
    assert last["uniform"] < last["adaptive"] < last["oracle"]
    # More than this share of a knower's lift within three weeks would be a leak.
    share = (last["adaptive"] - last["uniform"]) / (last["oracle"] - last["uniform"])
    assert 0.1 < share < 0.8


def test_the_days_of_warming_up_are_uniform():
    def late(setting, _):
        return AdaptivePolicy(setting, Receptivity(), warm_up_days=7)

    adaptive = simulate(ema.make(40, 14, 3), late, days=14, seed=4)
    uniform = simulate(ema.make(40, 14, 3), "uniform", days=14, seed=4)
    assert adaptive.rate_by_week[0] == uniform.rate_by_week[0]
    assert adaptive.rate_by_week[1] != uniform.rate_by_week[1]


def test_ours_uses_what_was_declared_from_the_first_day_on():
    runs = [
        simulate(ema.make(300, 2, 3), make, days=2, seed=4).rate
        for make in (
            lambda setting, _: AdaptivePolicy(setting, Receptivity()),
            lambda setting, _: AdaptivePolicy(setting, Receptivity(), declared=False),
        )
    ]
    assert runs[0] > runs[1]


def test_persons_alone_differ_and_pooled_persons_do_not(monkeypatch):
    monkeypatch.setattr("models.simulation.regressions.PERSON_SD", 0.2)

    class Split(Openly):
        def respond(self, day, block, slot):
            size = self.slot_hours[self.blocks[block]].size
            even = np.arange(self._n) % 2 == 0
            flipped = np.where(even, slot, size - 1 - slot)
            return super().respond(day, block, flipped)

    alone, together = {}, {}
    for kept, build in ((alone, PersonPolicy), (together, PooledPolicy)):

        def make(setting, _, kept=kept, build=build):
            kept["policy"] = build(setting)
            return kept["policy"]

        simulate(Split(40, 21, 1), make, days=21, seed=1)
    pooled = together["policy"].propensities(1, 1)
    np.testing.assert_array_equal(pooled, np.tile(pooled[0], (40, 1)))
    hours = alone["policy"].propensities(21, 1) @ np.arange(8.0)
    assert hours[::2].mean() > hours[1::2].mean() + 1.0


def test_slots_soon_after_the_prompt_before_are_told_apart():
    (policy,), _ = watch(Openly(2, 1, 1), 1)
    features = SlotFeatures(policy.setting, spacing=3.0)
    slots = features.of(1, np.zeros(2, dtype=int), np.array([11.5, np.nan]))
    assert slots.shape == (2, 8, features.size)
    np.testing.assert_array_equal(slots[0, :3, -2:], [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    assert not slots[1, :, -2:].any()


def test_what_is_regressed_is_centred_by_the_propensities():
    (policy,), _ = watch(Openly(3000, 1, 1), 1)
    asked = policy.shown[1]
    slots = SlotFeatures(policy.setting, spacing=3.0).of(1, asked.day_type, np.full(3000, np.nan))
    rows = action_centred(slots, np.ones((3000, 1)), asked)
    centred = rows[:, -slots.shape[2] :]
    np.testing.assert_allclose(centred.mean(axis=0), 0.0, atol=0.03)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"policy": "best"}, "policy: must be one of uniform, fixed, bernoulli, pooled"),
        ({"days": 0}, "days: must be at least 1"),
        ({"epsilon": 1.5}, "epsilon: must be between 0 and 1"),
    ],
)
def test_a_bad_argument_is_named(change, message):
    arguments = {"policy": "uniform", "days": 1, "seed": 1} | change
    with pytest.raises(ValueError, match=message):
        simulate(ema.make(2, 1, 1), **arguments)
