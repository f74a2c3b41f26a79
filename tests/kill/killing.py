"""kill -9 at every step between planning and recording, against ten behaviours of FCM.

Each scenario: a worker dies at one point of its life, another finishes its work while the clock
moves past lease, retries, quiet hours and expiry; then the stub's log is judged.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import product
from math import ceil
from typing import NamedTuple, TypeVar

from arena import Arena, Figures
from fakes import NINE
from fields import LANES, Part
from ground import EXPIRY, QUIET_FROM
from processes import LONGEST_LIFE_SECONDS, await_change, die, end, fork
from scripted_fcm import BEHAVIOURS
from stages import Point, points
from verdicts import Rules
from workers import Orders, work

Item = TypeVar("Item")
SECOND_PASSAGE = NINE + timedelta(seconds=62)
POINTS_OF_A_LIFE = 4
"""How many points a life is tried at, at least."""
ALWAYS = 99
LASTING = {"503", "hang", "garbage"}
"""Behaviours that are also tried without an end: nothing may then be sent for ever."""


class Life(NamedTuple):
    """How a worker that will be killed lives: against what, for whom, in what portions."""

    behaviour: str
    deduplicates: bool
    people: int = 2
    batch: int = 2
    passages: int = 1
    times: int = 1


class Scenario(NamedTuple):
    """A life and the point at which it ends."""

    life: Life
    point: Point


def lives() -> Iterator[Life]:
    """Return every kind of life: the plain ones first."""
    modes = (False, True)
    for behaviour, deduplicates in product(BEHAVIOURS, modes):
        yield Life(behaviour, deduplicates)
    for behaviour, deduplicates in product(BEHAVIOURS, modes):
        yield Life(behaviour, deduplicates, passages=2)
    for behaviour, deduplicates in product(BEHAVIOURS, modes):
        yield Life(behaviour, deduplicates, people=3, batch=2)
    for behaviour, deduplicates in product(BEHAVIOURS, modes):
        yield Life(behaviour, deduplicates, people=1, batch=1)
    for behaviour, deduplicates in product(sorted(LASTING), modes):
        yield Life(behaviour, deduplicates, times=ALWAYS)


def scenarios(arena: Arena, lives: Iterable[Life]) -> list[Scenario]:
    """Return each life with each point it passes; those of a second passage begin after one."""
    # What a first passage goes through does not depend on how the phone takes repeats.
    counted: dict[Life, list[Point]] = {}

    def of(life: Life) -> list[Point]:
        key = life._replace(deduplicates=False) if life.passages == 1 else life
        if key not in counted:
            counted[key] = passed(arena, key)
        return counted[key]

    found = []
    for life in lives:
        first = set() if life.passages == 1 else set(of(life._replace(passages=1)))
        found += [Scenario(life, at) for at in of(life) if at not in first]
    return found


def chosen(every: Sequence[Scenario], plain: int, further: int) -> list[Scenario]:
    """Return at most so many of the plain scenarios and of the others, evenly spread."""
    plain_ones = [one for one in every if one.life == Life(*one.life[:2])]
    others = [one for one in every if one.life != Life(*one.life[:2])]
    return spread(plain_ones, plain) + spread(others, further)


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most `most` items at even distances."""
    if len(items) <= most:
        return list(items)
    return [items[index * len(items) // most] for index in range(most)]


def play(arena: Arena, scenario: Scenario) -> Figures:
    """Kill a worker, let another finish, judge."""
    life = scenario.life
    arena.ground.put_back(deduplicates=life.deduplicates, people=life.people)
    arena.ground.rest()
    url = arena.next_url(life.behaviour, life.times)
    orders = _orders(url, life, scenario.point)
    victim = fork(lambda: work(arena.ground, orders))
    ended = await_change(victim)
    if ended is None:
        end(victim)
    arena.ground.await_dead()
    found = arena.finish(url, life.batch)
    rules = Rules(EXPIRY, QUIET_FROM, all_arrive=life.times == 1)
    found += arena.judge(rules)
    killed = ended is not None and ended.killed
    if ended is None:
        found.append("the worker that was to be killed hung")
    return Figures(
        scenarios=1,
        broken=int(bool(found)),
        kills=int(killed),
        faults=[f"{scenario}: {f}" for f in found],
    )


def _orders(url: str, life: Life, point: Point | None) -> Orders:
    return Orders(
        url,
        owner="victim",
        instants=(None, SECOND_PASSAGE)[: life.passages],
        batch=life.batch,
        point=point,
        act=die,
    )


def passed(arena: Arena, life: Life) -> list[Point]:
    """Return the points of this life, counted in one that nobody ends."""
    arena.ground.put_back(deduplicates=life.deduplicates, people=life.people)
    arena.ground.rest()
    shared = arena.ground.shared
    shared.transactions = shared.submissions = 0
    orders = _orders(arena.next_url(life.behaviour, life.times), life, None)
    pid = fork(lambda: work(arena.ground, orders))
    ended = await_change(pid, LONGEST_LIFE_SECONDS)
    if ended is None:
        end(pid)
    if ended is None or ended.code or ended.signal:
        raise RuntimeError(f"a worker that nobody killed did not live well: {life}, {ended}")
    arena.log()
    return points(int(shared.transactions), int(shared.submissions))


def part(plain: int, further: int) -> Part:
    """Return what a lane does to play its share of so many plain scenarios and further ones."""

    def play_share(arena: Arena, lane: int) -> Figures:
        total = Figures()
        # In a small sample not every life is lived: each costs one that nobody ends.
        lived = spread(list(lives()), max((plain + further) // POINTS_OF_A_LIFE, LANES))
        mine = scenarios(arena, lived[lane::LANES])
        for scenario in chosen(mine, ceil(plain / LANES), ceil(further / LANES)):
            total.add(play(arena, scenario))
        return total

    return play_share
