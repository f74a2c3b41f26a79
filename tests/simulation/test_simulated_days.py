"""Patient-days lived through in virtual time, with everything going wrong that can."""

from collections import Counter
from dataclasses import dataclass
from functools import cache

import pytest
from simulated_seeds import DAYS, EVERYDAY, PERSONS, TEMPERS, report, seeds, setting_of
from simulated_verdicts import verdict
from simulated_world import Setting, World, live


@dataclass(frozen=True)
class Lived:
    """What is kept of a simulation."""

    failure: str
    met: frozenset[str]
    sends: int
    shown: int
    crashes: int


@cache
def lived(seed: int) -> Lived:
    """Live through a seed's simulation once."""
    world = live(seed, setting_of(seed))
    broken = verdict(world)
    return Lived(
        report(world, broken) if broken else "",
        frozenset(met(world)),
        len(world.fcm.log),
        len(world.population.shown),
        world.crashes,
    )


@pytest.mark.parametrize("seed", seeds())
def test_all_promises_hold_through_crashes_pauses_and_storms(seed: int):
    found = lived(seed)
    assert not found.failure, found.failure
    assert found.sends > 2 * PERSONS * DAYS
    assert found.shown > PERSONS * DAYS
    assert found.crashes > 5


def test_the_same_seed_lives_the_same_life_to_the_line():
    setting = Setting(persons=6, days=2, temper=TEMPERS[3], storms_a_day=4)
    first, again, other = (live(seed, setting).log for seed in (7, 7, 8))
    assert len(first) > 50
    assert first == again
    assert first != other


HAPPENINGS = {
    *("stands still", "dies", "is killed", "clocks are off", "reinstalls", "lives in", "snoozed"),
}
WANTED = HAPPENINGS | {
    *("accept", "late accept", "503", "503 after accept", "429", "429 long", "refused"),
    *("hang", "hang after accept", "no connection", "dead token"),
    *("accepted", "unknown", "failed", "expired", "cancelled", "withheld"),
    *("a reminder", "a second try", "nobody heard the answer", "acknowledged"),
}


def test_simulations_meet_all_they_are_for():
    """Without this the promises above might hold of a world in which nothing happens."""
    everything = frozenset().union(*(lived(seed).met for seed in EVERYDAY))
    assert everything >= WANTED


def met(world: World) -> set[str]:
    """Return what of it a simulation met."""
    happened = "\n".join(world.log)
    sends = Counter((s.push.prompt_id, s.push.repeat) for s in world.fcm.log)
    found = {word for word in HAPPENINGS if word in happened}
    found |= {sending.behaviour for sending in world.fcm.log}
    found |= {state for (state,) in world.raw.execute("SELECT DISTINCT state FROM prompts")}
    others = {
        "a reminder": any(one.repeat for one in world.population.shown),
        "a second try": max(sends.values()) > 1,
        "nobody heard the answer": any(s.outcome is None for s in world.fcm.log),
        "acknowledged": bool(world.population.acknowledged),
    }
    return found | {name for name, is_so in others.items() if is_so}
