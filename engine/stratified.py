"""Several prompts in one window, so far apart: a draw that is uniform over all sets that fit.

A set fits if its slots are available and each lies at least the gap after the one before. Shifting
or redrawing until something fits would favour some sets, and may never end; here the sets are
counted instead, in whole numbers, so every probability is exact and nothing fails silently. The
draw goes prompt by prompt, each by its law given those before, and the product of these laws is
one over the number of sets.

Slots are instants (or any values with order and difference) that strictly increase. Each function
takes time of the order of prompts times slots.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise


def feasible(
    slots: Sequence[datetime],
    gap: timedelta,
    *,
    available: Sequence[bool] | None = None,
    after: datetime | None = None,
) -> int:
    """Return how many prompts fit at most, all of them at least `gap` after `after` too.

    Taking the earliest slot that fits, again and again, is optimal: it leaves the most room.
    """
    most, earliest = 0, _opening(slots, gap, after)
    following = _following(slots, gap)
    while (place := _first_available(available, earliest, len(slots))) is not None:
        most, earliest = most + 1, following[place]
    return most


def count_sets(
    slots: Sequence[datetime],
    n: int,
    gap: timedelta,
    *,
    available: Sequence[bool] | None = None,
    after: datetime | None = None,
) -> int:
    """Return how many sets of `n` slots fit; 1 for n = 0, the empty set."""
    if n == 0:
        return 1
    return sum(sets_by_earliest(slots, n, gap, available=available, after=after))


def sets_by_earliest(
    slots: Sequence[datetime],
    n: int,
    gap: timedelta,
    *,
    available: Sequence[bool] | None = None,
    after: datetime | None = None,
) -> tuple[int, ...]:
    """Return for each slot how many sets of `n` slots that fit begin with it.

    Raises ValueError for n < 1, slots that do not increase, or a mask of another length.
    """
    if n < 1:
        raise ValueError(f"n: must be at least 1, got {n}")
    open_ = _mask(slots, available)
    begin = _counts(open_, _following(slots, gap), n)[-1]
    opening = _opening(slots, gap, after)
    return tuple(count if place >= opening else 0 for place, count in enumerate(begin))


def next_law(
    slots: Sequence[datetime],
    available: Sequence[bool],
    remaining: int,
    gap: timedelta,
    after: datetime | None,
) -> tuple[float, ...]:
    """Return the probability of each slot to be the next prompt, `remaining` being still to come.

    `after` is the instant drawn before in this window, None for the first. Drawing each prompt
    by this law makes every set that fits equally likely. Where `remaining` do not fit, the law is
    that of the largest number that does, which `feasible` tells; where none does, all are zero.
    Each probability is the double nearest to the exact fraction. Raises as `sets_by_earliest`.
    """
    fitting = min(remaining, feasible(slots, gap, available=available, after=after))
    if fitting == 0:
        return (0.0,) * len(slots)
    begin = sets_by_earliest(slots, fitting, gap, available=available, after=after)
    total = sum(begin)
    return tuple(count / total for count in begin)


def inclusion(
    slots: Sequence[datetime],
    n: int,
    gap: timedelta,
    *,
    available: Sequence[bool] | None = None,
) -> tuple[float, ...]:
    """Return the probability of each slot to be in the set drawn; they sum to `n`.

    The slots at the ends come more often than those in the middle, which exclude neighbours on
    both sides: weights of analyses over the time of day are the inverse of these. Where `n` do
    not fit the largest number that does is taken.
    """
    fitting = min(n, feasible(slots, gap, available=available))
    if fitting == 0:
        return (0.0,) * len(slots)
    open_ = _mask(slots, available)
    begin = _counts(open_, _following(slots, gap), fitting)
    # Read backwards, the same slots and gap tell how many sets end with a slot.
    end = [row[::-1] for row in _counts(open_[::-1], _preceding(slots, gap), fitting)]
    total = sum(begin[-1])
    return tuple(
        sum(end[before][place] * begin[-1 - before][place] for before in range(fitting)) / total
        for place in range(len(slots))
    )


def _counts(open_: Sequence[bool], following: Sequence[int], n: int) -> list[tuple[int, ...]]:
    """Return for 1 to `n` prompts how many sets begin with each slot.

    `following` is the place of the first slot that may come after each.
    """
    rows = [tuple(int(one) for one in open_)]
    for _ in range(n - 1):
        suffix = [*accumulate(reversed(rows[-1]), initial=0)][::-1]
        rows.append(
            tuple(suffix[place] if one else 0 for one, place in zip(open_, following, strict=True))
        )
    return rows


def _following(slots: Sequence[datetime], gap: timedelta) -> list[int]:
    """Return for each slot the place of the first one after it that keeps the gap."""
    if any(later <= earlier for earlier, later in pairwise(slots)):
        raise ValueError("slots: must strictly increase")
    return [bisect_left(slots, slot + gap, lo=place + 1) for place, slot in enumerate(slots)]


def _preceding(slots: Sequence[datetime], gap: timedelta) -> list[int]:
    """Return `_following` for the slots in reverse, as places in the reversed list."""
    last = len(slots) - 1
    following = _following(slots, gap)
    return [
        last - (bisect_left(following, place + 1, hi=place) - 1) for place in range(last, -1, -1)
    ]


def _opening(slots: Sequence[datetime], gap: timedelta, after: datetime | None) -> int:
    """Return the place of the first slot later than `after` and at least the gap after it."""
    if after is None:
        return 0
    place = bisect_left(slots, after + gap)
    return place + 1 if place < len(slots) and slots[place] == after else place


def _mask(slots: Sequence[datetime], available: Sequence[bool] | None) -> tuple[bool, ...]:
    if available is None:
        return (True,) * len(slots)
    if len(available) != len(slots):
        raise ValueError(f"available: must be one a slot, {len(slots)}, got {len(available)}")
    return tuple(available)


def _first_available(available: Sequence[bool] | None, place: int, end: int) -> int | None:
    if available is None:
        return place if place < end else None
    return next((at for at in range(place, end) if available[at]), None)
