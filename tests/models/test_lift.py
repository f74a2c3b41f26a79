import numpy as np
import pytest
from scipy.stats import t

from models.evaluation.lift import arm_lift


def test_a_hand_computed_case_comes_out():
    # a: uniform 1, adaptive 1; b: uniform 0, adaptive 1; c: uniform 0, adaptive 0.
    # rates 1/3 and 2/3; sums of influence: a 1/9-2/9=-1/9, b 1/9+1/9=2/9, c 1/9-2/9=-1/9.
    y = [1, 1, 0, 1, 0, 0]
    arm = ["uniform", "adaptive"] * 3
    person = ["a", "a", "b", "b", "c", "c"]
    lift = arm_lift(y, arm, person)
    error = np.sqrt(3 / 2 * 5 / 4 * 6 / 81)
    half = 100 * t.ppf(0.975, 2) * error
    assert (lift.n_uniform, lift.n_adaptive) == (3, 3)
    assert lift.uniform_rate == pytest.approx(1 / 3)
    assert lift.adaptive_rate == pytest.approx(2 / 3)
    assert lift.lift_pp == pytest.approx(100 / 3)
    assert lift.lift_ci95 == pytest.approx((100 / 3 - half, 100 / 3 + half))


def test_separate_persons_use_the_degrees_of_freedom_of_welch():
    y = [1, 1, 0, 1, 0, 0, 1]
    arm = ["uniform"] * 2 + ["adaptive"] * 5
    person = ["a", "b", "c", "d", "e", "f", "g"]
    low, high = arm_lift([0, *y[1:]], arm, person).lift_ci95
    uniform, adaptive = np.array([0, 1.0]), np.array([0, 1.0, 0, 0, 1.0])
    parts = [((g - g.mean()) ** 2).sum() / len(g) ** 2 for g in (uniform, adaptive)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 1 + parts[1] ** 2 / 4)
    half = t.ppf(0.975, freedom) * np.sqrt(7 / 6 * 6 / 5 * sum(parts))
    assert (high - low) / 200 == pytest.approx(half)


@pytest.mark.parametrize("share", ["by prompt", "by person"])
def test_the_interval_covers_the_true_lift_as_often_as_it_says(share):
    rng = np.random.default_rng(5)
    persons, prompts, runs, covered = 40, 30, 400, 0
    person = np.repeat(np.arange(persons), prompts)
    for _ in range(runs):
        base = np.clip(rng.normal(0.7, 0.15, persons), 0.05, 0.9)
        if share == "by prompt":
            adaptive = rng.random(person.size) < 0.8
        else:
            adaptive = np.isin(person, rng.permutation(persons)[:28])
        chance = base[person] + 0.05 * adaptive
        y = rng.random(person.size) < chance
        lift = arm_lift(y, np.where(adaptive, "adaptive", "uniform"), person)
        # The persons' clipped base rates are alike in both arms, so the true lift is 5 points.
        covered += lift.lift_ci95[0] <= 5.0 <= lift.lift_ci95[1]
    assert 0.92 <= covered / runs <= 0.98


def test_a_naive_interval_would_be_too_narrow_when_arms_are_persons():
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(40), 50)
    y = rng.random(person.size) < rng.choice([0.4, 1.0], 40)[person]
    lift = arm_lift(y, np.where(person < 20, "uniform", "adaptive"), person)
    naive = 1.96 * np.sqrt(y.var() * 4 / y.size)
    assert (lift.lift_ci95[1] - lift.lift_ci95[0]) / 200 > 2 * naive


@pytest.mark.parametrize(
    ("arm", "rates"), [("uniform", (0.5, None)), ("adaptive", (None, 0.5))], ids=str
)
def test_an_empty_arm_gives_none_rather_than_a_number(arm, rates):
    lift = arm_lift([1, 0], [arm, arm], ["a", "b"])
    assert (lift.uniform_rate, lift.adaptive_rate) == rates
    assert lift.lift_pp is None
    assert lift.lift_ci95 is None


def test_no_data_at_all_gives_none():
    lift = arm_lift([], np.array([], dtype=str), np.array([], dtype=str))
    assert (lift.uniform_rate, lift.n_uniform, lift.n_adaptive) == (None, 0, 0)


def test_one_person_has_a_lift_without_an_interval():
    lift = arm_lift([1, 0, 1], ["uniform", "uniform", "adaptive"], ["a", "a", "a"])
    assert lift.lift_pp == pytest.approx(50.0)
    assert lift.lift_ci95 is None


def test_one_person_in_an_arm_has_no_interval():
    lift = arm_lift([1, 0, 1, 0], ["uniform", "adaptive", "adaptive", "adaptive"], list("abcd"))
    assert lift.lift_ci95 is None


def test_a_higher_level_gives_a_wider_interval():
    y, arm, person = [1, 1, 0, 1, 0, 0], ["uniform", "adaptive"] * 3, list("aabbcc")
    narrow = arm_lift(y, arm, person, level=0.8).lift_ci95
    wide = arm_lift(y, arm, person, level=0.99).lift_ci95
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("y", "arm", "person", "level", "message"),
    [
        ([2], ["uniform"], ["a"], 0.95, "y: must be 0 or 1"),
        ([1], ["control"], ["a"], 0.95, "arm: must be"),
        ([1], ["uniform"], ["a", "b"], 0.95, "arm, person: must have shape"),
        ([1], ["uniform"], ["a"], 95, "level: must be between 0 and 1"),
        ([[1]], ["uniform"], ["a"], 0.95, "y: must have one dimension"),
    ],
)
def test_bad_input_is_named(y, arm, person, level, message):
    with pytest.raises(ValueError, match=message):
        arm_lift(y, arm, person, level=level)
