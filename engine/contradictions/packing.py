"""Whether all prompts of a day can keep the minimum gap at once, decided exactly.

For a given order of prompts the earliest slot for each is best: a gap only ever pushes later ones
further back. So only orders have to be searched, and the windows of one assignment have theirs
already. The search keeps, for each number of prompts placed of each assignment, the earliest ends.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from engine.contradictions.days import Day
from engine.contradictions.parts import Parts, Turn, minutes
from engine.durations import format_duration
from engine.errors import FieldFault as Fault

_DAY = 24 * 60
_NAMED = 5
_MOST_STATES = 5_000
"""States of a search; a day that needs more counts as possible: nothing sound is refused."""


@dataclass(frozen=True, slots=True)
class Step:
    """One prompt to place: its slots, and the gap to the one before in the same window."""

    slots: tuple[int, ...]
    gap: int

    def earliest(self, overall: float, own: float, min_gap: int) -> int | None:
        """Return the first slot that keeps both gaps, None if there is none."""
        place = bisect_left(self.slots, max(overall + min_gap, own + self.gap))
        return self.slots[place] if place < len(self.slots) else None


Placed = tuple[float, tuple[float, ...]]
"""The last prompt of all, and the last of each chain whose next prompt has to look back at it."""


def packing(parts: Parts, turns: Sequence[Turn], days: Sequence[Day]) -> Iterator[Fault]:
    """Yield a fault for prompts of one day (and the one before) that cannot all be sent.

    Each names as few prompts as collide: leaving out any one of them would do.
    """
    gap = minutes(parts.limits.min_gap)
    told: set[str] = set()
    for day in days if gap else ():
        asked = list(_on(day, turns))
        if fits(asked, gap):
            continue
        *others, last = sorted(_core(asked, gap), key=lambda turn: (turn.slots[-1], turn.slots))
        if last.slots[0] >= 0 and last.path not in told:
            told.add(last.path)
            yield Fault(
                last.path,
                f"does not fit on one day with {_listed(others)}: "
                f"no choice of slots keeps limits.min_gap ({format_duration(parts.limits.min_gap)})"
                " between them",
            )


def _on(day: Day, turns: Sequence[Turn]) -> Iterator[Turn]:
    """Yield the turns of a day, after those of the day before, whose minutes are negative."""
    for turn in turns:
        if turn.place in day.yesterday:
            slots = tuple(slot - _DAY for slot in turn.slots)
            yield Turn(slots, turn.path, turn.place, turn.count, turn.gap, turn.is_set)
    yield from (turn for turn in turns if turn.place in day.today)


def _listed(turns: Sequence[Turn]) -> str:
    names = [f"{turn.path} of the day before" if turn.slots[0] < 0 else turn.path for turn in turns]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _core(turns: list[Turn], min_gap: int) -> list[Turn]:
    """Return a smallest part of the turns that still does not fit: none can be left out."""
    kept = turns
    for turn in turns:
        without = [one for one in kept if one is not turn]
        if not fits(without, min_gap):
            kept = without
    return kept


def fits(turns: Iterable[Turn], min_gap: int) -> bool:
    """Return whether each turn can have its prompts, all at least `min_gap` minutes apart.

    The windows of one assignment must not overlap, nor lack a slot.
    """
    turns = list(turns)
    if _crowded(turns, min_gap):
        return False
    chains = _chains(turns)
    alike = _alike(chains)
    reached: dict[tuple[int, ...], list[Placed]] = {
        (0,) * len(chains): [(-inf, (-inf,) * len(chains))]
    }
    states = 0
    for _ in range(sum(len(chain) for chain in chains)):
        following: dict[tuple[int, ...], list[Placed]] = defaultdict(list)
        for counts, ends in reached.items():
            for counted, placed in _moves(chains, counts, ends, min_gap):
                key, kept = _exchanged(counted, placed, alike)
                _keep(following[key], kept)
        states += sum(len(ends) for ends in following.values())
        if not following or states > _MOST_STATES:
            return bool(following)
        reached = following
    return True


def _crowded(turns: Sequence[Turn], min_gap: int) -> bool:
    """Return whether some stretch of time has more prompts to hold than gaps leave room for."""
    spans = [(turn.slots[0], turn.slots[-1], turn.count) for turn in turns]
    return any(
        sum(count for low, high, count in spans if low >= first and high <= last)
        > (last - first) // min_gap + 1
        for first, _, _ in spans
        for _, last, _ in spans
        if last >= first
    )


def _chains(turns: Iterable[Turn]) -> list[list[Step]]:
    """Return the prompts as chains of known order: all set times, and each assignment's windows."""
    chains: dict[int, list[Step]] = defaultdict(list)
    for turn in sorted(turns):
        chain = chains[-1 if turn.is_set else turn.place]
        chain.append(Step(turn.slots, 0))
        chain.extend([Step(turn.slots, turn.gap)] * (turn.count - 1))
    return list(chains.values())


def _alike(chains: Sequence[Sequence[Step]]) -> list[list[int]]:
    """Return the groups of chains with the same steps: which of them is further on is all one."""
    groups: dict[tuple[Step, ...], list[int]] = defaultdict(list)
    for index, chain in enumerate(chains):
        groups[tuple(chain)].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _exchanged(
    counts: tuple[int, ...], placed: Placed, alike: Iterable[Sequence[int]]
) -> tuple[tuple[int, ...], Placed]:
    """Return the state with chains that are alike in one order, the furthest first."""
    if not alike:
        return counts, placed
    last, own = placed
    places = list(zip(counts, own, strict=True))
    for group in alike:
        ordered = sorted((places[index] for index in group), reverse=True)
        for index, place in zip(group, ordered, strict=True):
            places[index] = place
    return tuple(count for count, _ in places), (last, tuple(end for _, end in places))


def _moves(
    chains: Sequence[Sequence[Step]],
    counts: tuple[int, ...],
    ends: Iterable[Placed],
    min_gap: int,
) -> Iterator[tuple[tuple[int, ...], Placed]]:
    """Yield what placing one more prompt leads to; nothing from where one has no slot left."""
    heads = [
        (index, chain[count])
        for index, (chain, count) in enumerate(zip(chains, counts, strict=True))
        if count < len(chain)
    ]
    for last, own in ends:
        found = [step.earliest(last, own[index], min_gap) for index, step in heads]
        slots = [slot for slot in found if slot is not None]
        if len(slots) < len(heads):
            continue  # the time of one is over, whatever comes next
        for (index, _), slot in zip(heads, slots, strict=True):
            counted = (*counts[:index], counts[index] + 1, *counts[index + 1 :])
            chain, count = chains[index], counts[index] + 1
            looks_back = count < len(chain) and chain[count].gap > min_gap
            mine = slot if looks_back else -inf
            yield counted, (slot, (*own[:index], mine, *own[index + 1 :]))


def _keep(ends: list[Placed], new: Placed) -> None:
    """Add a state unless another is as early in everything; drop those it makes needless."""
    if any(_as_early(one, new) for one in ends):
        return
    ends[:] = [one for one in ends if not _as_early(new, one)]
    ends.append(new)


def _as_early(one: Placed, other: Placed) -> bool:
    return one[0] <= other[0] and all(a <= b for a, b in zip(one[1], other[1], strict=True))
