"""Two workers, each stopped at a point of its own, and resumed in both orders.

A is stopped at x, its leases lapse, B takes over and is stopped at y, its leases lapse too; then
one goes on to its end, and the other. A third finishes.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import NamedTuple

from arena import Arena, Figures
from fields import LANES, Part
from ground import EXPIRY, QUIET_FROM
from killing import Life, passed, spread
from processes import Ended, await_change, end, fork, pause, resume
from stages import Point
from verdicts import Rules
from workers import Orders, work

LAPSE = timedelta(seconds=62)
STUCK_SECONDS = 0.08
"""SQLite has one writer: who waits for a stopped one is given this long, then the other goes on."""
PATIENCE_SECONDS = 4.0
CUT_MS = 40
"""How long PostgreSQL is patient in those interleavings in which it ends a stopped transaction."""
EVERY_CUT = 7
PEOPLE = 2
FAULTS = ("200", "404", "503 accepted", "429", "200 slow", "503", "reset")


class Interleaving(NamedTuple):
    """Where A and B are stopped, who goes on first, against what, for whom."""

    first: Point
    second: Point
    b_before_a: bool
    behaviour: str
    deduplicates: bool
    cut: bool


def interleavings(passed: Sequence[Point]) -> list[Interleaving]:
    """Return every pair of points in both orders; behaviours and phones take turns over them."""
    pairs = product(passed, passed, (False, True))
    return [
        Interleaving(
            x,
            y,
            b_before_a,
            behaviour=FAULTS[index // 2 % len(FAULTS)],
            deduplicates=index // (2 * len(FAULTS)) % 2 == 1,
            cut=index // 2 % EVERY_CUT == 0,
        )
        for index, (x, y, b_before_a) in enumerate(pairs)
    ]


def play(arena: Arena, chosen: Interleaving) -> Figures:
    """Let both run into their stops and out of them, finish, judge."""
    ground = arena.ground
    ground.put_back(deduplicates=chosen.deduplicates, people=PEOPLE)
    ground.rest()
    url = arena.next_url(chosen.behaviour, 1)
    running: list[tuple[int, Ended | None]] = []
    for owner, point in (("A", chosen.first), ("B", chosen.second)):
        pid = _start(arena, url, owner, point, cut=chosen.cut)
        running.append((pid, await_change(pid, _patience(arena, running, chosen.first))))
        ground.set_clock(ground.shared.clock() + LAPSE)
        ground.rest()
    stops = sum(ended is not None and ended.stopped for _, ended in running)
    order = reversed(running) if chosen.b_before_a else running
    faults = _resume([pid for pid, ended in order if ended is None or ended.stopped])
    ground.await_dead()
    faults += arena.finish(url, PEOPLE)
    faults += arena.judge(Rules(EXPIRY, QUIET_FROM))
    met = int(running[0][1] is not None and running[0][1].stopped)
    return Figures(
        scenarios=met,
        broken=int(bool(faults)),
        stops=stops,
        faults=[f"{chosen}: {f}" for f in faults],
    )


def _patience(arena: Arena, running: Sequence[object], first: Point) -> float:
    """Return how long to wait for a worker to get to its point: B may have to wait for A."""
    inside = first.where in ("begun", "about to commit")
    return STUCK_SECONDS if running and inside and arena.ground.is_sqlite else PATIENCE_SECONDS


def _start(arena: Arena, url: str, owner: str, point: Point, *, cut: bool) -> int:
    orders = Orders(
        url,
        owner=owner,
        batch=PEOPLE,
        point=point,
        act=pause,
        cut_idle_after_ms=CUT_MS if cut else None,
    )
    return fork(lambda: work(arena.ground, orders))


def _resume(pids: Sequence[int]) -> list[str]:
    """Let each go on to its end before the next may; one that waits for the next does not."""
    for pid in pids:
        resume(pid)
        _until_ended(pid, STUCK_SECONDS if pid != pids[-1] else 0)
    faults = []
    for pid in pids:
        if not _until_ended(pid, 15):
            end(pid)
            faults.append("a worker that had been stopped never ended")
    return faults


def _until_ended(pid: int, seconds: float) -> bool:
    """Return whether it ends in time; one that waited for a lock may run into its stop only now."""
    try:
        ended = await_change(pid, seconds)
        while ended is not None and ended.stopped:
            resume(pid)
            ended = await_change(pid, seconds)
    except ChildProcessError:
        return True  # it was found ended before
    return ended is not None


def part(most: int) -> Part:
    """Return what a lane does to play its share of `most` interleavings."""

    def play_share(arena: Arena, lane: int) -> Figures:
        arena_points = passed(arena, Life("200", False, PEOPLE, PEOPLE))
        total = Figures()
        for one in spread(interleavings(arena_points), most)[lane::LANES]:
            total.add(play(arena, one))
        return total

    return play_share
