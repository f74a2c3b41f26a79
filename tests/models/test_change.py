"""Changes of a person's rhythm: found where there are any, rarely where there are none."""

import numpy as np
import pytest

from models.receptivity import Receptivity
from models.simulation.adversarial import Flips, make_with
from models.simulation.run import simulate

HOURS = np.arange(8.0, 22.0, 0.5)


def clinic(persons=60, days=42, flip_on=None, seed=0, strength=1.2):
    """Persons with a good half of the day; those with even numbers swap halves on a day."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    hour = rng.choice(HOURS, person.size)
    evening = np.where(hour >= 15.0, 1.0, -1.0)
    likes = rng.choice([-1.0, 1.0], persons)[person]
    if flip_on is not None:
        likes = np.where((person % 2 == 0) & (day >= flip_on), -likes, likes)
    y = rng.random(person.size) < 1 / (1 + np.exp(-(0.3 + strength * likes * evening)))
    return np.column_stack([hour, np.zeros(hour.size)]), y.astype(int), person, day


def fitted(data, **params):
    X, y, person, day = data
    return Receptivity(**params).fit(X, y, person=person, day=day)


def test_persons_whose_rhythm_turned_round_are_listed():
    changed = {int(name) for name in fitted(clinic(flip_on=30)).changed_}
    turned = set(range(0, 60, 2))
    assert len(changed & turned) > 0.7 * len(turned)
    assert len(changed - turned) <= 0.1 * len(turned)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_or_hardly_anybody_is_listed_without_a_change(seed):
    assert fitted(clinic(seed=seed)).changed_.size <= 3


def test_a_change_long_ago_is_no_news():
    assert fitted(clinic(flip_on=5, days=60)).changed_.size <= 6


def test_evidence_from_before_a_change_gives_way():
    data = clinic(flip_on=32)
    deaf, alert = fitted(data, alarm=1e6, optimism=0.0), fitted(data, optimism=0.0)
    assert deaf.changed_.size == 0
    who = alert.changed_.astype(int)
    X, y, person, day = data
    now = day >= 32

    def agreement(model):
        """How much better the half is that the person likes by now."""
        scores = model.slot_scores([[10.0, 19.0]] * who.size, np.zeros(who.size), who)
        evening = np.where(X[:, 0] >= 15.0, 1.0, -1.0)
        likes = [
            np.corrcoef(evening[now & (person == one)], y[now & (person == one)])[0, 1]
            for one in who
        ]
        return float(((scores[:, 1] - scores[:, 0]) * np.sign(likes)).mean())

    assert agreement(alert) > agreement(deaf) + 0.5


def test_a_change_reopens_exploration():
    data = clinic(flip_on=30)
    alert = fitted(data)
    who = alert.changed_[:1]
    bonus = [
        np.ptp(
            fitted(data, optimism=o).slot_scores([HOURS], [0], who)
            - fitted(data, optimism=0.0).slot_scores([HOURS], [0], who)
        )
        for o in (1.0, 2.0)
    ]
    plain = alert.ledger_.boldness(alert.ledger_.rows(["1"]))
    bolder = alert.ledger_.boldness(alert.ledger_.rows(who.tolist()))
    assert bolder[0] > plain[0] == 1.0
    assert bonus[1] > bonus[0] > 0.0


def test_without_days_nothing_can_change():
    X, y, person, _ = clinic(flip_on=30, persons=10)
    assert Receptivity().fit(X, y, person=person).changed_.size == 0


def test_forgetting_lets_go_of_what_is_old():
    data = clinic(flip_on=21)
    keeps, forgets = (fitted(data, alarm=1e6, optimism=0.0, forgetting=f) for f in (1.0, 0.9))
    X, y, person, day = data
    late = (day >= 35) & (person % 2 == 0)

    def fit_of(model):
        score = model.slot_scores(X[late, :1], np.zeros(late.sum()), person[late])[:, 0]
        return np.corrcoef(score, y[late])[0, 1]

    assert fit_of(forgets) > fit_of(keeps) + 0.1
    assert forgets.ledger_.seen.sum() < 0.5 * keeps.ledger_.seen.sum()


@pytest.mark.slow
def test_in_a_world_that_flips_everybody_adapting_still_pays_in_the_end():
    flips = Flips(share=1.0, from_day=14, to_day=14)
    rates = {}
    for policy in ("uniform", "adaptive"):
        run = simulate(make_with(flips, 150, 35, 5), policy, days=35, seed=5)
        rates[policy] = run.rate_by_week
    gain = np.subtract(rates["adaptive"], rates["uniform"])
    assert gain[-1] > 0.0
    assert gain.mean() > 0.0
